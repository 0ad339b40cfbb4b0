//! The table `[topology]`: how links come and go.

use lacewing_formats::topology::{Amount, Drop, Schedule, TargetRule};
use lacewing_runtime::learn::{Growth, Method, Newborn};
use serde::{Deserialize, Serialize};

/// When and how the topology changes, in shares of the run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Topology {
    /// Share of the run's updates before the first change.
    pub start: f64,
    /// Share of the run's updates after which there is none.
    pub stop: f64,
    /// Updates from one change to the next; 0: never.
    pub every: u64,
    /// How many links of a layer go: `{ constant = 0.05 }` and `{ cosine = 0.3 }` are shares, `cubic`
    /// prunes to the sparsity.
    pub amount: Amount,
    /// Which go: `magnitude` or `signed-magnitude`.
    pub drop: Drop,
    /// What comes for them: `nothing`, `random` or `gradient`.
    pub grow: Growth,
    /// Changes that a new link outlives for certain.
    pub protect: u8,
    /// How a new link's optimiser starts: `fresh` or `layer-mean`.
    pub newborn: Newborn,
    /// Whose links a target network has: `own-topology` or `online-topology`.
    pub target: TargetRule,
}

impl Topology {
    /// The same for a run of so many updates.
    pub fn method(&self, updates: u64) -> Method {
        let at = |share: f64| (share * updates as f64).round() as u64;
        // What does not stop with the run goes on in a fine-tuning, whose updates are counted on.
        let endless = self.stop >= 1.0 && matches!(self.amount, Amount::Constant(_));
        let until = if endless { u64::MAX } else { at(self.stop) };
        Method {
            schedule: Schedule { from: at(self.start), until, every: self.every },
            amount: self.amount,
            drop: self.drop,
            grow: self.grow,
            protect: self.protect,
            newborn: self.newborn,
            target: self.target,
        }
    }
}
