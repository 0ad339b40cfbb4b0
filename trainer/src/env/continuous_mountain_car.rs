//! MountainCarContinuous-v0: rock an underpowered car up a hill, as in Gymnasium 1.4.0
//! (`gymnasium/envs/classic_control/continuous_mountain_car.py`), bit for bit.

use super::episode::uniform;
use super::numpy::square;
use super::{ActionSpace, Dynamics, EnvError, EnvSpec, Scene, Shift, names};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Its name in the registry.
pub(super) const ID: &str = "MountainCarContinuous-v0";

const MIN_POSITION: f64 = -1.2;
const MAX_POSITION: f64 = 0.6;
const MAX_SPEED: f64 = 0.07;
const GOAL: f64 = 0.45;
const POWER: f64 = 0.0015;

pub(super) struct ContinuousMountainCar {
    spec: EnvSpec,
    power: f64,
    position: f64,
    velocity: f64,
    /// Gymnasium computes the first step after a reset in double precision and, because it stores
    /// its result in single, every later one in single.
    first: bool,
}

impl ContinuousMountainCar {
    /// `gear` scales the engine's power; `mass` divides it (the slope's pull does not depend on
    /// mass).
    pub(super) fn new(shift: &Shift) -> Result<Self, EnvError> {
        if shift.friction != 1.0 {
            return Err(EnvError::NotApplicable { id: ID, what: "friction" });
        }
        let spec = EnvSpec {
            id: ID,
            obs_dim: 2,
            action_space: ActionSpace::Box { low: vec![-1.0], high: vec![1.0] },
            max_episode_steps: 999,
            // The original has no unit of time: one step is one.
            control_period_s: 1.0,
            signals: names::of(ID),
        };
        let power = POWER * shift.gear / shift.mass;
        Ok(Self { spec, power, position: 0.0, velocity: 0.0, first: true })
    }

    /// What the engine and the slope add to the velocity, rounded as NumPy's promotion rules do:
    /// a force inside its bounds is a single-precision scalar and pulls the sum down to single; a
    /// clipped force is a Python float.
    fn pull(&self, action: f32) -> f64 {
        let angle =
            if self.first { 3.0 * self.position } else { f64::from(3.0 * self.position as f32) };
        let slope = 0.0025 * angle.cos();
        if (-1.0..=1.0).contains(&action) {
            f64::from(action * self.power as f32 - slope as f32)
        } else {
            f64::from(action.signum()) * self.power - slope
        }
    }
}

impl Dynamics for ContinuousMountainCar {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn state_len(&self) -> usize {
        2
    }

    fn start(&self, rng: &mut Xoshiro256PlusPlus) -> Vec<f64> {
        vec![uniform(rng, -0.6, -0.4), 0.0]
    }

    fn set_state(&mut self, state: &[f64]) {
        (self.position, self.velocity) = (state[0], state[1]);
        self.first = true;
    }

    fn step(&mut self, action: &[f32]) -> (f64, bool) {
        let pull = self.pull(action[0]);
        let round: fn(f64) -> f64 = if self.first { |x| x } else { |x| f64::from(x as f32) };
        // Double has more than twice single's digits, so rounding its sum gives the single sum.
        let limit = round(MAX_SPEED);
        let mut velocity = round(self.velocity + round(pull)).clamp(-limit, limit);
        let (low, high) = (round(MIN_POSITION), round(MAX_POSITION));
        let position = round(self.position + velocity).clamp(low, high);
        if position == low && velocity < 0.0 {
            velocity = 0.0;
        }
        let terminated = position >= round(GOAL) && velocity >= 0.0;
        (self.position, self.velocity) = (f64::from(position as f32), f64::from(velocity as f32));
        self.first = false;
        let reward = if terminated { 100.0 } else { 0.0 };
        (reward - square(f64::from(action[0])) * 0.1, terminated)
    }

    fn observe(&self, obs: &mut [f64]) {
        for (place, value) in obs.iter_mut().zip([self.position, self.velocity]) {
            *place = f64::from(value as f32);
        }
    }

    fn scene(&self) -> Scene<'_> {
        Scene::MountainCar { position: self.position, goal: GOAL }
    }
}
