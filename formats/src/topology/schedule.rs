//! When a topology changes, and by how much.

use core::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// The updates after which a topology changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Schedule {
    /// First update with a change.
    pub from: u64,
    /// None comes after this one, which is the last if `every` falls on it.
    pub until: u64,
    /// Updates from one change to the next; 0: never.
    pub every: u64,
}

impl Schedule {
    /// Whether a change is due at `update`.
    pub fn due(&self, update: u64) -> bool {
        let within = (self.from..=self.until).contains(&update);
        within && (update - self.from).checked_rem(self.every) == Some(0)
    }
}

/// How much changes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Amount {
    /// The same share of the links, 0 to 1, at every change (SET: Mocanu et al. 2018).
    Constant(f64),
    /// f/2 · (1 + cos(π t / T)), f being the share at the first update, 0 to 1, t the update and T the
    /// schedule's end: a share that fades to none. t is counted from the first update of all, not from the schedule's start (RigL: Evci
    /// et al. 2020, eq. 1).
    Cosine(f64),
    /// Gradual pruning: the sparsity is s · (1 − (1 − p)³), p going from 0 to 1 over the schedule
    /// and s being the sparsity at its end (Zhu & Gupta 2018, eq. 1 from a dense layer).
    Cubic,
}

/// What one change does to a layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// Drops a share of the links and grows as many: [`rewire`](super::rewire()).
    Exchange {
        /// The share, 0 to 1.
        fraction: f64,
    },
    /// Drops links until so many are left: [`prune`](super::prune()).
    Keep {
        /// Links left.
        links: usize,
    },
}

impl Amount {
    /// What a change at `update` does to a layer of `dense` links of which `last` are left when the
    /// schedule has ended.
    pub fn step(self, schedule: &Schedule, update: u64, dense: usize, last: usize) -> Step {
        let Schedule { from, until, .. } = *schedule;
        match self {
            Self::Constant(fraction) => Step::Exchange { fraction },
            Self::Cosine(fraction) => {
                let fraction = fraction / 2.0 * (1.0 + libm::cos(PI * progress(update, 0, until)));
                Step::Exchange { fraction }
            }
            Self::Cubic => {
                let left = 1.0 - progress(update, from, until);
                let gone = dense.saturating_sub(last) as f64 * (1.0 - left * left * left);
                Step::Keep { links: dense - libm::round(gone) as usize }
            }
        }
    }
}

/// Where `update` is between `from` and `until`, 0 to 1.
fn progress(update: u64, from: u64, until: u64) -> f64 {
    if update >= until {
        1.0
    } else if update <= from {
        0.0
    } else {
        (update - from) as f64 / (until - from) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_due_from_start_to_end() {
        let schedule = Schedule { from: 10, until: 30, every: 10 };
        let due = |schedule: Schedule, updates: &[u64]| {
            assert!((0..50).filter(|&t| schedule.due(t)).eq(updates.iter().copied()));
        };
        due(schedule, &[10, 20, 30]);
        due(Schedule { every: 15, ..schedule }, &[10, 25]);
        due(Schedule { every: 0, ..schedule }, &[]);
        due(Schedule { until: 9, ..schedule }, &[]);
    }

    fn share(amount: Amount, schedule: &Schedule, update: u64) -> f64 {
        match amount.step(schedule, update, 100, 10) {
            Step::Exchange { fraction } => fraction,
            Step::Keep { links } => panic!("{links} links kept"),
        }
    }

    #[test]
    fn cosine_fades_from_the_first_update_of_all() {
        let schedule = Schedule { from: 200, until: 800, every: 10 };
        let at = |update| share(Amount::Cosine(0.3), &schedule, update);
        // (1 + cos(π/4)) / 2 = .8536 at a quarter.
        for (update, due) in [(0, 0.3), (200, 0.25607), (400, 0.15), (800, 0.0), (900, 0.0)] {
            assert!((at(update) - due).abs() < 1e-5, "{update}: {}", at(update));
        }
        assert_eq!(share(Amount::Constant(0.3), &schedule, 800), 0.3);
        let none = Schedule { from: 0, until: 0, every: 1 };
        assert_eq!(share(Amount::Cosine(0.3), &none, 0), 0.0);
    }

    /// Over 20 % to 80 % of a run a cubic schedule leaves 1 − .65 s of the links on the average
    /// (¼ of s is missing on the average while it prunes, all of it before).
    #[test]
    fn cubic_prunes_to_the_final_links() {
        let schedule = Schedule { from: 200_000, until: 800_000, every: 1000 };
        let dense = 65_536;
        for sparsity in [0.8, 0.9, 0.95, 0.99] {
            let last = dense - (sparsity * dense as f64) as usize;
            let at = |update| match Amount::Cubic.step(&schedule, update, dense, last) {
                Step::Keep { links } => links,
                Step::Exchange { fraction } => panic!("{fraction} exchanged"),
            };
            assert_eq!([0, 200_000, 800_000, 1_000_000].map(at), [dense, dense, last, last]);
            // Halfway 7/8 of what goes has gone.
            let halfway = dense as f64 * (1.0 - sparsity * 7.0 / 8.0);
            assert!((at(500_000) as f64 - halfway).abs() < 1.5);
            let updates = (0..1_000_000).step_by(100);
            let mean = updates.map(|t| at(t) as f64).sum::<f64>() / 10_000.0 / dense as f64;
            assert!((mean - (1.0 - 0.65 * sparsity)).abs() < 1e-3, "{mean}");
        }
        // The start and the end may be one.
        let at_once = Schedule { from: 5, until: 5, every: 1 };
        let step = |update| Amount::Cubic.step(&at_once, update, 100, 10);
        assert_eq!([4, 5].map(step), [100, 10].map(|links| Step::Keep { links }));
    }
}
