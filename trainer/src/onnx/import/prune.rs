//! Magnitude pruning in one shot: of each layer only the largest weights stay.

use lacewing_formats::topology::{Allocation, LayerShape, densities};

use super::actor;
use crate::engine::Layer;
use crate::onnx::OnnxError;

/// Keeps of each layer `round(density · links)` weights, those of the largest magnitude.
pub(super) fn prune(
    layers: &[actor::Layer],
    sparsity: f64,
    allocation: Allocation,
) -> Result<Vec<Layer>, OnnxError> {
    let shapes: Vec<_> = layers
        .iter()
        .map(|layer| LayerShape::linear(layer.linear.inputs, layer.linear.outputs))
        .collect();
    let mut density = vec![0.0; shapes.len()];
    densities(&shapes, sparsity, allocation, false, &mut density)?;
    let prune = |(index, (layer, density)): (usize, (&actor::Layer, f64))| {
        let weights = &layer.linear.weights;
        match (density * weights.len() as f64).round() as usize {
            0 => Err(OnnxError::Empty { layer: index, sparsity }),
            keep => Ok(pruned(layer, &largest(weights, keep))),
        }
    };
    layers.iter().zip(density).enumerate().map(prune).collect()
}

/// Positions of the `keep` largest weights, ascending; of equal ones the first stay.
fn largest(weights: &[f64], keep: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by(|&a, &b| weights[b].abs().total_cmp(&weights[a].abs()));
    order.truncate(keep);
    order.sort_unstable();
    order
}

/// The layer with no links but those at `live`, ascending positions in its row-major weights.
fn pruned(layer: &actor::Layer, live: &[usize]) -> Layer {
    let (linear, cols) = (&layer.linear, layer.linear.inputs);
    Layer {
        cols,
        row_ptr: (0..=linear.outputs)
            .map(|row| live.partition_point(|&link| link < row * cols) as u32)
            .collect(),
        // A column beyond u16 belongs to a layer too wide for the policy file, which says so.
        col_idx: live.iter().map(|&link| (link % cols) as u16).collect(),
        weights: live.iter().map(|&link| linear.weights[link] as f32).collect(),
        bias: narrow(&linear.bias),
        activation: layer.activation,
    }
}

/// In the precision of the policy file.
pub(super) fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&value| value as f32).collect()
}

#[cfg(test)]
mod tests {
    use lacewing_formats::policy::Activation;

    use super::super::op::Linear;
    use super::*;

    #[test]
    fn the_largest_magnitudes_stay_and_ties_go_to_the_first() {
        let weights = vec![0.5, -3.0, 0.5, 2.0, 0.0, -0.5];
        let live = largest(&weights, 3);
        assert_eq!(live, [0, 1, 3]);
        let linear = Linear { inputs: 3, outputs: 2, weights, bias: vec![1.0, 2.0] };
        let layer = pruned(&actor::Layer { linear, activation: Activation::Tanh }, &live);
        assert_eq!(layer.row_ptr, [0, 2, 3]);
        assert_eq!(layer.col_idx, [0, 1, 0]);
        assert_eq!(layer.weights, [0.5, -3.0, 2.0]);
    }
}
