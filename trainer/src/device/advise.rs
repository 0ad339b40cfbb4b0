//! Which sparsity, structure and codecs a device wants: every combination is drawn, written and modelled.

use std::path::{Path, PathBuf};

use lacewing_formats::artifact::PolicyView;
use lacewing_formats::codec::{Encoding, IndexChoice, IndexCodec, ValueCodec};
use lacewing_formats::topology::Structure;
use serde::Serialize;
use thiserror::Error;

use super::drawn::{Network, networks};
use super::model::model;
use super::profile::Profile;
use crate::lab::evaluations;
use crate::lab::policy::{self, PolicyError};

/// Written alike within so much, the smaller file is taken.
const ALIKE: f64 = 1.02;
/// A measured return this near to the best one is as good.
const RETURN_MARGIN: f64 = 0.1;
/// Sparsities this near are the same: structures have only so many.
const SAME_SPARSITY: f64 = 0.02;
/// What is wanted where the policy is dense: what `lacewing train` makes of it.
const USUAL_SPARSITY: f64 = 0.9;

/// Nothing can be advised.
#[derive(Debug, Error)]
pub enum AdviseError {
    /// A policy cannot be drawn or written.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A run cannot be read.
    #[error("{}: {problem}; name the folder of a finished run", path.display())]
    Run {
        /// Its folder.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// A return of something else.
    #[error(
        "{} is a run in {env}, and this is advice for {expected}: returns of different environments cannot \
         be compared, so leave it out", path.display()
    )]
    OtherEnv {
        /// The run's folder.
        path: PathBuf,
        /// Its environment.
        env: String,
        /// The policy's, or that of the runs before.
        expected: String,
    },
    /// Nothing fits.
    #[error("no combination fits on {device}: take narrower layers")]
    Nothing {
        /// The device.
        device: String,
    },
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// Its folder.
    pub path: PathBuf,
    /// Its environment.
    pub env: String,
    /// Its structure.
    pub structure: Structure,
    /// Share of the actor's links that are pruned.
    pub sparsity: f64,
    /// Return at its end.
    pub final_return: f64,
}

/// One combination.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Choice {
    /// As `lacewing train --structure` has it.
    pub structure: Structure,
    /// Of the whole network.
    pub sparsity: f64,
    /// As `lacewing export --values` has it.
    pub values: &'static str,
    /// As `lacewing export --index` has it.
    pub index: &'static str,
    /// Bytes of the file.
    pub file_bytes: u64,
    /// Bytes of memory to act.
    pub ram_bytes: u64,
    /// A control step, modelled.
    pub step_ns: f64,
    /// Mean return of the runs like this.
    pub mean_return: Option<f64>,
    /// How many those are.
    pub runs: usize,
}

/// All combinations that fit, and the one to take.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Advice {
    /// The device.
    pub device: String,
    /// What fits, by structure and sparsity.
    pub choices: Vec<Choice>,
    /// Index of the one to take.
    pub take: usize,
    /// Why that one.
    pub because: String,
    /// Index of one that is faster and as sparse, of which nobody knows the return.
    pub untried: Option<usize>,
}

/// What came of a finished run, read from its folder.
///
/// # Errors
/// [`AdviseError::Run`].
pub fn measured(run: &Path) -> Result<Measured, AdviseError> {
    let wrong = |problem: String| AdviseError::Run { path: run.to_path_buf(), problem };
    let read = |name: &str| {
        std::fs::read_to_string(run.join(name)).map_err(|error| wrong(error.to_string()))
    };
    let summary: serde_json::Value =
        serde_json::from_str(&read("summary.json")?).map_err(|error| wrong(error.to_string()))?;
    let config: toml::Table =
        read("config.toml")?.parse().map_err(|error: toml::de::Error| wrong(error.to_string()))?;
    let number = |key: &str| {
        summary[key].as_f64().ok_or_else(|| wrong(format!("summary.json has no {key}")))
    };
    let text = |key: &str| config.get(key).and_then(toml::Value::as_str);
    let structure = text("structure").unwrap_or("unstructured");
    let evaluations = evaluations::read(run).map_err(|error| wrong(error.to_string()))?;
    let final_return = evaluations::final_return(&evaluations)
        .ok_or_else(|| wrong("progress.csv has no evaluation".into()))?;
    Ok(Measured {
        path: run.to_path_buf(),
        env: text("env").unwrap_or_default().to_string(),
        structure: structure.parse().map_err(|error| wrong(format!("`{structure}` {error}")))?,
        sparsity: number("actor_sparsity")?,
        final_return,
    })
}

