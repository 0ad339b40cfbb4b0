//! Playing a policy file as a device would: through the runtime, from the file's own bytes.

use lacewing_formats::artifact::PolicyView;
use lacewing_formats::policy::{
    ActionHead, Announced, Contract, Mismatch as ContractMismatch, Signal,
};
use lacewing_runtime::act::{ActError, LoadError, Policy};
use lacewing_runtime::learn::Block;
use lacewing_runtime::{act::Layout, kernels::act::Kernel};
use thiserror::Error;

use super::world::play;
use crate::env::{ActionSpace, Env, EnvError, EnvSpec};
use lacewing_runtime::learn::Score;

/// Why a policy file could not be played.
#[derive(Debug, Error)]
pub enum PlayError {
    /// The environment failed.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// The policy could not act.
    #[error("the policy cannot act here: {0}")]
    Act(#[from] ActError),
    /// The runtime refused the policy.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// One chooses among discrete actions, the other does not.
    #[error(
        "of this policy and {env} one has discrete actions and the other continuous ones; name the \
         right environment with --env"
    )]
    OtherActions {
        /// The environment.
        env: &'static str,
    },
    /// The environment's signals are not those of the policy's contract.
    #[error(transparent)]
    Contract(#[from] ContractMismatch),
    /// Only a driver's side stacks frames.
    #[error(
        "the contract of this policy stacks its observations from {history} frame(s){previous}, which \
         simulators do not: run it with its robot's driver, `lacewing-edge finetune POLICY --env-command DRIVER \
         --out FILE`"
    )]
    Frames {
        /// Frames of an observation.
        history: usize,
        /// Says whether they end with the action before.
        previous: &'static str,
    },
    /// Policy and environment have other lengths.
    #[error(
        "this policy takes {policy_in} observations and gives {policy_out} actions, but {env} has \
         {env_in} and {env_out}; name the right environment with --env"
    )]
    Mismatch {
        /// The environment.
        env: &'static str,
        /// Length of the policy's observation.
        policy_in: usize,
        /// Length of the policy's action.
        policy_out: usize,
        /// Length of the environment's observation.
        env_in: usize,
        /// Length of the environment's action.
        env_out: usize,
    },
}

/// Checks that a policy fits an environment.
///
/// # Errors
/// [`PlayError::Mismatch`], [`PlayError::OtherActions`], [`PlayError::Contract`],
/// [`PlayError::Frames`].
pub fn check_fit(view: &PolicyView<'_>, env: &dyn Env) -> Result<(), PlayError> {
    let spec = env.spec();
    let (policy_in, policy_out) = (view.header().observations(), view.header().outputs());
    let (env_in, env_out) = (spec.obs_dim, spec.action_space.outputs());
    let env_is_discrete = matches!(spec.action_space, ActionSpace::Discrete { .. });
    if env_is_discrete != (view.action_head() == ActionHead::Argmax) {
        return Err(PlayError::OtherActions { env: spec.id });
    }
    if let Some(contract) = stacked(view) {
        let previous = if contract.previous_action() { " with the action before" } else { "" };
        return Err(PlayError::Frames { history: contract.history(), previous });
    }
    if (policy_in, policy_out) != (env_in, env_out) {
        return Err(PlayError::Mismatch { env: spec.id, policy_in, policy_out, env_in, env_out });
    }
    if let Some(contract) = view.contract() {
        announced(spec, &contract).compare(&contract, view.header().control_period_s())?;
    }
    Ok(())
}

/// The contract of a policy whose observations only a driver's side can stack.
pub fn stacked<'a>(view: &PolicyView<'a>) -> Option<Contract<'a>> {
    view.contract().filter(|contract| contract.history() > 1 || contract.previous_action())
}

/// What an environment says of itself, beside a contract. It speaks the policy's units: those of a
/// driver whose numbers are converted are others.
fn announced(spec: &EnvSpec, contract: &Contract<'_>) -> Announced {
    let mut announced = spec.signals.clone();
    announced.control_period_s = Some(spec.control_period_s);
    let same = |signal: Signal<'_>| (signal.offset, signal.scale) == (0.0, 1.0);
    if !contract.observations().all(same) {
        announced.obs_units = None;
    }
    if !contract.actions().all(same) {
        announced.act_units = None;
    }
    announced
}

/// A policy in this processor's fastest layout, with the memory it acts in.
pub struct Ready<'a> {
    policy: Policy<'a>,
    scratch: Vec<f32>,
}

impl Ready<'_> {
    /// One control step: see [`Policy::act`].
    ///
    /// # Errors
    /// [`ActError`].
    pub fn act(&mut self, observation: &[f32], action: &mut [f32]) -> Result<(), ActError> {
        self.policy.act(observation, action, &mut self.scratch)
    }
}

/// Calls `run` with a policy file that is loaded and whose probes agree.
///
/// # Errors
/// [`PlayError`] if the policy is refused, and those of `run`.
pub fn with_policy<T, E: From<PlayError>>(
    view: PolicyView<'_>,
    run: impl FnOnce(Ready<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let mut memory = vec![Block::ZERO; Policy::blocks(&view, Layout::Packed, Kernel::best())];
    let policy = Policy::packed(view, &mut memory).map_err(PlayError::from)?;
    let mut scratch = vec![0.0; policy.scratch_len()];
    let mut action = vec![0.0; policy.actions()];
    policy.check_probes(&mut action, &mut scratch).map_err(PlayError::from)?;
    run(Ready { policy, scratch })
}

/// Plays episodes with a policy file, after replaying its probes.
///
/// # Errors
/// [`PlayError`].
pub fn evaluate(
    view: PolicyView<'_>,
    env: &mut dyn Env,
    episodes: u32,
    seed: u64,
) -> Result<Score, PlayError> {
    check_fit(&view, env)?;
    let returns = with_policy(view, |mut policy| {
        play(env, episodes, seed, |obs, action| policy.act(obs, action).map_err(PlayError::from))
    })?;
    Ok(Score::of(&returns))
}
