//! A loaded policy and its control step.

use super::error::{ActError, LoadError};
use super::layout::{Layer, LayerWeights, Layers, Layout};
use crate::arena::{Arena, Block};
use crate::guard::first_non_finite;
use crate::kernels::act::{INT8_BLOCK, Kernel, MAX_BLOCK};
use lacewing_formats::artifact::PolicyView;
use lacewing_formats::policy::{ActionHead, scale_action, unscale_action};

/// How far a probe's action may be from the recorded one, as a share of half the action's range (of the
/// largest output, where the action is the index of one): kernels add in different orders, so the last
/// bits differ between processors.
const PROBE_TOLERANCE: f32 = 1e-4;

/// The same where inputs are rounded to 8 bits: what rounding does to a policy is not known beforehand,
/// so this finds only what is grossly wrong.
const INT8_PROBE_TOLERANCE: f32 = 0.2;

/// Bytes, of every processor that has vectors.
const CACHE_LINE: usize = 64;

/// A loaded policy: borrows the file (and the memory for its layout), owns a few pointers.
#[derive(Debug)]
pub struct Policy<'a> {
    view: PolicyView<'a>,
    kernel: &'static Kernel,
    layers: Layers<'a>,
    layout: Layout,
    /// Numbers in each half of the scratch.
    width: usize,
}

impl<'a> Policy<'a> {
    /// A policy that acts from the file as it lies, with this processor's best kernel and no memory
    /// beyond the scratch.
    ///
    /// # Errors
    /// None on a checked view; the type is that of the other constructors.
    pub fn new(view: PolicyView<'a>) -> Result<Self, LoadError> {
        Self::with_layout(view, Layout::InPlace, Kernel::best(), &mut [])
    }

    /// A policy repacked into `memory` for this processor's best kernel. Takes a
    /// millisecond or two where layers are 256 wide.
    ///
    /// # Errors
    /// [`LoadError`] if `memory` is shorter than [`Policy::blocks`] says for [`Layout::Packed`].
    #[cfg(feature = "alloc")]
    pub fn packed(view: PolicyView<'a>, memory: &'a mut [Block]) -> Result<Self, LoadError> {
        Self::with_layout(view, Layout::Packed, Kernel::best(), memory)
    }

    /// Blocks of memory that [`Policy::with_layout`] takes.
    pub fn blocks(view: &PolicyView<'_>, layout: Layout, kernel: &'static Kernel) -> usize {
        layout.blocks(view, kernel)
    }

    /// A policy in a layout and with a kernel of the caller's choice.
    ///
    /// # Errors
    /// [`LoadError`] if `memory` is shorter than [`Policy::blocks`], or the kernel has no int8 where
    /// that is asked for.
    // As for `PolicyView::parse`.
    #[inline(never)]
    pub fn with_layout(
        view: PolicyView<'a>,
        layout: Layout,
        kernel: &'static Kernel,
        memory: &'a mut [Block],
    ) -> Result<Self, LoadError> {
        // Filled where it is: layers that are made and then moved would lie on the stack several times.
        let mut policy = Self { view, kernel, layers: Layers::new(), layout, width: 0 };
        layout.lay_out(&policy.view, kernel, &mut Arena::new(memory), &mut policy.layers)?;
        let widest = policy.layers.iter().map(|layer| layer.bias.len()).max().unwrap_or(0);
        policy.width = widest.max(policy.observations()).next_multiple_of(MAX_BLOCK);
        Ok(policy)
    }

