//! Between what the numbers of an observation lie.

use crate::learn::agent::OBSERVATION_CLIP;
use lacewing_formats::artifact::PolicyView;

/// Least and greatest value of a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// Least.
    pub low: f32,
    /// Greatest.
    pub high: f32,
}

impl Range {
    pub(super) fn width(&self) -> f32 {
        self.high - self.low
    }

    /// Whether there is anything between its ends that can be told apart.
    pub(super) fn has_width(&self) -> bool {
        self.width() > 0.0 && (self.width() / 255.0).is_normal() && self.low.is_finite()
    }
}

/// Deviations off the mean that a byte can stand for; steps are then 1/25 of a deviation.
const DEVIATIONS: f32 = 0.5 * OBSERVATION_CLIP;

/// What is known of a number of a policy's observation, in the policy's units: the limits in its
/// contract, of a previous action those of the action head, else the normaliser's mean ± 5 deviations.
pub fn observation_range(view: &PolicyView<'_>, index: usize) -> Option<Range> {
    let contract = view.contract().and_then(|contract| {
        let observations = view.header().observations();
        let sensors = contract.sensors(observations, view.header().outputs());
        let within = index % (observations / contract.history());
        let Some(signal) = contract.observations().nth(within) else {
            let (low, high) = view.action_head().limits()?;
            let action = within.checked_sub(sensors)?;
            return Some(Range { low: *low.get(action)?, high: *high.get(action)? });
        };
        let [a, b] = [signal.low?, signal.high?].map(|end| (end - signal.offset) * signal.scale);
        Some(Range { low: a.min(b), high: a.max(b) })
    });
    contract.or_else(|| {
        let normaliser = view.normaliser()?;
        let (mean, reach) = (normaliser.mean[index], DEVIATIONS * normaliser.std[index]);
        Some(Range { low: mean - reach, high: mean + reach })
    })
}
