//! The networks that everyone runs.

use super::report;
use lacewing_formats::topology::Structure;
use lacewing_tests::actor;
use lacewing_tests::policy_file::{Layer, Owned};

/// Widths of the policies: HalfCheetah's and Humanoid's.
pub const NETWORKS: [[usize; 4]; 2] = [[17, 256, 256, 6], [376, 256, 256, 17]];

/// Shares of pruned links, in percent.
pub const SPARSITIES: [u32; 10] = [0, 20, 40, 50, 60, 70, 80, 90, 95, 99];

/// Structures that a layout of ours is made for.
pub const STRUCTURES: [(&str, Structure); 2] = [
    (report::PER_BLOCK, Structure::Groups { columns: 32 }),
    (report::STRIPS, Structure::Blocks { rows: 16 }),
];

/// Beyond this share of pruned links, K per 32 columns would be none.
pub const SPARSEST_STRUCTURE: u32 = 95;

/// "17-256-256-6".
pub fn name(widths: &[usize]) -> String {
    widths.iter().map(usize::to_string).collect::<Vec<_>>().join("-")
}

/// A random policy of this share of pruned links, or the nearest that the structure has.
pub fn policy(widths: &[usize], percent: u32, structure: Structure) -> Owned {
    actor::structured(widths, f64::from(percent) / 100.0, structure, 1)
}

/// A layer's weights with its pruned links as zeros, `[rows][cols]`.
pub fn dense_weights(layer: &Layer) -> Vec<f32> {
    let mut dense = vec![0.0; layer.bias.len() * layer.cols];
    for (row, ends) in layer.row_ptr.windows(2).enumerate() {
        for link in ends[0] as usize..ends[1] as usize {
            dense[row * layer.cols + usize::from(layer.columns[link])] = layer.weights[link];
        }
    }
    dense
}
