//! How far a fine-tuning in episodes is.

use super::state::cut;
use super::tell;
use lacewing_formats::artifact::{AlignedBytes, PolicyView};
use lacewing_runtime::learn::session::Position;
use lacewing_runtime::learn::{AnyAgent, Replay, Score};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// How far a session is.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Progress {
    /// Steps of learning.
    pub step: u64,
    /// Finished episodes of learning.
    pub episodes: u64,
    /// Whether it was saved within an episode, whose rest is then lost.
    pub within: bool,
    /// How well the policy did that it began from.
    pub frozen: Score,
    /// Mean return of the best evaluation, whose policy is in the output file.
    pub best: Option<f64>,
    /// Step from which on the next evaluation is due.
    pub due: u64,
    /// Step of the last one.
    pub evaluated: Option<u64>,
}

impl Progress {
    /// Nothing has been learned yet by a policy that does so well.
    pub fn new(frozen: Score) -> Self {
        let (step, episodes, within, best, due, evaluated) = (0, 0, false, None, 0, None);
        Self { step, episodes, within, frozen, best, due, evaluated }
    }

    /// Where the learning loop stands.
    pub fn position(&self) -> Position {
        Position { step: self.step, episodes: self.episodes }
    }

    /// Begins anew after a restart: the episode within which it was saved has ended, and there may be no file
    /// with the best policy in `out` any more.
    pub fn begin_anew(&mut self, agent: &mut AnyAgent<'_>, replay: &mut Replay<'_>, out: &Path) {
        if core::mem::take(&mut self.within) {
            cut(agent, replay);
            self.episodes += 1;
        }
        let best = AlignedBytes::read(out).ok();
        if best.is_none_or(|bytes| PolicyView::parse(&bytes).is_err()) {
            tell(format_args!(
                "{} is not there any more: the best policy is looked for from here on",
                out.display()
            ));
            (self.best, self.evaluated) = (None, None);
        }
    }
}
