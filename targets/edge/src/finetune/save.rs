//! The tuned policy as a file.

use crate::EdgeError;
use lacewing_formats::artifact::{LayerSpec, PolicySpec, PolicyView, write_atomically};
use lacewing_formats::codec::Encoding;
use lacewing_formats::policy::{Probe, Provenance};
use lacewing_runtime::act::Policy;
use lacewing_runtime::learn::{AnyAgent, DeployedLayer};
use std::convert::Infallible;
use std::path::Path;

/// Writes the learner's policy, with a resume section, the action head of `before` and its probes'
/// observations, to `out`: all of it or nothing.
///
/// # Errors
/// [`EdgeError`].
pub fn save(
    agent: &AnyAgent<'_>,
    before: &PolicyView<'_>,
    steps: u64,
    out: &Path,
) -> Result<(), EdgeError> {
    let mut resume = Vec::with_capacity(before.resume().map_or(0, <[u8]>::len));
    let Ok(()) = agent.save(|bytes| {
        resume.extend_from_slice(bytes);
        Ok::<_, Infallible>(())
    });
    let layers: Vec<LayerSpec<'_>> = agent
        .deployed()
        .map(|DeployedLayer { layer, activation }| LayerSpec {
            topology: layer.topology,
            weights: layer.weights,
            bias: layer.bias,
            norm: None,
            activation,
        })
        .collect();
    let program = concat!("lacewing-edge ", env!("CARGO_PKG_VERSION"));
    let provenance = Provenance {
        program,
        steps: before.provenance().steps + steps,
        evaluation: None,
        ..*before.provenance()
    };
    let spec = PolicySpec {
        layers: &layers,
        normaliser: agent.normaliser(),
        action_head: before.action_head(),
        control_period_s: before.header().control_period_s(),
        provenance,
        probes: &[],
        contract: before.contract(),
        resume: Some(&resume),
    };
    // Probes record what the file's own reader makes of it, so it is written once without.
    let unprobed = spec.to_bytes(Encoding::PLAIN)?;
    let tuned = Policy::new(crate::parse(&unprobed, out)?)?;
    let mut scratch = vec![0.0; tuned.scratch_len()];
    let mut actions = vec![vec![0.0; tuned.actions()]; before.probes().len()];
    for (probe, action) in before.probes().zip(&mut actions) {
        tuned.act(probe.observation, action, &mut scratch).map_err(EdgeError::Step)?;
    }
    let probes: Vec<Probe<'_>> = before
        .probes()
        .zip(&actions)
        .map(|(probe, action)| Probe { observation: probe.observation, action })
        .collect();
    drop(tuned);
    drop(unprobed);
    let bytes = PolicySpec { probes: &probes, ..spec }.to_bytes(Encoding::PLAIN)?;
    Ok(write_atomically(out, &bytes)?)
}
