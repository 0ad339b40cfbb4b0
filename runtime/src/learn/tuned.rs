//! From an agent back to a policy file.

use super::agent::DeployedLayer;
use super::algo::AnyAgent;
use super::resume::Resume;
use crate::act::{ActError, LoadError, Policy};
use alloc::vec;
use alloc::vec::Vec;
use core::convert::Infallible;
use lacewing_formats::artifact::{
    AlignedBytes, FileError, LayerSpec, PolicySpec, PolicyView, SpecError,
};
use lacewing_formats::codec::Encoding;
use lacewing_formats::policy::{Probe, Provenance};
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
