//! Each layer of a policy in its fastest layout.

use super::layout::Layer;
use crate::kernels::act::{Dense, Kernel, Links, Plan, Weights};
use crate::learn::{Arena, Block, OutOfMemory};
use alloc::{vec, vec::Vec};
use lacewing_formats::artifact::{LayerView, PolicyView};

/// What becomes of one layer.
pub(super) struct LayerPlan<'a> {
    layer: LayerView<'a>,
    /// Place of each input, where the layer before has moved its outputs.
    inputs: Option<Vec<u16>>,
    choice: Choice,
}

enum Choice {
    InPlace,
    Repacked(Plan),
    Dense,
}

/// The plans of all layers, first to last. Hidden neurons may change their places where the next
/// layer's layout does not depend on them; the policy's outputs stay.
pub(super) fn plans<'a>(
    view: &PolicyView<'a>,
    kernel: &'static Kernel,
) -> impl Iterator<Item = LayerPlan<'a>> {
    let layers: Vec<_> = view.layers().collect();
    let mut moved = None;
    (0..layers.len()).map(move |index| {
        let (layer, inputs) = (layers[index], moved.take());
        let stay = layers.get(index + 1).is_none_or(|next| keeps_inputs(next, kernel));
        let choice = choose(&layer, kernel, inputs.as_deref(), !stay);
        if let Choice::Repacked(plan) = &choice {
            moved = plan.order().map(places);
        }
        LayerPlan { layer, inputs, choice }
    })
}

/// Whether a layer is fastest with its inputs as they are.
fn keeps_inputs(layer: &LayerView<'_>, kernel: &Kernel) -> bool {
    matches!(choose(layer, kernel, None, false), Choice::Repacked(Plan::Even(_)))
}

/// The layout that `kernel` is fastest with.
fn choose(
    layer: &LayerView<'_>,
    kernel: &Kernel,
    inputs: Option<&[u16]>,
    move_outputs: bool,
) -> Choice {
    let links = Links::new(layer, inputs);
    let plans =
        kernel.plans(&links, move_outputs).map(|plan| (kernel.cost(&plan), Choice::Repacked(plan)));
    let dense = (layer.rows() * layer.cols()) as f32;
    // Links in place are where they are: their inputs must be too.
    let in_place = inputs.is_none().then(|| kernel.cost_in_place(layer.links()));
    let others =
        in_place.map(|cost| (cost, Choice::InPlace)).into_iter().chain([(dense, Choice::Dense)]);
    // The first of equals: dense where a layer is as fast that way.
    others
        .chain(plans)
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map_or(Choice::Dense, |(_, choice)| choice)
}

/// The place of each neuron, from the neuron at each place.
fn places(order: &[u16]) -> Vec<u16> {
    let mut places = vec![0; order.len()];
    for (place, &neuron) in order.iter().enumerate() {
        places[usize::from(neuron)] = place as u16;
    }
    places
}

impl LayerPlan<'_> {
    /// Blocks of memory that [`LayerPlan::write`] takes.
    pub fn blocks(&self) -> usize {
        match &self.choice {
            Choice::InPlace => 0,
            Choice::Repacked(plan) => {
                let moved = plan.order().map_or(0, <[u16]>::len);
                plan.blocks() + Block::for_slice::<f32>(moved)
            }
            Choice::Dense => Dense::blocks(&self.layer),
        }
    }
}

impl<'a> LayerPlan<'a> {
    /// The layer, its weights in memory of `arena`.
    pub fn write(&self, kernel: &Kernel, arena: &mut Arena<'a>) -> Result<Layer<'a>, OutOfMemory> {
        let inputs = self.inputs.as_deref();
        Ok(match &self.choice {
            Choice::InPlace => Layer::new(&self.layer, Weights::InPlace(self.layer)),
            Choice::Repacked(plan) => {
                let weights = plan.write(arena)?;
                let Some(order) = plan.order() else { return Ok(Layer::new(&self.layer, weights)) };
                let bias = arena.take::<f32>(order.len())?;
                for (bias, &neuron) in bias.iter_mut().zip(order) {
                    *bias = self.layer.bias[usize::from(neuron)];
                }
                Layer { weights, bias, activation: self.layer.activation }
            }
            Choice::Dense => {
                let dense = Dense::new(&self.layer, kernel.panel(), inputs, arena)?;
                Layer::new(&self.layer, Weights::Dense(dense))
            }
        })
    }
}