    /// The file it was loaded from.
    pub fn view(&self) -> &PolicyView<'a> {
        &self.view
    }

    /// The kernel it runs.
    pub fn kernel(&self) -> &'static Kernel {
        self.kernel
    }

    /// Length of an observation.
    pub fn observations(&self) -> usize {
        self.view.header().observations()
    }

    /// Length of an action.
    pub fn actions(&self) -> usize {
        self.view.header().actions()
    }

    /// Numbers of scratch that [`Policy::act`] needs.
    pub fn scratch_len(&self) -> usize {
        2 * self.width + self.bytes_len() / size_of::<f32>() + self.slack()
    }

    /// Numbers that may be skipped so that vectors do not straddle cache lines, which slows K per 32
    /// columns. In place inputs are read one by one, and memory may be scarce.
    fn slack(&self) -> usize {
        if self.layout == Layout::InPlace { 0 } else { CACHE_LINE / size_of::<f32>() - 1 }
    }

    /// Bytes that inputs rounded to 8 bits take.
    fn bytes_len(&self) -> usize {
        if self.layout.is_int8() { self.width.next_multiple_of(INT8_BLOCK) } else { 0 }
    }

    /// One control step: `observation` (`[observations]`, in the environment's units) to `action`
    /// (`[actions]`, in the environment's units, within the limits of the file; or one number, the index
    /// of a discrete action). Never allocates.
    ///
    /// # Errors
    /// [`ActError`]; `action` is untouched then.
    pub fn act(
        &self,
        observation: &[f32],
        action: &mut [f32],
        scratch: &mut [f32],
    ) -> Result<(), ActError> {
        self.check(observation, action, scratch)?;
        let outputs = self.outputs(observation, scratch)?;
        match self.view.action_head() {
            ActionHead::Scaled { low, high } => {
                scale_action(outputs, low, high);
                action.copy_from_slice(outputs);
            }
            ActionHead::Clamped { low, high } => {
                let limits = low.iter().zip(high);
                for ((action, output), (low, high)) in action.iter_mut().zip(outputs).zip(limits) {
                    *action = output.clamp(*low, *high);
                }
            }
            ActionHead::Argmax => action[0] = greatest(outputs) as f32,
        }
        Ok(())
    }

    /// What the last layer answers to an observation, all finite; lengths have been checked.
    fn outputs<'s>(
        &self,
        observation: &[f32],
        scratch: &'s mut [f32],
    ) -> Result<&'s mut [f32], ActError> {
        let start = scratch.as_ptr().align_offset(CACHE_LINE).min(self.slack());
        let scratch = &mut scratch[start..];
        let (mut x, rest) = scratch.split_at_mut(self.width);
        let (mut y, bytes) = rest.split_at_mut(self.width);
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(bytes);
        self.normalise(observation, x);
        for layer in &self.layers {
            let Layer { weights, bias, norm, activation } = layer;
            let out = &mut y[..bias.len()];
            match weights {
                LayerWeights::F32(weights) => self.kernel.multiply(weights, x, out),
                LayerWeights::Int8(weights, int8) => {
                    int8.multiply(weights, &int8.quantise(&x[..weights.cols()], bytes), out);
                }
            }
            match norm {
                None => self.kernel.finish(*activation, bias, out),
                Some(norm) => {
                    self.kernel.normalise(norm.epsilon, norm.gain, bias, out);
                    self.kernel.finish(*activation, norm.shift, out);
                }
            }
            (x, y) = (y, x);
        }
        let outputs = &mut x[..self.view.header().outputs()];
        match first_non_finite(outputs) {
            Some(index) => Err(ActError::Overflow { index }),
            None => Ok(outputs),
        }
    }

    fn check(&self, observation: &[f32], action: &[f32], scratch: &[f32]) -> Result<(), ActError> {
        let lengths = (observation.len(), action.len(), scratch.len());
        let expected = (self.observations(), self.actions(), self.scratch_len());
        if lengths.0 != expected.0 {
            return Err(ActError::ObservationLength { expected: expected.0, found: lengths.0 });
        }
        if lengths.1 != expected.1 {
            return Err(ActError::ActionLength { expected: expected.1, found: lengths.1 });
        }
        if lengths.2 < expected.2 {
            return Err(ActError::ScratchLength { expected: expected.2, found: lengths.2 });
        }
        first_non_finite(observation).map_or(Ok(()), |index| Err(ActError::Observation { index }))
    }

    /// Writes the network's input for `observation` to the front of `x`.
    ///
    /// # Panics
    /// If `x` is shorter than `observation`.
    pub fn normalise(&self, observation: &[f32], x: &mut [f32]) {
        x[..observation.len()].copy_from_slice(observation);
        if let Some(normaliser) = self.view.normaliser() {
            normaliser.apply(x);
        }
    }

    /// Turns an action in the environment's units into numbers in [−1, 1], in place, where the policy scales
    /// its outputs: what [`Policy::scale_action`] makes it of.
    pub fn unscale_action(&self, action: &mut [f32]) {
        if let ActionHead::Scaled { low, high } = self.view.action_head() {
            unscale_action(action, low, high);
        }
    }

    /// Turns the network's outputs in [−1, 1] into an action in the environment's units, in place:
    /// `low + (a + 1) / 2 · (high − low)`, within [low, high] whatever the output. Outputs of heads that
    /// do not scale stay as they are.
    pub fn scale_action(&self, outputs: &mut [f32]) {
        if let ActionHead::Scaled { low, high } = self.view.action_head() {
            scale_action(outputs, low, high);
        }
    }

    /// Replays the probes of the file: observations with the actions that its writer saw. Do this
    /// before trusting a file on a new device.
    ///
    /// # Errors
    /// [`LoadError::ProbeDiffers`] where an action is further from the recorded one than 10⁻⁴ of half
    /// its range (a fifth in int8 layouts, to know better check in f32 and compare), or is another index
    /// whose output is greater by more than that share of the largest magnitude among the outputs;
    /// [`LoadError::ProbeFails`] where there is none.
    ///
    /// # Panics
    /// If `action` and `scratch` are not as long as [`Policy::act`] wants them.
    pub fn check_probes(&self, action: &mut [f32], scratch: &mut [f32]) -> Result<(), LoadError> {
        let share = if self.layout.is_int8() { INT8_PROBE_TOLERANCE } else { PROBE_TOLERANCE };
        let head = self.view.action_head();
        for (probe, recorded) in self.view.probes().enumerate() {
            self.act(recorded.observation, action, scratch)
                .map_err(|source| LoadError::ProbeFails { probe, source })?;
            for (index, (&found, &expected)) in action.iter().zip(recorded.action).enumerate() {
                let agrees = match head {
                    ActionHead::Scaled { low, high } | ActionHead::Clamped { low, high } => {
                        let tolerance = share * (high[index] / 2.0 - low[index] / 2.0);
                        (found - expected).abs() <= tolerance
                    }
                    ActionHead::Argmax if found == expected => true,
                    ActionHead::Argmax => {
                        let outputs = self
                            .outputs(recorded.observation, scratch)
                            .map_err(|source| LoadError::ProbeFails { probe, source })?;
                        let largest = outputs.iter().fold(0.0_f32, |max, it| max.max(it.abs()));
                        let margin = outputs[found as usize] - outputs[expected as usize];
                        margin <= share * largest
                    }
                };
                if !agrees {
                    return Err(LoadError::ProbeDiffers { probe, action: index, expected, found });
                }
            }
        }
        Ok(())
    }
}

/// Index of the greatest of some finite outputs, of equals the first.
fn greatest(outputs: &[f32]) -> usize {
    let mut best = 0;
    for (index, output) in outputs.iter().enumerate() {
        if *output > outputs[best] {
            best = index;
        }
    }
    best
}
