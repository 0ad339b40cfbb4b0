//! From an agent back to a policy file piece by piece, without memory for it.

use super::agent::{DeployedLayer, Learner};
use super::algo::AnyAgent;
use super::error::LearnError;
use super::resume::Resume;
use core::convert::Infallible;
use lacewing_formats::artifact::{FileError, PolicyView, Rewrite, Section};
use lacewing_formats::codec::Values;
use lacewing_formats::policy::{ActionHead, Probe, Provenance, scale_action};
use thiserror::Error;

/// Why a policy file cannot be written over another one.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
pub enum RewriteError {
    /// It is rounded: what is learned would be too.
    #[error("the weights of the policy file are rounded: begin with one of `--values f32`")]
    Values,
    /// The file has other links than the agent.
    #[error("the agent has other links than the policy file: let its topology be frozen")]
    Links,
    /// See [`FileError`].
    #[error(transparent)]
    File(#[from] FileError),
    /// The policy has no action for a probe.
    #[error(transparent)]
    Learn(#[from] LearnError),
}

/// The policy file of an agent that was fine-tuned with the links that it had.
#[derive(Debug)]
pub struct Rewritten<'v> {
    view: &'v PolicyView<'v>,
    rewrite: Rewrite<'v>,
    /// Transitions to begin with, which go on travelling.
    shipped: &'v [u8],
}

impl<'v> Rewritten<'v> {
    /// The file of `agent`, which was fine-tuned for `steps` steps by `program` from the policy in `file`, whose view is
    /// `view`: links, head, contract and probes' observations are those of that. `action` is memory for an action.
    ///
    /// # Errors
    /// [`RewriteError`].
    ///
    /// # Panics
    /// If `action` is not as long as the agent's actions.
    pub fn new(
        agent: &mut AnyAgent<'_>,
        (file, view): (&'v [u8], &'v PolicyView<'v>),
        (steps, program): (u64, &'v str),
        action: &mut [f32],
    ) -> Result<Self, RewriteError> {
        if view.layers().len() != agent.deployed().len() {
            return Err(RewriteError::Links);
        }
        for (layer, DeployedLayer { layer: own, .. }) in view.layers().zip(agent.deployed()) {
            if !matches!(layer.values(), Values::F32(_)) {
                return Err(RewriteError::Values);
            }
            let links = (0..own.topology.rows()).flat_map(|row| {
                own.topology.row(row).map(move |link| (row, own.topology.col_idx()[link]))
            });
            if !layer.iter().map(|(row, column, _)| (row, column)).eq(links) {
                return Err(RewriteError::Links);
            }
        }
        for probe in view.probes() {
            agent.act(probe.observation, action)?;
        }
        let steps = view.provenance().steps + steps;
        let provenance = Provenance { program, steps, evaluation: None, ..*view.provenance() };
        let shipped =
            view.resume().and_then(|section| Resume::parse(section).ok()?.shipped().copied());
        let shipped = shipped.map_or(&[][..], |shipped| shipped.bytes());
        let resume_bytes = (agent.image().bytes() + shipped.len()) as u64;
        let rewrite = Rewrite::new(file, view, provenance, resume_bytes)?;
        Ok(Self { view, rewrite, shipped })
    }

    /// Bytes of the file.
    pub fn bytes(&self) -> usize {
        self.rewrite.bytes()
    }

    /// Hands the file to `sink`, piece by piece; `agent` is as it was, and `action` memory for an action.
    ///
    /// # Errors
    /// The first of `sink`.
    ///
    /// # Panics
    /// If it is another agent.
    pub fn write<E>(
        &self,
        agent: &mut AnyAgent<'_>,
        action: &mut [f32],
        sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let fill = |section, put: &mut dyn FnMut(&[u8])| {
            let filled = fill(section, self.view, agent, action, put);
            if section == Section::Resume {
                put(self.shipped);
            }
            filled
        };
        self.rewrite.write(fill, sink)
    }
}

/// Gives `put` what the agent has of a section; `false` where that is the file's.
fn fill(
    section: Section,
    view: &PolicyView<'_>,
    agent: &mut AnyAgent<'_>,
    action: &mut [f32],
    put: &mut dyn FnMut(&[u8]),
) -> bool {
    let layer = |index: u8| agent.deployed().nth(index.into()).map(|deployed| deployed.layer);
    let numbers = match section {
        Section::Mean => agent.normaliser().map(|normaliser| normaliser.mean),
        Section::Std => agent.normaliser().map(|normaliser| normaliser.std),
        Section::Weights(index) => layer(index).map(|layer| layer.weights),
        Section::Biases(index) => layer(index).map(|layer| layer.bias),
        Section::ProbeActions => {
            for Probe { observation, .. } in view.probes() {
                agent.act(observation, action).expect("it has acted on this before");
                if let ActionHead::Scaled { low, high } = view.action_head() {
                    scale_action(action, low, high);
                }
                put(bytemuck::cast_slice(action));
            }
            return true;
        }
        Section::Resume => {
            let Ok(()) = agent.save(|bytes| {
                put(bytes);
                Ok::<_, Infallible>(())
            });
            return true;
        }
        _ => None,
    };
    numbers.inspect(|numbers| put(bytemuck::cast_slice(numbers))).is_some()
}
