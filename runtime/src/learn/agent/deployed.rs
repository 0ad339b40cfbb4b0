//! What of a policy network goes into a policy file.

use super::kind::AlgorithmKind;
use super::shape::ActionSpace;
use crate::learn::net::LayerRef;
use lacewing_formats::policy::Activation;

/// A layer as a policy file holds it.
#[derive(Clone, Copy, Debug)]
pub struct DeployedLayer<'a> {
    /// Links, weights and biases.
    pub layer: LayerRef<'a>,
    /// What follows the sums.
    pub activation: Activation,
}

/// The layers of a policy network that a device needs to act without exploration: all, but of the
/// last one only the rows that choose the action.
pub fn deployed<'a>(
    layers: impl ExactSizeIterator<Item = LayerRef<'a>>,
    algorithm: AlgorithmKind,
    actions: ActionSpace,
) -> impl ExactSizeIterator<Item = DeployedLayer<'a>> {
    let last = layers.len() - 1;
    layers.enumerate().map(move |(at, layer)| {
        if at < last {
            return DeployedLayer { layer, activation: Activation::Relu };
        }
        let layer = layer.first_rows(actions.outputs());
        DeployedLayer { layer, activation: algorithm.output_activation() }
    })
}
