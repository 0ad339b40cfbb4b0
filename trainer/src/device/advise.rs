//! Which sparsity, structure and codecs a device wants: every combination is drawn, written and modelled.

use std::path::{Path, PathBuf};

use lacewing_formats::artifact::PolicyView;
use lacewing_formats::codec::{Encoding, IndexChoice, IndexCodec, ValueCodec};
use lacewing_formats::topology::{CsrMut, Structure, TopologyError};
use rand_core::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::Serialize;
use thiserror::Error;

use super::model::model;
use super::profile::Profile;
use crate::engine::Layer;
use crate::lab::policy::{self, PolicyError};

/// Structures that some kernel is written for.
const STRUCTURES: [Structure; 4] = [
    Structure::Unstructured,
    Structure::Groups { columns: 32 },
    Structure::Blocks { rows: 16 },
    Structure::Blocks { rows: 4 },
];
/// Of the layers that are not dense in the policy.
const SPARSITIES: [f64; 6] = [0.5, 0.8, 0.9, 0.95, 0.98, 0.99];
/// Written alike within so much, the smaller file is taken.
const ALIKE: f64 = 1.02;
/// A measured return this near to the best one is as good.
const RETURN_MARGIN: f64 = 0.1;
/// Sparsities this near are the same.
const SAME_SPARSITY: f64 = 0.02;

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
    /// Nothing fits.
    #[error("no combination fits on {device}: take narrower layers")]
    Nothing {
        /// The device.
        device: String,
    },
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// Its structure.
    pub structure: String,
    /// Share of the actor's links that are pruned.
    pub sparsity: f64,
    /// Return at its end.
    pub final_return: f64,
}

/// One combination.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Choice {
    /// As `lacewing train --structure` has it.
    pub structure: String,
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
    let structure = config.get("structure").and_then(toml::Value::as_str).unwrap_or("unstructured");
    Ok(Measured {
        structure: structure.to_string(),
        sparsity: number("actor_sparsity")?,
        final_return: number("final_return")?,
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
    let layers = policy::layers(view);
    let mut choices = Vec::new();
    for structure in STRUCTURES {
        for sparsity in SPARSITIES {
            let drawn = layers.iter().map(|layer| redrawn(layer, structure, sparsity));
            let drawn = drawn.collect::<Result<Vec<_>, _>>().map_err(PolicyError::from)?;
            choices.extend(best_encoding(view, profile, &drawn, structure, measured)?);
        }
    }
    let own = policy::sparsity(&layers);
    let near = |it: &Choice| (it.sparsity - own).abs() <= SAME_SPARSITY;
    let best = choices.iter().filter_map(|it| it.mean_return).max_by(f64::total_cmp);
    let (good, because): (Vec<usize>, String) = match best {
        Some(best) => {
            let least = best - RETURN_MARGIN * best.abs();
            let good = (0..choices.len())
                .filter(|&at| choices[at].mean_return.is_some_and(|it| it >= least));
            (
                good.collect(),
                format!("the fastest of those whose measured return is {least:.1} or more"),
            )
        }
        None => {
            let good = (0..choices.len()).filter(|&at| near(&choices[at]));
            (
                good.collect(),
                format!(
                    "the fastest at the policy's own {:.0} % (no runs were given, so nothing is known of returns)",
                    100.0 * own
                ),
            )
        }
    };
    let fastest = |all: &mut dyn Iterator<Item = usize>| {
        all.min_by(|&a, &b| choices[a].step_ns.total_cmp(&choices[b].step_ns))
    };
    let device = profile.name.clone();
    let (take, because) = match fastest(&mut good.into_iter()) {
        Some(take) => (take, because),
        None => match fastest(&mut (0..choices.len())) {
            Some(take) => (
                take,
                String::from("the fastest that fits; nothing near the policy's own sparsity does"),
            ),
            None => return Err(AdviseError::Nothing { device }),
        },
    };
    Ok(Advice { device, choices, take, because })
}

/// The way to store a network that is fastest on the device, of those alike the smallest; none if none fits.
fn best_encoding(
    view: &PolicyView<'_>,
    profile: &Profile,
    layers: &[Layer],
    structure: Structure,
    measured: &[Measured],
) -> Result<Option<Choice>, AdviseError> {
    let sparsity = policy::sparsity(layers);
    let name = structure.to_string();
    let like =
        |run: &&Measured| run.structure == name && (run.sparsity - sparsity).abs() <= SAME_SPARSITY;
    let returns: Vec<_> = measured.iter().filter(like).map(|run| run.final_return).collect();
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
            let bytes = policy::to_bytes(layers, &facts, &[], encoding)?;
            let written = policy::parse(&bytes, Path::new("a drawn policy"))?;
            let Ok(it) = model(&written, bytes.len() as u64, profile) else { continue };
            let choice = Choice {
                structure: name.clone(),
                sparsity,
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

/// A layer with other links; one that is dense stays so.
fn redrawn(layer: &Layer, structure: Structure, sparsity: f64) -> Result<Layer, TopologyError> {
    let (rows, cols) = (layer.bias.len(), layer.cols);
    if layer.col_idx.len() == rows * cols {
        return Ok(layer.clone());
    }
    let links = structure.nearest_links(rows, cols, (rows * cols) as f64 * (1.0 - sparsity));
    let mut drawn = layer.clone();
    drawn.col_idx = vec![0; links];
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(1);
    CsrMut::random(structure, cols, &mut drawn.row_ptr, &mut drawn.col_idx, rng)?;
    drawn.weights = layer.weights.iter().copied().cycle().take(links).collect();
    Ok(drawn)
}
