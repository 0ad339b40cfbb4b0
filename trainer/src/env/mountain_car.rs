//! MountainCar-v0: rock an underpowered car up a hill by driving left, right or not at all, as in
//! Gymnasium 1.4.0 (`gymnasium/envs/classic_control/mountain_car.py`; Moore 1990), bit for bit.

use super::episode::uniform;
use super::{ActionSpace, Dynamics, EnvError, EnvSpec, Scene, Shift, names};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Its name in the registry.
pub(super) const ID: &str = "MountainCar-v0";

const MIN_POSITION: f64 = -1.2;
const MAX_POSITION: f64 = 0.6;
const MAX_SPEED: f64 = 0.07;
const GOAL: f64 = 0.5;
const FORCE: f64 = 0.001;
const GRAVITY: f64 = 0.0025;

pub(super) struct MountainCar {
    spec: EnvSpec,
    force: f64,
    position: f64,
    velocity: f64,
}

impl MountainCar {
    /// `gear` scales the engine's force; `mass` divides it (the slope's pull does not depend on
    /// mass).
    pub(super) fn new(shift: &Shift) -> Result<Self, EnvError> {
        if shift.friction != 1.0 {
            return Err(EnvError::NotApplicable { id: ID, what: "friction" });
        }
        let spec = EnvSpec {
            id: ID,
            obs_dim: 2,
            action_space: ActionSpace::Discrete { n: 3 },
            max_episode_steps: 200,
            // The original has no unit of time: one step is one.
            control_period_s: 1.0,
            signals: names::of(ID),
        };
        let force = FORCE * shift.gear / shift.mass;
        Ok(Self { spec, force, position: 0.0, velocity: 0.0 })
    }
}

impl Dynamics for MountainCar {
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
    }

    fn step(&mut self, action: &[f32]) -> (f64, bool) {
        let engine = (f64::from(action[0]) - 1.0) * self.force;
        let pull = engine - (3.0 * self.position).cos() * GRAVITY;
        self.velocity = (self.velocity + pull).clamp(-MAX_SPEED, MAX_SPEED);
        self.position = (self.position + self.velocity).clamp(MIN_POSITION, MAX_POSITION);
        if self.position == MIN_POSITION && self.velocity < 0.0 {
            self.velocity = 0.0;
        }
        (-1.0, self.position >= GOAL && self.velocity >= 0.0)
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
