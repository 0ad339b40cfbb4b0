//! A replay that forgets what another policy did (RLx2: Tan et al. 2023, §4.2, "dynamic-capacity buffer").

use super::agent::Learner;
use super::memory::Replay;
use serde::{Deserialize, Serialize};

/// Transitions that are looked at: eight batches of 256, as in the paper's code.
const LOOKED_AT: usize = 2048;

/// When the oldest transitions go: where the present policy would act so differently from what was done
/// that targets of several steps no longer hold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DynamicBuffer {
    /// Steps from one look at the oldest transitions to the next.
    pub every: u64,
    /// Half the mean square of what actions of the oldest transitions are off from the present policy's,
    /// in units where they are in [−1, 1], above which a tenth of the transitions goes, the oldest.
    pub distance: f32,
    /// Transitions that stay in any case.
    pub least: u32,
}

impl DynamicBuffer {
    /// Of TD3 in the paper's code.
    pub const RLX2: Self = Self { every: 10_000, distance: 0.2, least: 100_000 };

    /// Forgets the oldest transitions if it is time for a look after `step` steps and they are too far off;
    /// overwrites what is given for an observation and an action.
    ///
    /// # Errors
    /// Those of [`Learner::act`].
    pub fn fit<L: Learner + ?Sized>(
        &self,
        step: u64,
        learner: &mut L,
        data: &mut Replay<'_>,
        seen: (&mut [f32], &mut [f32]),
    ) -> Result<(), L::Error> {
        let due = step.checked_rem(self.every) == Some(0);
        if due && data.len() > self.least as usize && distance(learner, data, seen)? > self.distance
        {
            data.keep_newest(data.len() - data.len() / 10);
        }
        Ok(())
    }
}

/// See [`DynamicBuffer::distance`]. Stored actions have exploration's noise in them: with a standard
/// deviation of .1 it adds .005.
fn distance<L: Learner + ?Sized>(
    learner: &mut L,
    data: &Replay<'_>,
    (observation, action): (&mut [f32], &mut [f32]),
) -> Result<f32, L::Error> {
    let oldest = data.oldest(LOOKED_AT);
    let numbers = oldest.len() * action.len();
    let mut sum = 0.0;
    for index in oldest {
        let then = data.get(index);
        then.observation.copy_to(observation);
        learner.act(observation, action)?;
        let off = then.action.iter().zip(&*action).map(|(then, now)| then - now);
        sum += off.map(|off| off * off).sum::<f32>();
    }
    Ok(0.5 * sum / numbers as f32)
}
