//! CartPole-v1: balance a pole on a cart by pushing the cart left or right, as in Gymnasium 1.4.0
//! (`gymnasium/envs/classic_control/cartpole.py`; Barto, Sutton and Anderson 1983), bit for bit.

use super::episode::uniform;
use super::{ActionSpace, Dynamics, EnvError, EnvSpec, Scene, Shift, names};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::f64::consts::PI;

/// Its name in the registry.
pub(super) const ID: &str = "CartPole-v1";

const GRAVITY: f64 = 9.8;
const CART_MASS: f64 = 1.0;
const POLE_MASS: f64 = 0.1;
/// Half the pole's.
const LENGTH: f64 = 0.5;
const FORCE: f64 = 10.0;
const DT: f64 = 0.02;
const MAX_POSITION: f64 = 2.4;
const MAX_ANGLE: f64 = 12.0 * 2.0 * PI / 360.0;

pub(super) struct CartPole {
    spec: EnvSpec,
    force: f64,
    pole_mass: f64,
    /// Position, velocity, angle, angular velocity.
    state: [f64; 4],
}

impl CartPole {
    /// `gear` scales the force of a push, `mass` the pole's mass.
    pub(super) fn new(shift: &Shift) -> Result<Self, EnvError> {
        if shift.friction != 1.0 {
            return Err(EnvError::NotApplicable { id: ID, what: "friction" });
        }
        let spec = EnvSpec {
            id: ID,
            obs_dim: 4,
            action_space: ActionSpace::Discrete { n: 2 },
            max_episode_steps: 500,
            control_period_s: DT,
            signals: names::of(ID),
        };
        let (force, pole_mass) = (FORCE * shift.gear, POLE_MASS * shift.mass);
        Ok(Self { spec, force, pole_mass, state: [0.0; 4] })
    }
}

impl Dynamics for CartPole {
    fn spec(&self) -> &EnvSpec {
        &self.spec
    }

    fn state_len(&self) -> usize {
        4
    }

    fn start(&self, rng: &mut Xoshiro256PlusPlus) -> Vec<f64> {
        (0..4).map(|_| uniform(rng, -0.05, 0.05)).collect()
    }

    fn set_state(&mut self, state: &[f64]) {
        self.state.copy_from_slice(state);
    }

    fn step(&mut self, action: &[f32]) -> (f64, bool) {
        let [position, velocity, angle, angular] = self.state;
        let force = if action[0] == 1.0 { self.force } else { -self.force };
        let (sin, cos) = (angle.sin(), angle.cos());
        let mass = self.pole_mass + CART_MASS;
        let pole_moment = self.pole_mass * LENGTH;
        let push = (force + pole_moment * (angular * angular) * sin) / mass;
        let angular_acceleration = (GRAVITY * sin - cos * push)
            / (LENGTH * (4.0 / 3.0 - self.pole_mass * (cos * cos) / mass));
        let acceleration = push - pole_moment * angular_acceleration * cos / mass;
        let [position, angle] = [position + DT * velocity, angle + DT * angular];
        self.state =
            [position, velocity + DT * acceleration, angle, angular + DT * angular_acceleration];
        // The step that fails is rewarded too.
        (1.0, position.abs() > MAX_POSITION || angle.abs() > MAX_ANGLE)
    }

    fn observe(&self, obs: &mut [f64]) {
        for (place, value) in obs.iter_mut().zip(self.state) {
            *place = f64::from(value as f32);
        }
    }

    fn scene(&self) -> Scene<'_> {
        let [position, _, angle, _] = self.state;
        Scene::CartPole { position, angle }
    }
}
