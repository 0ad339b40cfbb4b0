//! Pendulum-v1: swing a pole up and hold it, as in Gymnasium 1.4.0
//! (`gymnasium/envs/classic_control/pendulum.py`), bit for bit.

use super::episode::uniform;
use super::numpy::{square, square_f32};
use super::{ActionSpace, Dynamics, EnvError, EnvSpec, Scene, Shift, names};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::f64::consts::PI;

/// Its name in the registry.
pub(super) const ID: &str = "Pendulum-v1";

const MAX_SPEED: f64 = 8.0;
const MAX_TORQUE: f32 = 2.0;
const DT: f64 = 0.05;
const GRAVITY: f64 = 10.0;
const LENGTH: f64 = 1.0;

pub(super) struct Pendulum {
    spec: EnvSpec,
    /// Angular acceleration for a unit of torque: 3 gear / (m l²), in single precision as there.
    acceleration: f32,
    angle: f64,
    speed: f64,
    /// Of the last step, for pictures.
    torque: f32,
}

impl Pendulum {
    /// `gear` scales the torque that reaches the pole (the cost is that of the torque asked for),
    /// `mass` the pole's mass.
    pub(super) fn new(shift: &Shift) -> Result<Self, EnvError> {
        if shift.friction != 1.0 {
            return Err(EnvError::NotApplicable { id: ID, what: "friction" });
        }
        let spec = EnvSpec {
            id: ID,
            obs_dim: 3,
            action_space: ActionSpace::Box { low: vec![-MAX_TORQUE], high: vec![MAX_TORQUE] },
            max_episode_steps: 200,
            control_period_s: DT,
            signals: names::of(ID),
        };
        let acceleration = (3.0 * shift.gear / (shift.mass * LENGTH * LENGTH)) as f32;
        Ok(Self { spec, acceleration, angle: 0.0, speed: 0.0, torque: 0.0 })
    }
}

impl Dynamics for Pendulum {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn state_len(&self) -> usize {
        2
    }

    fn start(&self, rng: &mut Xoshiro256PlusPlus) -> Vec<f64> {
        vec![uniform(rng, -PI, PI), uniform(rng, -1.0, 1.0)]
    }

    fn set_state(&mut self, state: &[f64]) {
        (self.angle, self.speed, self.torque) = (state[0], state[1], 0.0);
    }

    fn step(&mut self, action: &[f32]) -> (f64, bool) {
        let torque = action[0].clamp(-MAX_TORQUE, MAX_TORQUE);
        let cost = square(normalised(self.angle))
            + 0.1 * square(self.speed)
            + f64::from(0.001 * square_f32(torque));
        let gravity = 3.0 * GRAVITY / (2.0 * LENGTH) * self.angle.sin();
        let speed = self.speed + (gravity + f64::from(self.acceleration * torque)) * DT;
        self.speed = speed.clamp(-MAX_SPEED, MAX_SPEED);
        self.angle += self.speed * DT;
        self.torque = torque;
        (-cost, false)
    }

    fn observe(&self, obs: &mut [f64]) {
        // Gymnasium gives single precision.
        for (place, value) in obs.iter_mut().zip([self.angle.cos(), self.angle.sin(), self.speed]) {
            *place = f64::from(value as f32);
        }
    }

    fn scene(&self) -> Scene<'_> {
        Scene::Pendulum { angle: self.angle, torque: f64::from(self.torque / MAX_TORQUE) }
    }
}

/// The angle in [-π, π), with Python's remainder (which has the divisor's sign).
fn normalised(angle: f64) -> f64 {
    let turn = 2.0 * PI;
    let mut rest = (angle + PI) % turn;
    if rest < 0.0 {
        rest += turn;
    }
    rest - PI
}
