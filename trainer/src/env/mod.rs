//! Environments: classic control in Rust and the MuJoCo robots through a library opened at run
//! time, all behind one trait.
//!
//! ```
//! use lacewing::env::{Shift, make};
//!
//! let mut env = make("Pendulum-v1", &Shift::default())?;
//! let mut obs = vec![0.0; env.spec().obs_dim];
//! env.reset(7, &mut obs)?;
//! let step = env.step(&[0.5], &mut obs)?;
//! assert!(step.reward <= 0.0);
//! # Ok::<(), lacewing::env::EnvError>(())
//! ```

mod acrobot;
mod cart_pole;
mod continuous_mountain_car;
mod episode;
mod error;
mod mountain_car;
mod mujoco;
mod names;
mod numpy;
mod pendulum;
mod scene;
pub mod serve;
mod settings;
mod shift;
mod space;
mod wrap;

pub use error::EnvError;
pub use mujoco::{RenderError, Renderer, Robot, install_mujoco};
pub use scene::Scene;
pub use settings::SettingError;
pub use shift::Shift;
pub use space::ActionSpace;
pub use wrap::Wrap;

use acrobot::Acrobot;
use cart_pole::CartPole;
use continuous_mountain_car::ContinuousMountainCar;
use episode::{Dynamics, Episode};
use lacewing_formats::policy::Announced;
use mountain_car::MountainCar;
use mujoco::Locomotion;
use pendulum::Pendulum;
use serde::Serialize;

/// What an environment takes and gives.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EnvSpec {
    /// Its name, as in Gymnasium.
    pub id: &'static str,
    /// Length of an observation.
    pub obs_dim: usize,
    /// Its actions.
    #[serde(flatten)]
    pub action_space: ActionSpace,
    /// Steps after which an episode is cut off.
    pub max_episode_steps: u32,
    /// Seconds of simulated time a step takes.
    pub control_period_s: f64,
    /// What the numbers are, where they are named.
    #[serde(flatten)]
    pub signals: Announced,
}

impl EnvSpec {
    fn check_obs(&self, obs: &[f64]) -> Result<(), EnvError> {
        if obs.len() == self.obs_dim {
            Ok(())
        } else {
            Err(EnvError::ObsLength { expected: self.obs_dim, given: obs.len() })
        }
    }
}

/// What one step gave, beside the observation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Reward of the step.
    pub reward: f64,
    /// The task ended (goal reached, robot fell): nothing can follow, do not bootstrap.
    pub terminated: bool,
    /// The time limit cut the episode: its value goes on, do bootstrap.
    pub truncated: bool,
}

/// One simulated task.
///
/// The time limit is inside (`truncated`). After a step with `terminated` or `truncated`, and
/// before the first step, call [`Env::reset`].
pub trait Env: Send {
    /// Sizes, actions and time limit.
    fn spec(&self) -> &EnvSpec;

    /// Starts an episode from a random state and writes its first observation.
    ///
    /// The same seed always gives the same episode for the same actions.
    ///
    /// # Errors
    /// [`EnvError::ObsLength`] where `obs` is not `spec().obs_dim` long.
    fn reset(&mut self, seed: u64, obs: &mut [f64]) -> Result<(), EnvError>;

    /// Starts an episode from a given state and writes its first observation.
    ///
    /// The state is Gymnasium's: `[angle, angular velocity]` for Pendulum, `[position, velocity]`
    /// for the mountain cars, `[position, velocity, angle, angular velocity]` for CartPole,
    /// `[angle, angle, angular velocity, angular velocity]` for Acrobot, `qpos` followed by `qvel`
    /// for MuJoCo.
    ///
    /// # Errors
    /// [`EnvError::StateLength`] or [`EnvError::ObsLength`] for a wrong length,
    /// [`EnvError::NonFinite`] where the state holds NaN or infinity.
    fn set_state(&mut self, state: &[f64], obs: &mut [f64]) -> Result<(), EnvError>;

    /// Advances by one control period and writes the observation after it.
    ///
    /// `action` has `spec().action_space.len()` values: of a continuous space in the environment's
    /// units, values outside the limits being treated as Gymnasium treats them (the actuator
    /// saturates, the control cost does not); of a discrete one the index of the choice, a whole
    /// number.
    ///
    /// # Errors
    /// [`EnvError::NeedsReset`] without a running episode, [`EnvError::ActionLength`],
    /// [`EnvError::ObsLength`], [`EnvError::NonFinite`], [`EnvError::Choice`]; the state is unchanged
    /// by each of them.
    fn step(&mut self, action: &[f32], obs: &mut [f64]) -> Result<Step, EnvError>;

