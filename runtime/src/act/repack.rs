//! Each layer of a policy in its fastest layout.

use super::error::LoadError;
use super::layout::{Layer, LayerWeights, Layout};
use crate::arena::{Arena, Block, OutOfMemory};
use crate::kernels::act::{Dense, Int8Kernel, Int8Plan, Kernel, Links, Plan, Weights};
use alloc::{boxed::Box, vec, vec::Vec};
use lacewing_formats::artifact::{LayerView, PolicyView};
use lacewing_formats::policy::LayerNorm;

/// What becomes of one layer, and of its inputs.
pub(super) struct LayerPlan<'a> {
    layer: LayerView<'a>,
    /// Place of each input, where the layer before has moved its outputs.
    inputs: Option<Vec<u16>>,
    choice: Choice,
}

/// What becomes of a layer.
pub(super) enum Choice {
    InPlace,
    Repacked(Plan),
    Dense,
    Int8(Int8Plan, &'static Int8Kernel),
}

impl Choice {
    /// The output neuron at each place; `None` where each is at its own.
    fn order(&self) -> Option<&[u16]> {
        match self {
            Self::InPlace | Self::Dense => None,
            Self::Repacked(plan) => plan.order(),
            Self::Int8(plan, _) => plan.order(),
        }
    }
}

/// Chooses for a layer whose inputs lie at these places, and whose outputs may be moved or not.
pub(super) type Choose = Box<dyn Fn(&LayerView<'_>, Option<&[u16]>, bool) -> Choice>;

/// How `layout` chooses for each layer; `None` where there is nothing to choose.
pub(super) fn chooser(
    layout: Layout,
    kernel: &'static Kernel,
) -> Result<Option<Choose>, LoadError> {
    let int8 = || kernel.int8().ok_or(LoadError::NoInt8 { kernel: kernel.name });
    Ok(match layout {
        Layout::InPlace | Layout::Dense => None,
        Layout::Packed => {
            Some(Box::new(move |layer, inputs, regroup| fastest(layer, kernel, inputs, regroup)))
        }
        Layout::Int8 => {
            let int8 = int8()?;
            Some(Box::new(move |layer, inputs, regroup| fastest_int8(layer, int8, inputs, regroup)))
        }
        Layout::DenseInt8 => {
            let int8 = int8()?;
            Some(Box::new(move |layer, inputs, _| {
                Choice::Int8(Int8Plan::dense(layer, inputs), int8)
            }))
        }
    })
}

/// The plans of all layers, first to last. Hidden neurons may change their places where the next
/// layer's layout does not depend on them; the policy's outputs stay.
pub(super) fn plans<'a>(
    view: &PolicyView<'a>,
    choose: Choose,
) -> impl Iterator<Item = LayerPlan<'a>> {
    let layers: Vec<_> = view.layers().collect();
    let mut moved = None;
    (0..layers.len()).map(move |index| {
        let (layer, inputs) = (layers[index], moved.take());
        let stay = layers.get(index + 1).is_none_or(|next| keeps_inputs(next, &choose));
        let choice = choose(&layer, inputs.as_deref(), !stay);
        moved = choice.order().map(places);
        LayerPlan { layer, inputs, choice }
    })
}

/// Whether a layer is fastest with its inputs as they are.
fn keeps_inputs(layer: &LayerView<'_>, choose: &Choose) -> bool {
    matches!(choose(layer, None, false), Choice::Repacked(Plan::Even(_)))
}

/// The layout that `kernel` is fastest with.
fn fastest(
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

/// The int8 layout that `kernel` is fastest with.
fn fastest_int8(
    layer: &LayerView<'_>,
    kernel: &'static Int8Kernel,
    inputs: Option<&[u16]>,
    move_outputs: bool,
) -> Choice {
    let sparse = Int8Plan::sparse(layer, inputs, move_outputs);
    let dense = Int8Plan::dense(layer, inputs);
    let plan = if kernel.cost(&sparse) < kernel.cost(&dense) { sparse } else { dense };
    Choice::Int8(plan, kernel)
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
        let weights = match &self.choice {
            Choice::InPlace => 0,
            Choice::Repacked(plan) => plan.blocks(),
            Choice::Dense => Dense::blocks(&self.layer),
            Choice::Int8(plan, _) => plan.blocks(),
        };
        // The bias, and of a normalisation gain and shift.
        let moved = if self.layer.norm.is_some() { 3 } else { 1 };
        weights + moved * Block::for_slice::<f32>(self.choice.order().map_or(0, <[u16]>::len))
    }
}

impl<'a> LayerPlan<'a> {
    /// The layer, its weights in memory of `arena`.
    pub fn write(&self, kernel: &Kernel, arena: &mut Arena<'a>) -> Result<Layer<'a>, OutOfMemory> {
        let weights = match &self.choice {
            Choice::InPlace => LayerWeights::F32(Weights::InPlace(self.layer)),
            Choice::Repacked(plan) => LayerWeights::F32(plan.write(arena)?),
            Choice::Dense => {
                let inputs = self.inputs.as_deref();
                let dense = Dense::new(&self.layer, kernel.panel(), inputs, arena)?;
                LayerWeights::F32(Weights::Dense(dense))
            }
            Choice::Int8(plan, int8) => LayerWeights::Int8(plan.write(arena)?, int8),
        };
        let layer = Layer::new(&self.layer, weights);
        let Some(order) = self.choice.order() else { return Ok(layer) };
        let bias = reordered(self.layer.bias, order, arena)?;
        let norm = match layer.norm {
            None => None,
            Some(norm) => Some(LayerNorm {
                gain: reordered(norm.gain, order, arena)?,
                shift: reordered(norm.shift, order, arena)?,
                ..norm
            }),
        };
        Ok(Layer { bias, norm, ..layer })
    }
}

/// The number of each neuron, in the order that neurons have now.
fn reordered<'a>(
    numbers: &[f32],
    order: &[u16],
    arena: &mut Arena<'a>,
) -> Result<&'a [f32], OutOfMemory> {
    let moved = arena.take::<f32>(order.len())?;
    for (moved, &neuron) in moved.iter_mut().zip(order) {
        *moved = numbers[usize::from(neuron)];
    }
    Ok(moved)
}
