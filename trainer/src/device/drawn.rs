//! A network's layers with other links: in every structure, at every sparsity.

use lacewing_formats::topology::{CsrMut, Structure, TopologyError};
use rand_core::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::engine::Layer;
use crate::lab::policy;

/// Structures that some kernel is written for.
const STRUCTURES: [Structure; 4] = [
    Structure::Unstructured,
    Structure::Groups { columns: 32 },
    Structure::Blocks { rows: 16 },
    Structure::Blocks { rows: 4 },
];
/// Of the whole network.
const SPARSITIES: [f64; 6] = [0.5, 0.8, 0.9, 0.95, 0.98, 0.99];
/// Of sparsities that are nearer to each other, one is drawn.
const APART: f64 = 0.005;

/// Layers with links at random.
pub(super) struct Network {
    pub(super) structure: Structure,
    /// Of the whole network, as it came out.
    pub(super) sparsity: f64,
    pub(super) layers: Vec<Layer>,
}

/// A network like that of `layers` in every structure at every sparsity, its own and those of runs
/// included; none twice.
pub(super) fn networks(
    layers: &[Layer],
    runs: &[(Structure, f64)],
) -> Result<Vec<Network>, TopologyError> {
    let mut structures = STRUCTURES.to_vec();
    structures.extend(runs.iter().map(|run| run.0));
    let mut sparsities = vec![policy::sparsity(layers)];
    for sparsity in runs.iter().map(|run| run.1).chain(SPARSITIES) {
        if sparsities.iter().all(|known| (known - sparsity).abs() > APART) {
            sparsities.push(sparsity);
        }
    }
    sparsities.sort_by(f64::total_cmp);
    let mut networks: Vec<Network> = Vec::new();
    for &structure in &structures {
        for &sparsity in &sparsities {
            let Some(layers) = redrawn(layers, structure, sparsity)? else { continue };
            let sparsity = policy::sparsity(&layers);
            // What is dense has every structure.
            let same = |it: &Network| it.structure == structure || sparsity == 0.0;
            if !networks.iter().any(|it| it.sparsity == sparsity && same(it)) {
                networks.push(Network { structure, sparsity, layers });
            }
        }
    }
    Ok(networks)
}

/// The layers with so many links in all. Those that are dense stay so, and where all are, the last one, as
/// in training; none where these have more links than that by themselves.
fn redrawn(
    layers: &[Layer],
    structure: Structure,
    sparsity: f64,
) -> Result<Option<Vec<Layer>>, TopologyError> {
    let size = |layer: &Layer| layer.bias.len() * layer.cols;
    let is_dense = |layer: &Layer| layer.col_idx.len() == size(layer);
    let last = layers.len() - 1;
    let stays: Vec<_> = match layers.iter().all(is_dense) {
        true => (0..layers.len()).map(|at| at > 0 && at == last).collect(),
        false => layers.iter().map(is_dense).collect(),
    };
    let all: usize = layers.iter().map(size).sum();
    let dense: usize = layers.iter().zip(&stays).filter(|it| *it.1).map(|it| size(it.0)).sum();
    let links = all as f64 * (1.0 - sparsity) - dense as f64;
    if links <= 0.0 {
        return Ok(None);
    }
    let density = links / (all - dense) as f64;
    let layers = layers.iter().zip(&stays).map(|(layer, stays)| match stays {
        true => Ok(layer.clone()),
        false => drawn(layer, structure, density),
    });
    layers.collect::<Result<_, _>>().map(Some)
}

/// A layer with links at random.
fn drawn(layer: &Layer, structure: Structure, density: f64) -> Result<Layer, TopologyError> {
    let (rows, cols) = (layer.bias.len(), layer.cols);
    let links = structure.nearest_links(rows, cols, (rows * cols) as f64 * density);
    let mut drawn = layer.clone();
    drawn.col_idx = vec![0; links];
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(1);
    CsrMut::random(structure, cols, &mut drawn.row_ptr, &mut drawn.col_idx, rng)?;
    drawn.weights = layer.weights.iter().copied().cycle().take(links).collect();
    Ok(drawn)
}
