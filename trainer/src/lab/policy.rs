//! Between engines and policy files.

use std::path::{Path, PathBuf};

use lacewing_formats::artifact::{
    AlignedBytes, FileError, LayerSpec, PolicySpec, PolicyView, ReadError, SpecError,
};
use lacewing_formats::codec::Encoding;
use lacewing_formats::policy::{ActionHead, Contract, ObservationNormaliser, Probe, Provenance};
use lacewing_formats::topology::{Csr, TopologyError};
use lacewing_runtime::act::{ActError, LoadError, Policy};
use thiserror::Error;

use super::folder::{CONFIG, SUMMARY};
use super::seeds::{Stream, derive_seed};
use super::world::narrow;
use crate::engine::{Layer, Norm};
use crate::env::{Env, EnvError};
use crate::shell;

/// Examples that a policy file carries for its device to replay.
const PROBES: u64 = 4;

/// What policy files of this program say wrote them.
pub const PROGRAM: &str = concat!("lacewing ", env!("CARGO_PKG_VERSION"));

/// Why a policy cannot be read or written.
#[derive(Debug, Error)]
pub enum PolicyError {
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The file is no policy.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: FileError,
    },
    /// A run's folder without a policy.
    #[error(
        "{} has no policy.lace yet; wait for the run's first checkpoint or continue it with `lacewing train \
         --resume {}`",
        root.display(), shell::path(root)
    )]
    NoPolicy {
        /// The folder.
        root: PathBuf,
    },
    /// A finished run's folder whose policy was taken away.
    #[error(
        "{} has no policy.lace, though its run is finished; copy it back, or train it again: `lacewing \
         train --config {} --out DIR`",
        root.display(), shell::path(&root.join(CONFIG))
    )]
    Gone {
        /// The folder.
        root: PathBuf,
    },
    /// Any other folder.
    #[error("{} is a folder without policy.lace; name a policy file or a run's folder", root.display())]
    NotARun {
        /// The folder.
        root: PathBuf,
    },
    /// The policy does not fit into a file.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A layer has impossible links.
    #[error(transparent)]
    Topology(#[from] TopologyError),
    /// The runtime cannot load the policy.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The policy cannot act on an observation.
    #[error(transparent)]
    Act(#[from] ActError),
}

/// The policy file at `path`, or that of the run whose folder `path` is.
///
/// # Errors
/// [`PolicyError`] for a folder without one.
pub fn file(path: &Path) -> Result<PathBuf, PolicyError> {
    let mut path = path.to_path_buf();
    if path.is_dir() {
        let root = path.clone();
        path.push("policy.lace");
        if !path.is_file() {
            return Err(match (root.join(CONFIG).is_file(), root.join(SUMMARY).is_file()) {
                (true, true) => PolicyError::Gone { root },
                (true, false) => PolicyError::NoPolicy { root },
                (false, _) => PolicyError::NotARun { root },
            });
        }
    }
    Ok(path)
}

/// Reads the policy file at `path`, or that of the run whose folder `path` is, and checks it.
///
/// # Errors
/// [`PolicyError`].
pub fn read(path: &Path) -> Result<AlignedBytes, PolicyError> {
    let path = file(path)?;
    let bytes = AlignedBytes::read(&path)?;
    parse(&bytes, &path)?;
    Ok(bytes)
}

/// A policy file's content; `path` is for the error.
///
/// # Errors
/// [`PolicyError::File`].
pub fn parse<'a>(bytes: &'a [u8], path: &Path) -> Result<PolicyView<'a>, PolicyError> {
    PolicyView::parse(bytes)
        .map_err(|source| PolicyError::File { path: path.to_path_buf(), source })
}

/// What a policy file says beside its layers.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// How observations are scaled, if they are.
    pub normaliser: Option<ObservationNormaliser<'a>>,
    /// How outputs become actions.
    pub action_head: ActionHead<'a>,
    /// Seconds from one action to the next.
    pub control_period_s: f64,
    /// Where the policy comes from.
    pub provenance: Provenance<'a>,
    /// What policy and robot agree on, if anything.
    pub contract: Option<Contract<'a>>,
    /// What the learner needs to go on.
    pub resume: Option<&'a [u8]>,
}

