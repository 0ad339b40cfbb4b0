//! What one control step costs, counted from the file; what training costs is in `training`.
//!
//! Convention: 2 FLOPs for every live link (Evci et al. 2020, App. H, count multiplies and adds
//! apart), 1 for each bias, 1 for each activation applied, 7 for each output that is normalised
//! (sum, difference, square and its sum, inverse, gain, shift). The observation normaliser and the
//! action head are not counted. The figure of links alone is given too, as papers mostly count it.

mod training;

use lacewing_formats::artifact::PolicyView;
use lacewing_formats::policy::Activation;
use serde::Serialize;

pub use training::{Flops, step_flops};

/// Links and FLOPs of one control step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// Live links.
    pub links: u64,
    /// Links if every pruned one were alive.
    pub dense_links: u64,
    /// FLOPs of a step.
    pub flops: u64,
    /// FLOPs of a step if every pruned link were alive.
    pub dense_flops: u64,
    /// FLOPs of the live links alone, biases and activations left out.
    pub link_flops: u64,
}

impl Cost {
    /// Counts the layers of a policy file.
    pub fn of(view: &PolicyView<'_>) -> Self {
        let mut cost = Self::default();
        for layer in view.layers() {
            cost.links += layer.links() as u64;
            cost.dense_links += layer.rows() as u64 * layer.cols() as u64;
            let outputs = layer.rows() as u64;
            let activations = if layer.activation == Activation::Identity { 0 } else { outputs };
            let norm = if layer.norm.is_some() { 7 * outputs } else { 0 };
            cost.flops += outputs + norm + activations;
        }
        cost.dense_flops = cost.flops + 2 * cost.dense_links;
        cost.link_flops = 2 * cost.links;
        cost.flops += cost.link_flops;
        cost
    }

    /// Share of links that are pruned, 0 to 1.
    pub fn sparsity(&self) -> f64 {
        1.0 - self.links as f64 / self.dense_links.max(1) as f64
    }
}
