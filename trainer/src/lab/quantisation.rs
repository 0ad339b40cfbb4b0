//! What a policy loses by being stored in another encoding.

use lacewing_formats::artifact::PolicyView;
use lacewing_formats::policy::ActionHead;
use serde::Serialize;

use super::deployed::{PlayError, check_fit, evaluate, with_policy};
use super::world::play;
use crate::env::Env;
use lacewing_runtime::learn::Score;

/// How far the actions of an exported policy are from those of the original, each as a share of half
/// the range of that action (a discrete one is 0 or 1 off).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ActionError {
    /// Observations that both answered.
    pub observations: u64,
    /// The largest error of any action.
    pub max: f64,
    /// The root of the mean square over observations and actions.
    pub rms: f64,
}

/// Returns of both, mean ± standard deviation of the same episodes' starts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Returns {
    /// Of the original.
    pub before: Score,
    /// Of the exported.
    pub after: Score,
}

/// The action error on the observations of the probes that `original` carries.
///
/// # Errors
/// [`PlayError`].
pub fn on_probes(
    original: &PolicyView<'_>,
    exported: &PolicyView<'_>,
) -> Result<ActionError, PlayError> {
    let mut sums = Sums::default();
    with_policy(original.clone(), |mut before| {
        with_policy(exported.clone(), |mut after| {
            let mut actions = [(); 2].map(|()| vec![0.0; original.header().actions()]);
            for probe in original.probes() {
                let [before_action, after_action] = &mut actions;
                before.act(probe.observation, before_action)?;
                after.act(probe.observation, after_action)?;
                sums.add(&original.action_head(), before_action, after_action);
            }
            Ok::<_, PlayError>(())
        })
    })?;
    Ok(sums.error())
}

/// The action error on every observation of `episodes` episodes that `original` plays, and the
/// returns of both.
///
/// # Errors
/// [`PlayError`].
pub fn in_environment(
    original: &PolicyView<'_>,
    exported: &PolicyView<'_>,
    env: &mut dyn Env,
    episodes: u32,
    seed: u64,
) -> Result<(ActionError, Returns), PlayError> {
    check_fit(original, env)?;
    let mut sums = Sums::default();
    let returns = with_policy(original.clone(), |mut before| {
        with_policy(exported.clone(), |mut after| {
            let mut other = vec![0.0; original.header().actions()];
            play(env, episodes, seed, |observation, action| {
                before.act(observation, action)?;
                after.act(observation, &mut other)?;
                sums.add(&original.action_head(), action, &other);
                Ok::<_, PlayError>(())
            })
        })
    })?;
    let after = evaluate(exported.clone(), env, episodes, seed)?;
    Ok((sums.error(), Returns { before: Score::of(&returns), after }))
}

/// What an [`ActionError`] is made of.
#[derive(Default)]
struct Sums {
    observations: u64,
    actions: u64,
    max: f64,
    squares: f64,
}

impl Sums {
    fn add(&mut self, head: &ActionHead<'_>, before: &[f32], after: &[f32]) {
        self.observations += 1;
        for (index, (&before, &after)) in before.iter().zip(after).enumerate() {
            let error = head.distance(index, before, after);
            self.actions += 1;
            self.max = self.max.max(error);
            self.squares += error * error;
        }
    }

    fn error(&self) -> ActionError {
        let mean_square = self.squares / self.actions.max(1) as f64;
        ActionError { observations: self.observations, max: self.max, rms: mean_square.sqrt() }
    }
}
