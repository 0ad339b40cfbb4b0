//! What becomes of the topology where a trained policy goes on learning.

use super::method::{Growth, Method};
use core::str::FromStr;
use lacewing_formats::topology::{Amount, Drop, Schedule};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What becomes of the topology in a fine-tuning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TuningTopology {
    /// The method it was trained by goes on, if that had no end.
    #[default]
    AsTrained,
    /// Links stay where they are.
    Frozen,
    /// From now on weak links are regrown in any free place (SET: Mocanu et al. 2018).
    Set,
    /// The same where the gradient is the largest (RigL: Evci et al. 2020).
    Rigl,
}

/// The word names none of them.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("take as-trained, frozen, set or rigl")]
pub struct NoTopology;

impl FromStr for TuningTopology {
    type Err = NoTopology;

    fn from_str(word: &str) -> Result<Self, NoTopology> {
        Ok(match word {
            "as-trained" => Self::AsTrained,
            "frozen" => Self::Frozen,
            "set" => Self::Set,
            "rigl" => Self::Rigl,
            _ => return Err(NoTopology),
        })
    }
}

impl TuningTopology {
    /// The method of a fine-tuning that begins after so many updates of a training by `trained`: changes
    /// are as far apart as they were there, and as large if they were all alike; else as DS-TD3 has them.
    pub fn method(self, trained: &Method, updates: u64) -> Method {
        let published = Method::DS_TD3;
        let every =
            if trained.is_static() { published.schedule.every } else { trained.schedule.every };
        let amount = match trained.amount {
            Amount::Constant(share) if !trained.is_static() => Amount::Constant(share),
            _ => published.amount,
        };
        let schedule = Schedule { from: updates + 1, until: u64::MAX, every };
        let endless = Method { schedule, amount, grow: Growth::Random, ..*trained };
        match self {
            Self::AsTrained => *trained,
            Self::Frozen => Method { target: trained.target, ..Method::STATIC },
            Self::Set => endless,
            Self::Rigl => Method { drop: Drop::Magnitude, grow: Growth::Gradient, ..endless },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDED: Method = Method {
        schedule: Schedule { from: 0, until: 900, every: 100 },
        amount: Amount::Cosine(0.3),
        drop: Drop::Magnitude,
        grow: Growth::Gradient,
        ..Method::DS_TD3
    };

    fn changes(topology: TuningTopology, trained: &Method) -> usize {
        let method = topology.method(trained, 1000);
        (1001..=3000).filter(|&update| method.due(update)).count()
    }

    #[test]
    fn what_ended_with_the_training_goes_on_only_if_asked_to() {
        use TuningTopology::*;
        assert_eq!([AsTrained, Frozen, Set, Rigl].map(|of| changes(of, &ENDED)), [0, 0, 20, 20]);
        let endless = Method::DS_TD3;
        assert_eq!([AsTrained, Frozen, Set, Rigl].map(|of| changes(of, &endless)), [2, 0, 2, 2]);
        assert_eq!([AsTrained, Set].map(|of| changes(of, &Method::STATIC)), [0, 2]);
    }

    #[test]
    fn growth_and_amount_follow() {
        let set = TuningTopology::Set.method(&ENDED, 5);
        assert_eq!((set.grow, set.amount), (Growth::Random, Amount::Constant(0.05)));
        let tenth = Method { amount: Amount::Constant(0.1), ..Method::DS_TD3 };
        let rigl = TuningTopology::Rigl.method(&tenth, 5);
        assert_eq!((rigl.grow, rigl.amount), (Growth::Gradient, Amount::Constant(0.1)));
        assert_eq!("rigl".parse(), Ok(TuningTopology::Rigl));
        assert_eq!("RigL".parse::<TuningTopology>(), Err(NoTopology));
    }
}
