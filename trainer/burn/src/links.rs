//! Links of one layer with all that travels with them, on the host while the topology changes.

use crate::layer::Topology;
use lacewing_formats::topology::{Change, Drop, Grow, Protect, age, carry};
use lacewing_runtime::learn::{Method, Newborn};
use lacewing_runtime::random::Xoshiro256PlusPlus;

/// One value a link in each.
#[derive(Debug)]
pub(crate) struct Links<'l> {
    pub topology: &'l mut Topology,
    pub weights: Vec<f32>,
    /// Adam's first moment.
    pub m: Vec<f32>,
    /// Adam's second moment.
    pub v: Vec<f32>,
    /// In changes of topology.
    pub ages: &'l mut Vec<u8>,
}

impl Links<'_> {
    /// Drops some links and grows as many; grown links start at zero.
    pub fn exchange(&mut self, fraction: f64, method: &Method, grow: Grow<'_, Xoshiro256PlusPlus>) {
        let protect = (method.protect > 0)
            .then_some(Protect { ages: self.ages.as_slice(), changes: method.protect });
        let change = Change { fraction, drop: method.drop, protect };
        let source = self.topology.rewire(&self.weights, &change, grow);
        let second = match method.newborn {
            Newborn::Fresh => 0.0,
            Newborn::LayerMean => self.v.iter().sum::<f32>() / self.v.len() as f32,
        };
        carry(&mut self.weights, &source, 0.0);
        carry(&mut self.m, &source, 0.0);
        carry(&mut self.v, &source, second);
        age(self.ages, &source);
    }

    /// Drops links until so many are left.
    pub fn prune(&mut self, keep: usize, rule: Drop) {
        let source = self.topology.prune(&self.weights, keep, rule);
        for values in [&mut self.weights, &mut self.m, &mut self.v] {
            carry(values, &source, 0.0);
            values.truncate(source.len());
        }
        age(self.ages, &source);
        self.ages.truncate(source.len());
    }
}
