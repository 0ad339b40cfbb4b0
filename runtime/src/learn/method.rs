//! A method of sparse training, as a value: when which links go and come.

use super::error::LearnError;
use lacewing_formats::topology::{Amount, Drop, Schedule, TargetRule};
use serde::{Deserialize, Serialize};

/// What comes in the place of links that were dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Growth {
    /// Nothing: the layer shrinks in its memory and gets faster (gradual pruning).
    Nothing,
    /// Links in any free place (SET: Mocanu et al. 2018, §2).
    #[default]
    Random,
    /// Links where the gradient of the present minibatch is the largest (RigL: Evci et al. 2020, alg.
    /// 1), by the weights after this update's step.
    Gradient,
}

/// The second moment that Adam ascribes to a link that has just grown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Newborn {
    /// None, as at the first step of all. But the bias correction is that of a late step, so that the
    /// first steps of such a link are longer than the learning rate: a hundred with the same sign add
    /// up to some 460 learning rates.
    #[default]
    Fresh,
    /// The mean of the layer's links, so that it steps as they do.
    LayerMean,
}

/// When, how much and what of the topology changes. Both a policy and its critics follow it, each with
/// its own links.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Method {
    /// The updates after which it changes.
    pub schedule: Schedule,
    /// How many links of a layer go.
    pub amount: Amount,
    /// Which of them go.
    pub drop: Drop,
    /// What comes for them.
    pub grow: Growth,
    /// Changes that a new link outlives for certain.
    pub protect: u8,
    /// How a new link's optimiser starts.
    pub newborn: Newborn,
    /// Whose links a target network has.
    pub target: TargetRule,
}

impl Method {
    /// The topology drawn at the start stays.
    pub const STATIC: Self = Self {
        schedule: Schedule { from: 0, until: 0, every: 0 },
        amount: Amount::Constant(0.0),
        drop: Drop::Magnitude,
        grow: Growth::Random,
        protect: 0,
        newborn: Newborn::Fresh,
        target: TargetRule::OwnTopology,
    };

    /// Changes of the published DS-TD3 (Sokar et al. 2022, appendix, and its code), without an end.
    pub const DS_TD3: Self = Self {
        schedule: Schedule { from: 0, until: u64::MAX, every: 1000 },
        amount: Amount::Constant(0.05),
        drop: Drop::SignedMagnitude,
        ..Self::STATIC
    };

    /// Whether any topology ever changes.
    pub fn is_static(&self) -> bool {
        self.schedule.every == 0
    }

    /// Whether a change is due at `update`. Pruning comes to its goal at the schedule's end, whether `every`
    /// falls on that or not.
    pub fn due(&self, update: u64) -> bool {
        let Schedule { until, every, .. } = self.schedule;
        let last = self.amount == Amount::Cubic && every > 0 && update == until;
        last || self.schedule.due(update)
    }

    /// Whether gradients of links that are not there are wanted.
    pub(super) fn wants_gradients(&self) -> bool {
        !self.is_static() && self.grow == Growth::Gradient
    }

    /// Refuses values without a meaning.
    ///
    /// # Errors
    /// [`LearnError::Config`].
    pub fn check(&self) -> Result<(), LearnError> {
        match self.amount {
            Amount::Constant(share) | Amount::Cosine(share) if !(0.0..=1.0).contains(&share) => {
                Err(LearnError::Config("the amount of topology must be 0 to 1"))
            }
            Amount::Cubic if self.grow != Growth::Nothing => {
                Err(LearnError::Config("the growth of topology must be nothing where it prunes"))
            }
            _ => Ok(()),
        }
    }
}

impl Default for Method {
    fn default() -> Self {
        Self::DS_TD3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pruning_comes_to_its_goal_whatever_its_interval() {
        let schedule = Schedule { from: 20, until: 85, every: 30 };
        let prune =
            Method { schedule, amount: Amount::Cubic, grow: Growth::Nothing, ..Method::STATIC };
        let due =
            |method: Method| (0..=100).filter(|&t| method.due(t)).collect::<heapless::Vec<_, 8>>();
        assert_eq!(due(prune), [20, 50, 80, 85]);
        assert_eq!(due(Method { schedule, ..Method::DS_TD3 }), [20, 50, 80]);
        assert_eq!(due(Method::STATIC), []);
    }
}
