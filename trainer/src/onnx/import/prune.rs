//! Magnitude pruning in one shot: of each layer only the largest weights stay.

use lacewing_formats::topology::{Allocation, LayerShape, densities};

use super::actor;
use crate::engine::{Layer, Norm};
use crate::onnx::OnnxError;

/// Keeps of each layer `round(density · links)` weights, those of the largest magnitude; layers that only
/// move numbers keep what is not zero, and are not counted.
pub(super) fn prune(
    layers: &[actor::Layer],
    sparsity: f64,
    allocation: Allocation,
) -> Result<Vec<Layer>, OnnxError> {
    let counted = || layers.iter().filter(|layer| !layer.whole);
    let shapes: Vec<_> = counted()
        .map(|layer| LayerShape::linear(layer.linear.inputs, layer.linear.outputs))
        .collect();
    if shapes.is_empty() {
        return Err(OnnxError::NoLayer);
    }
    let mut density = vec![0.0; shapes.len()];
    densities(&shapes, sparsity, allocation, false, &mut density)?;
    let mut density = density.into_iter();
    let prune = |(index, layer): (usize, &actor::Layer)| {
        let weights = &layer.linear.weights;
        let keep = match layer.whole {
            true => weights.iter().filter(|&&weight| weight != 0.0).count(),
            false => (density.next().unwrap_or(1.0) * weights.len() as f64).round() as usize,
        };
        match keep {
            0 => Err(OnnxError::Empty { layer: index, sparsity }),
            keep => Ok(pruned(layer, &largest(weights, keep))),
        }
    };
    layers.iter().enumerate().map(prune).collect()
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
        norm: layer.norm.as_ref().map(|norm| Norm {
            epsilon: norm.epsilon as f32,
            gain: narrow(&norm.gain),
            shift: narrow(&norm.shift),
        }),
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
        let activation = Activation::Tanh;
        let layer = actor::Layer { linear, norm: None, activation, whole: false };
        let layer = pruned(&layer, &live);
        assert_eq!(layer.row_ptr, [0, 2, 3]);
        assert_eq!(layer.col_idx, [0, 1, 0]);
        assert_eq!(layer.weights, [0.5, -3.0, 2.0]);
    }
}
