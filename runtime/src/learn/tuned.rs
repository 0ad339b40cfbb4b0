//! From a policy file to an agent, and back to a file.

use super::agent::DeployedLayer;
use super::algo::AnyAgent;
use super::resume::{Resume, ResumeError, policy_hash};
use crate::act::{ActError, LoadError, Policy};
use alloc::vec;
use alloc::vec::Vec;
use core::convert::Infallible;
use lacewing_formats::artifact::{
    AlignedBytes, FileError, LayerSpec, PolicySpec, PolicyView, SpecError,
};
use lacewing_formats::codec::Encoding;
use lacewing_formats::policy::{Activation, Head, Probe, Provenance};
use thiserror::Error;

/// Why there is no file of a tuned policy.
#[derive(Debug, Error)]
pub enum TunedError {
    /// It is none that a file holds.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The file cannot be read again.
    #[error(transparent)]
    File(#[from] FileError),
    /// It cannot be run.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// It has no action for a probe.
    #[error(transparent)]
    Act(#[from] ActError),
}

impl<'a> Resume<'a> {
    /// The resume section of a policy file; none where the file has none.
    ///
    /// # Errors
    /// [`ResumeError`], also where it is not this policy's.
    pub fn of(view: &PolicyView<'a>) -> Result<Option<Self>, ResumeError> {
        let Some(resume) = view.resume().map(Resume::parse).transpose()? else { return Ok(None) };
        resume.check_policy(view, hash(view))?;
        Ok(Some(resume))
    }

    /// Refuses the section where it is not of this policy, whose [`policy_hash`] is given, or where the
    /// learner has not what follows the policy's sums.
    ///
    /// # Errors
    /// [`ResumeError::OtherPolicy`], [`ResumeError::Activation`], [`ResumeError::Head`].
    fn check_policy(&self, view: &PolicyView<'_>, hash: u32) -> Result<(), ResumeError> {
        let head = view.action_head().kind();
        if head == Head::Clamped {
            return Err(ResumeError::Head { head: head.name() });
        }
        let last = view.layers().len() - 1;
        for (index, layer) in view.layers().enumerate() {
            let learned = match index == last {
                true => self.settings().kind().output_activation(),
                false => Activation::Relu,
            };
            if layer.norm.is_some() {
                return Err(ResumeError::Activation { layer: index, what: "layer normalisation" });
            }
            if layer.activation != learned {
                return Err(ResumeError::Activation {
                    layer: index,
                    what: layer.activation.name(),
                });
            }
        }
        let what = if view.header().observations() != self.shape().observations() {
            "observations"
        } else if view.header().actions() != self.shape().action_numbers() {
            "actions"
        } else if hash != self.header().policy_hash {
            "links or biases"
        } else {
            return Ok(());
        };
        Err(ResumeError::OtherPolicy { what })
    }
}

/// What a resume section must say of the policy it belongs to: see [`policy_hash`].
fn hash(view: &PolicyView<'_>) -> u32 {
    let layers: Vec<_> = view
        .layers()
        .map(|layer| {
            let mut columns = vec![0; layer.links()];
            layer.decode_columns(&mut columns);
            (layer.row_ptr(), columns, layer.bias)
        })
        .collect();
    policy_hash(layers.iter().map(|(row_ptr, columns, bias)| (&**row_ptr, &**columns, *bias)))
}

impl AnyAgent<'_> {
    /// The policy file of this agent, with a resume section, which was fine-tuned for `steps` steps by
    /// `program` from the policy of `before`: head, contract and probes' observations are those of that.
    ///
    /// # Errors
    /// [`TunedError`].
    pub fn tuned(
        &self,
        before: &PolicyView<'_>,
        steps: u64,
        program: &str,
    ) -> Result<AlignedBytes, TunedError> {
        let mut resume = Vec::with_capacity(before.resume().map_or(0, <[u8]>::len));
        let Ok(()) = self.save(|bytes| {
            resume.extend_from_slice(bytes);
            Ok::<_, Infallible>(())
        });
        // Transitions to begin with go on travelling.
        let shipped =
            before.resume().and_then(|section| Resume::parse(section).ok()?.shipped().copied());
        resume.extend_from_slice(shipped.map_or(&[], |shipped| shipped.bytes()));
        let layers: Vec<LayerSpec<'_>> = self
            .deployed()
            .map(|DeployedLayer { layer, activation }| LayerSpec {
                topology: layer.topology,
                weights: layer.weights,
                bias: layer.bias,
                norm: None,
                activation,
            })
            .collect();
        let steps = before.provenance().steps + steps;
        let spec = PolicySpec {
            layers: &layers,
            normaliser: self.normaliser(),
            action_head: before.action_head(),
            control_period_s: before.header().control_period_s(),
            provenance: Provenance { program, steps, evaluation: None, ..*before.provenance() },
            probes: &[],
            contract: before.contract(),
            resume: Some(&resume),
        };
        // Probes record what the file's own reader makes of it, so it is written once without.
        let unprobed = spec.to_bytes(Encoding::PLAIN)?;
        let tuned = Policy::new(PolicyView::parse(&unprobed)?)?;
        let mut scratch = vec![0.0; tuned.scratch_len()];
        let mut actions = vec![vec![0.0; tuned.actions()]; before.probes().len()];
        for (probe, action) in before.probes().zip(&mut actions) {
            tuned.act(probe.observation, action, &mut scratch)?;
        }
        let probes: Vec<Probe<'_>> = before
            .probes()
            .zip(&actions)
            .map(|(probe, action)| Probe { observation: probe.observation, action })
            .collect();
        Ok(PolicySpec { probes: &probes, ..spec }.to_bytes(Encoding::PLAIN)?)
    }
}
