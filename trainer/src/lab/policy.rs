//! Policies out of engines.

use super::config::Method;
use crate::engine::Layer;

/// A method as the command line spells it.
pub fn method_name(method: Method) -> &'static str {
    match method {
        Method::Dense => "dense",
        Method::Static => "static",
        Method::Set => "set",
    }
}

/// Share of all links that are pruned, 0 to 1.
pub fn sparsity(layers: &[Layer]) -> f64 {
    let live: usize = layers.iter().map(|layer| layer.col_idx.len()).sum();
    let all: usize = layers.iter().map(|layer| layer.bias.len() * layer.cols).sum();
    1.0 - live as f64 / all as f64
}
