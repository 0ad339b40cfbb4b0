//! Each layer of a policy in its fastest layout.

use super::layout::{Layer, Weights};
use crate::kernels::act::{Dense, Kernel, Plan};
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
    Packed(Plan),
    Dense,
}

/// The plans of all layers, first to last. Hidden neurons may change their places, the policy's
/// outputs stay.
pub(super) fn plans<'a>(
    view: &PolicyView<'a>,
    kernel: &Kernel,
) -> impl Iterator<Item = LayerPlan<'a>> {
    let last = view.layers().len() - 1;
    let mut moved = None;
    view.layers().enumerate().map(move |(index, layer)| {
        let inputs = moved.take();
        let choice = choose(&layer, kernel, inputs.as_deref(), index < last);
        if let Choice::Packed(plan) = &choice {
            moved = Some(places(plan.order()));
        }
        LayerPlan { layer, inputs, choice }
    })
}

/// The layout that `kernel` is fastest with.
fn choose(
    layer: &LayerView<'_>,
    kernel: &Kernel,
    inputs: Option<&[u16]>,
    move_outputs: bool,
) -> Choice {
    let Some(geometry) = kernel.geometry() else {
        let dense = kernel.prefers_dense(layer, layer.links());
        return if dense { Choice::Dense } else { Choice::InPlace };
    };
    let plan = Plan::new(layer, geometry, inputs, move_outputs);
    if kernel.prefers_dense(layer, plan.steps()) { Choice::Dense } else { Choice::Packed(plan) }
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
            Choice::Packed(plan) => plan.blocks() + Block::for_slice::<f32>(plan.order().len()),
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
            Choice::Packed(plan) => {
                let weights = Weights::Packed(plan.write(arena)?);
                let bias = arena.take::<f32>(plan.order().len())?;
                for (bias, &neuron) in bias.iter_mut().zip(plan.order()) {
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
