//! What every environment shares: checks, the time limit, and the shifts of sensors and actuators.

use super::{ActionSpace, Env, EnvError, EnvSpec, Scene, Shift, Step};
use rand_core::{Rng, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

/// The physics and the reward of one task; its callers have checked every length and value.
pub(super) trait Dynamics: Send {
    fn spec(&self) -> &EnvSpec;
    fn state_len(&self) -> usize;
    /// Draws the state an episode starts from.
    fn start(&self, rng: &mut Xoshiro256PlusPlus) -> Vec<f64>;
    fn set_state(&mut self, state: &[f64]);
    /// Returns the reward and whether the task ended.
    fn step(&mut self, action: &[f32]) -> (f64, bool);
    fn observe(&self, obs: &mut [f64]);
    fn scene(&self) -> Scene<'_>;
}

/// A number in `[low, high)`, every double step of 2⁻⁵³ of the range equally likely.
pub(super) fn uniform(rng: &mut Xoshiro256PlusPlus, low: f64, high: f64) -> f64 {
    let unit = (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    low + (high - low) * unit
}

/// An environment: some [`Dynamics`], one episode at a time.
pub(super) struct Episode<D> {
    dynamics: D,
    dead_actuator: Option<usize>,
    sensor_noise: f64,
    rng: Xoshiro256PlusPlus,
    /// Steps left before the time limit; 0 where no episode runs.
    steps_left: u32,
    /// The action after the dead actuator has been applied to it.
    command: Vec<f32>,
}

impl<D: Dynamics + 'static> Episode<D> {
    /// `shift`'s gear, mass and friction are the dynamics' own business.
    pub(super) fn boxed(dynamics: D, shift: &Shift) -> Result<Box<dyn Env>, EnvError> {
        let EnvSpec { id, ref action_space, .. } = *dynamics.spec();
        let count = action_space.len();
        match (shift.dead_actuator, action_space) {
            // A choice has no value that would stand for "no command".
            (Some(_), ActionSpace::Discrete { .. }) => {
                return Err(EnvError::NotApplicable { id, what: "dead-actuator" });
            }
            (Some(index), ActionSpace::Box { .. }) if index >= count => {
                return Err(EnvError::DeadActuator { id, index, count });
            }
            _ => {}
        }
        Ok(Box::new(Self {
            dynamics,
            dead_actuator: shift.dead_actuator,
            sensor_noise: shift.sensor_noise,
            rng: Xoshiro256PlusPlus::seed_from_u64(0),
            steps_left: 0,
            command: vec![0.0; count],
        }))
    }
}

impl<D: Dynamics> Episode<D> {
    fn observe(&mut self, obs: &mut [f64]) {
        self.dynamics.observe(obs);
        if self.sensor_noise > 0.0 {
            for value in obs {
                let noise: f64 = StandardNormal.sample(&mut self.rng);
                *value += self.sensor_noise * noise;
            }
        }
    }
}

impl<D: Dynamics> Env for Episode<D> {
    fn spec(&self) -> &EnvSpec {
        self.dynamics.spec()
    }

    fn reset(&mut self, seed: u64, obs: &mut [f64]) -> Result<(), EnvError> {
        self.spec().check_obs(obs)?;
        self.rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let state = self.dynamics.start(&mut self.rng);
        self.set_state(&state, obs)
    }

    fn set_state(&mut self, state: &[f64], obs: &mut [f64]) -> Result<(), EnvError> {
        self.spec().check_obs(obs)?;
        let expected = self.dynamics.state_len();
        if state.len() != expected {
            return Err(EnvError::StateLength { expected, given: state.len() });
        }
        check_finite("state", state.iter().copied())?;
        self.dynamics.set_state(state);
        self.steps_left = self.dynamics.spec().max_episode_steps;
        self.observe(obs);
        Ok(())
    }

    fn step(&mut self, action: &[f32], obs: &mut [f64]) -> Result<Step, EnvError> {
        self.spec().check_obs(obs)?;
        if action.len() != self.command.len() {
            let expected = self.command.len();
            return Err(EnvError::ActionLength { expected, given: action.len() });
        }
        check_finite("action", action.iter().map(|&value| f64::from(value)))?;
        if let ActionSpace::Discrete { n } = self.dynamics.spec().action_space {
            check_choice(action[0], n)?;
        }
        if self.steps_left == 0 {
            return Err(EnvError::NeedsReset);
        }
        self.command.copy_from_slice(action);
        if let Some(dead) = self.dead_actuator {
            self.command[dead] = 0.0;
        }
        let (reward, terminated) = self.dynamics.step(&self.command);
        self.observe(obs);
        self.steps_left -= 1;
        // As Gymnasium's TimeLimit: the last step may be both terminated and truncated.
        let truncated = self.steps_left == 0;
        if terminated {
            self.steps_left = 0;
        }
        Ok(Step { reward, terminated, truncated })
    }

    fn scene(&self) -> Scene<'_> {
        self.dynamics.scene()
    }
}

fn check_finite(what: &'static str, values: impl Iterator<Item = f64>) -> Result<(), EnvError> {
    for (index, value) in values.enumerate() {
        if !value.is_finite() {
            return Err(EnvError::NonFinite { what, index, value });
        }
    }
    Ok(())
}

fn check_choice(value: f32, n: u32) -> Result<(), EnvError> {
    if value.fract() == 0.0 && (0.0..n as f32).contains(&value) {
        Ok(())
    } else {
        Err(EnvError::Choice { value, n })
    }
}