    /// What there is to draw of the present state.
    fn scene(&self) -> Scene<'_>;
}

/// How to build one environment.
struct Entry {
    id: &'static str,
    make: fn(&Shift) -> Result<Box<dyn Env>, EnvError>,
}

/// Every environment there is: one line registers one.
const REGISTRY: &[Entry] = &[
    Entry { id: pendulum::ID, make: |shift| Episode::boxed(Pendulum::new(shift)?, shift) },
    Entry { id: cart_pole::ID, make: |shift| Episode::boxed(CartPole::new(shift)?, shift) },
    Entry { id: acrobot::ID, make: |shift| Episode::boxed(Acrobot::new(shift)?, shift) },
    Entry { id: mountain_car::ID, make: |shift| Episode::boxed(MountainCar::new(shift)?, shift) },
    Entry {
        id: continuous_mountain_car::ID,
        make: |shift| Episode::boxed(ContinuousMountainCar::new(shift)?, shift),
    },
    Entry {
        id: mujoco::HALF_CHEETAH.id,
        make: |shift| Locomotion::boxed(&mujoco::HALF_CHEETAH, shift),
    },
    Entry { id: mujoco::HOPPER.id, make: |shift| Locomotion::boxed(&mujoco::HOPPER, shift) },
    Entry { id: mujoco::WALKER2D.id, make: |shift| Locomotion::boxed(&mujoco::WALKER2D, shift) },
    Entry { id: mujoco::ANT.id, make: |shift| Locomotion::boxed(&mujoco::ANT, shift) },
    Entry { id: mujoco::HUMANOID.id, make: |shift| Locomotion::boxed(&mujoco::HUMANOID, shift) },
];

/// The names [`make`] knows.
pub fn ids() -> impl Iterator<Item = &'static str> {
    REGISTRY.iter().map(|entry| entry.id)
}

/// The name of an environment, and what is put around it: `HalfCheetah-v5[noise-features=0.9]` is
/// `HalfCheetah-v5` with a [`Wrap`].
///
/// # Errors
/// [`EnvError::Setting`] where the wrap is none.
pub fn parts(id: &str) -> Result<(&str, Wrap), EnvError> {
    match id.strip_suffix(']').and_then(|id| id.split_once('[')) {
        Some((name, wrap)) => Ok((name, wrap.parse()?)),
        None => Ok((id, Wrap::default())),
    }
}

/// How many of the last features of an observation are fake; none of an environment that cannot be built.
pub fn fake_features(id: &str) -> u32 {
    let Ok((_, wrap)) = parts(id) else { return 0 };
    if wrap.noise_features.is_none() {
        return 0;
    }
    let observations = make(id, &Shift::default()).map_or(0, |env| env.spec().obs_dim);
    wrap.fakes_at_the_end(observations) as u32
}

/// Builds an environment, its dynamics changed by `shift` ([`Shift::default`] changes nothing); `id`
/// may name a wrap, see [`parts`].
///
/// # Errors
/// Those of [`parts`] and [`make_wrapped`].
pub fn make(id: &str, shift: &Shift) -> Result<Box<dyn Env>, EnvError> {
    let (name, wrap) = parts(id)?;
    make_wrapped(name, shift, &wrap)
}

/// Builds an environment of the registry.
///
/// # Errors
/// [`EnvError::Unknown`] for a name that is not in [`ids`]; [`EnvError::NotApplicable`] or
/// [`EnvError::DeadActuator`] for a shift the environment has no place for; for the MuJoCo robots
/// [`EnvError::MujocoMissing`] and its siblings where the library cannot be used.
fn make_bare(id: &str, shift: &Shift) -> Result<Box<dyn Env>, EnvError> {
    match REGISTRY.iter().find(|entry| entry.id == id) {
        Some(entry) => (entry.make)(shift),
        None => Err(EnvError::unknown(id, ids())),
    }
}

/// An environment with `wrap` around it ([`Wrap::default`] changes nothing).
///
/// # Errors
/// [`EnvError::Unknown`] for a name that is not in [`ids`]; [`EnvError::NotApplicable`] or
/// [`EnvError::DeadActuator`] for a shift the environment has no place for; for the MuJoCo robots
/// [`EnvError::MujocoMissing`] and its siblings where the library cannot be used; [`EnvError::TimeLimit`] where the environment's own is shorter.
pub fn make_wrapped(id: &str, shift: &Shift, wrap: &Wrap) -> Result<Box<dyn Env>, EnvError> {
    wrap.around(make_bare(id, shift)?)
}