/// The file of a policy, with `observations` and the actions it gives for them as probes.
///
/// # Errors
/// [`PolicyError`] if the policy is impossible or cannot act on an observation.
pub fn to_bytes(
    layers: &[Layer],
    facts: &Facts<'_>,
    observations: &[Vec<f32>],
    encoding: Encoding,
) -> Result<AlignedBytes, PolicyError> {
    let layers = layers
        .iter()
        .map(|layer| {
            Ok(LayerSpec {
                topology: Csr::new(layer.cols, &layer.row_ptr, &layer.col_idx)?,
                weights: &layer.weights,
                bias: &layer.bias,
                norm: layer.norm.as_ref().map(Norm::view),
                activation: layer.activation,
            })
        })
        .collect::<Result<Vec<_>, PolicyError>>()?;
    let without = PolicySpec {
        layers: &layers,
        normaliser: facts.normaliser,
        action_head: facts.action_head,
        control_period_s: facts.control_period_s,
        provenance: facts.provenance,
        probes: &[],
        contract: facts.contract,
        resume: facts.resume,
    };
    // The probes' actions are those of the file as it will be read: f16 values differ from f32.
    let first = without.to_bytes(encoding)?;
    let view = PolicyView::parse(&first).map_err(SpecError::from)?;
    let actions = observations
        .iter()
        .map(|observation| act_once(view.clone(), observation))
        .collect::<Result<Vec<_>, _>>()?;
    let probes: Vec<_> = observations
        .iter()
        .zip(&actions)
        .map(|(observation, action)| Probe { observation, action })
        .collect();
    Ok(PolicySpec { probes: &probes, ..without }.to_bytes(encoding)?)
}

fn act_once(view: PolicyView<'_>, observation: &[f32]) -> Result<Vec<f32>, PolicyError> {
    let policy = Policy::new(view)?;
    let mut action = vec![0.0; policy.actions()];
    policy.act(observation, &mut action, &mut vec![0.0; policy.scratch_len()])?;
    Ok(action)
}

/// The layers of a file, decoded.
pub fn layers(view: &PolicyView<'_>) -> Vec<Layer> {
    let decode = |layer: lacewing_formats::artifact::LayerView<'_>| {
        let mut col_idx = vec![0; layer.links()];
        layer.decode_columns(&mut col_idx);
        Layer {
            cols: layer.cols(),
            row_ptr: layer.row_ptr(),
            col_idx,
            weights: layer.iter().map(|(_, _, weight)| weight).collect(),
            bias: layer.bias.to_vec(),
            norm: layer.norm.map(Norm::from),
            activation: layer.activation,
        }
    };
    view.layers().map(decode).collect()
}

/// The same policy stored another way, or with other [`facts`].
///
/// # Errors
/// [`PolicyError`] if a weight does not fit the encoding, or a contract the policy.
pub fn encode_again(
    view: &PolicyView<'_>,
    facts: &Facts<'_>,
    encoding: Encoding,
) -> Result<AlignedBytes, PolicyError> {
    to_bytes(&layers(view), facts, &recorded_observations(view), encoding)
}

/// Observations of a file's probes.
pub fn recorded_observations(view: &PolicyView<'_>) -> Vec<Vec<f32>> {
    view.probes().map(|probe| probe.observation.to_vec()).collect()
}

/// What a file says beside its layers.
pub fn facts<'a>(view: &PolicyView<'a>) -> Facts<'a> {
    Facts {
        normaliser: view.normaliser(),
        action_head: view.action_head(),
        control_period_s: view.header().control_period_s(),
        provenance: *view.provenance(),
        contract: view.contract(),
        resume: view.resume(),
    }
}

/// First observations of a few evaluation episodes: what probes are made of.
///
/// # Errors
/// [`EnvError`].
pub fn probe_observations(env: &mut dyn Env, seed: u64) -> Result<Vec<Vec<f32>>, EnvError> {
    let mut wide = vec![0.0; env.spec().obs_dim];
    let mut observations = Vec::new();
    for episode in 0..PROBES {
        env.reset(derive_seed(seed, Stream::Evaluation, episode), &mut wide)?;
        let mut observation = vec![0.0; wide.len()];
        narrow(&wide, &mut observation);
        observations.push(observation);
    }
    Ok(observations)
}

/// Share of all links that are pruned, 0 to 1.
pub fn sparsity(layers: &[Layer]) -> f64 {
    let live: usize = layers.iter().map(|layer| layer.col_idx.len()).sum();
    let all: usize = layers.iter().map(|layer| layer.bias.len() * layer.cols).sum();
    1.0 - live as f64 / all as f64
}