/// Advises for a network like the policy's on a device, with what runs have measured.
///
/// # Errors
/// [`AdviseError`].
pub fn advise(
    view: &PolicyView<'_>,
    profile: &Profile,
    measured: &[Measured],
) -> Result<Advice, AdviseError> {
    same_env(view.provenance().environment, measured)?;
    let layers = policy::layers(view);
    let own = policy::sparsity(&layers);
    let runs: Vec<_> = measured.iter().map(|run| (run.structure, run.sparsity)).collect();
    let networks = networks(&layers, &runs).map_err(PolicyError::from)?;
    let mut returns = vec![Vec::new(); networks.len()];
    for run in measured {
        if let Some(at) = nearest(&networks, run) {
            returns[at].push(run.final_return);
        }
    }
    let mut choices = Vec::new();
    for (network, returns) in networks.iter().zip(&returns) {
        choices.extend(best_encoding(view, profile, network, returns)?);
    }
    let best = choices.iter().filter_map(|it| it.mean_return).max_by(f64::total_cmp);
    let (good, because) = match best {
        Some(best) => {
            let least = best - RETURN_MARGIN * best.abs();
            let good = |&at: &usize| choices[at].mean_return.is_some_and(|it| it >= least);
            let because =
                format!("the fastest of those whose measured return is {least:.1} or more");
            ((0..choices.len()).filter(good).collect(), because)
        }
        None => {
            let whose = if own > 0.0 { "the policy's own" } else { "training's usual" };
            let because = format!(
                "the fastest at {whose} {:.0} % (no runs were given, so nothing is known of returns)",
                100.0 * wanted(own)
            );
            (near(&choices, wanted(own)), because)
        }
    };
    let fastest = |among: Vec<usize>| {
        among.into_iter().min_by(|&a, &b| choices[a].step_ns.total_cmp(&choices[b].step_ns))
    };
    let device = profile.name.clone();
    let (take, because) = match fastest(good) {
        Some(take) => (take, because),
        None => match fastest((0..choices.len()).collect()) {
            Some(take) => {
                let because = "the fastest that fits; nothing near the policy's own sparsity does";
                (take, String::from(because))
            }
            None => return Err(AdviseError::Nothing { device }),
        },
    };
    let taken = &choices[take];
    let untried = |&at: &usize| {
        taken.mean_return.is_some()
            && choices[at].mean_return.is_none()
            && choices[at].step_ns * ALIKE < taken.step_ns
    };
    let as_sparse = near(&choices, wanted(taken.sparsity));
    let untried = fastest(as_sparse.into_iter().filter(untried).collect());
    Ok(Advice { device, choices, take, because, untried })
}

/// Refuses runs in other environments than the policy's; where that is not known, than the first run's.
fn same_env(own: &str, measured: &[Measured]) -> Result<(), AdviseError> {
    let first = measured.first().map_or(own, |run| run.env.as_str());
    let expected = if own.is_empty() { first } else { own };
    match measured.iter().find(|run| run.env != expected) {
        None => Ok(()),
        Some(run) => Err(AdviseError::OtherEnv {
            path: run.path.clone(),
            env: run.env.clone(),
            expected: expected.to_string(),
        }),
    }
}

/// The sparsity to look near.
fn wanted(own: f64) -> f64 {
    if own > 0.0 { own } else { USUAL_SPARSITY }
}

/// The network that a run stands for. What is dense has every structure.
fn nearest(networks: &[Network], run: &Measured) -> Option<usize> {
    let off = |at: usize| (networks[at].sparsity - run.sparsity).abs();
    let like =
        |&at: &usize| networks[at].structure == run.structure || networks[at].sparsity == 0.0;
    (0..networks.len()).filter(like).min_by(|&a, &b| off(a).total_cmp(&off(b)))
}

/// Whether two sparsities are as good as the same.
pub fn same_sparsity(a: f64, b: f64) -> bool {
    (a - b).abs() <= SAME_SPARSITY
}

/// Of each structure the choice nearest to a sparsity, if it is as good as the same.
fn near(choices: &[Choice], sparsity: f64) -> Vec<usize> {
    let off = |it: &Choice| (it.sparsity - sparsity).abs();
    let nearest = |&at: &usize| {
        let it = &choices[at];
        let nearer = |other: &Choice| other.structure == it.structure && off(other) < off(it);
        same_sparsity(it.sparsity, sparsity) && !choices.iter().any(nearer)
    };
    (0..choices.len()).filter(nearest).collect()
}

/// The way to store a network that is fastest on the device, of those alike the smallest; none if none fits.
fn best_encoding(
    view: &PolicyView<'_>,
    profile: &Profile,
    network: &Network,
    returns: &[f64],
) -> Result<Option<Choice>, AdviseError> {
    let mean_return =
        (!returns.is_empty()).then(|| returns.iter().sum::<f64>() / returns.len() as f64);
    let facts = policy::Facts { resume: None, ..policy::facts(view) };
    let mut best: Option<Choice> = None;
    for (values, values_name) in [(ValueCodec::F32, "f32"), (ValueCodec::F16, "f16")] {
        for (index, index_name) in [
            (IndexChoice::Fixed(IndexCodec::U16), "u16"),
            (IndexChoice::Fixed(IndexCodec::DeltaU8), "delta-u8"),
            (IndexChoice::Smallest, "auto"),
        ] {
            let encoding = Encoding { values, indices: index };
            let bytes = policy::to_bytes(&network.layers, &facts, &[], encoding)?;
            let written = policy::parse(&bytes, Path::new("a drawn policy"))?;
            let Ok(it) = model(&written, bytes.len() as u64, profile) else { continue };
            let choice = Choice {
                structure: network.structure,
                sparsity: network.sparsity,
                values: values_name,
                index: index_name,
                file_bytes: it.file_bytes,
                ram_bytes: it.ram_bytes,
                step_ns: it.step_ns,
                mean_return,
                runs: returns.len(),
            };
            let better = best.as_ref().is_none_or(|best| {
                choice.step_ns * ALIKE < best.step_ns
                    || choice.step_ns < ALIKE * best.step_ns && choice.file_bytes < best.file_bytes
            });
            if better {
                best = Some(choice);
            }
        }
    }
    Ok(best)
}
