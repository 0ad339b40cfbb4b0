//! A target network that follows its online network and stays as sparse (Sokar et al. 2022, §4.2).

use super::grid::Grid;
use super::{Csr, CsrMut};

/// Working memory of [`follow`]: two places a link in each.
#[derive(Debug)]
pub struct FollowScratch<'s> {
    /// Columns of the united rows.
    pub columns: &'s mut [u16],
    /// Weights of the united rows.
    pub weights: &'s mut [f32],
    /// Strengths of the united cells.
    pub strengths: &'s mut [f32],
    /// Those of one scope, to find the weakest.
    pub ranking: &'s mut [f32],
}

/// Strength of a cell that has to go; no sum of magnitudes is below zero.
const GONE: f32 = -1.0;

/// One Polyak step of a target layer: `target ← τ·online + (1 − τ)·target`, where a link missing
/// on one side counts as zero; then the weakest links go until the target has as many as the
/// online layer, in every scope of its [`Structure`](super::Structure) by cells and Σ|w|.
///
/// # Panics
/// If shapes, structures or numbers of links differ, or the scratch is too small.
pub fn follow(
    target: &mut CsrMut<'_>,
    target_weights: &mut [f32],
    online: &CsrMut<'_>,
    online_weights: &[f32],
    tau: f32,
    scratch: &mut FollowScratch<'_>,
) {
    assert_eq!(target.grid, online.grid, "the layers differ in shape, links or structure");
    let links = online.col_idx.len();
    assert_eq!((target_weights.len(), online_weights.len()), (links, links));
    // Before the first write: from then on until the end the target is no topology.
    let lengths = [
        scratch.columns.len(),
        scratch.weights.len(),
        scratch.strengths.len(),
        scratch.ranking.len(),
    ];
    assert!(lengths.iter().all(|&length| length >= 2 * links), "the scratch is too small");
    if target.col_idx == online.col_idx && target.row_ptr == online.row_ptr {
        for (target, online) in target_weights.iter_mut().zip(online_weights) {
            *target += tau * (online - *target);
        }
        return;
    }
    unite(target, target_weights, online.view(), online_weights, tau, scratch);
    choose(&target.grid, target.row_ptr, scratch);
    let (mut kept, mut start, mut first_cell) = (0, 0, 0);
    for block in target.grid.blocks() {
        // `unite` left the end of every united row here.
        let cells = target.row_ptr[block.start + 1] as usize - start;
        let strengths = &scratch.strengths[first_cell..first_cell + cells];
        for row in block {
            for (at, &strength) in (start..).zip(strengths) {
                if strength != GONE {
                    target.col_idx[kept] = scratch.columns[at];
                    target_weights[kept] = scratch.weights[at];
                    kept += 1;
                }
            }
            start += cells;
            target.row_ptr[row + 1] = kept as u32;
        }
        first_cell += cells;
    }
}

/// Leaves the strength of every united cell in the scratch, or [`GONE`] where its scope has enough
/// stronger ones.
fn choose(grid: &Grid, united: &[u32], scratch: &mut FollowScratch<'_>) {
    grid.strengths(united, scratch.weights, scratch.strengths);
    let mut next = 0;
    for scope in grid.scopes() {
        let first = next;
        for block in scope.blocks() {
            // Cells up to this row of cells have links in as many rows as a cell is high.
            let row = united[block.start] as usize..united[block.start + 1] as usize;
            if scope.cols.len() == grid.cols {
                next += row.len();
                continue;
            }
            let in_row = next - row.start / grid.height;
            let columns = scratch.columns[row].iter().skip(in_row);
            next += columns.take_while(|&&col| usize::from(col) < scope.cols.end).count();
        }
        let strengths = &mut scratch.strengths[first..next];
        let Some(last) = (strengths.len() - scope.live).checked_sub(1) else { continue };
        let ranking = &mut scratch.ranking[..strengths.len()];
        ranking.copy_from_slice(strengths);
        // Numbers that are not negative are ordered as their bits are, NaN behind all.
        let threshold = ranking.select_nth_unstable_by_key(last, |of| of.to_bits()).1.to_bits();
        // Cells below the threshold all go, of those that equal it only the first few.
        let below = strengths.iter().filter(|of| of.to_bits() < threshold).count();
        let mut ties = last + 1 - below;
        for strength in strengths {
            let bits = strength.to_bits();
            if bits < threshold {
                *strength = GONE;
            } else if bits == threshold && ties > 0 {
                ties -= 1;
                *strength = GONE;
            }
        }
    }
}

/// Writes the Polyak average over the union of both topologies to the scratch and the row pointers
/// of the union to the target.
fn unite(
    target: &mut CsrMut<'_>,
    target_weights: &[f32],
    online: Csr<'_>,
    online_weights: &[f32],
    tau: f32,
    scratch: &mut FollowScratch<'_>,
) {
    let mut next = 0;
    let mut start = 0;
    for row in 0..online.rows() {
        let end = target.row_ptr[row + 1] as usize;
        let (mut old, mut new) = (start, online.row(row));
        while old < end || !new.is_empty() {
            let beyond = u32::MAX;
            let old_col = if old < end { u32::from(target.col_idx[old]) } else { beyond };
            let new_col =
                if new.is_empty() { beyond } else { u32::from(online.col_idx()[new.start]) };
            let mut weight = 0.0;
            if old_col <= new_col {
                weight += (1.0 - tau) * target_weights[old];
                old += 1;
            }
            if new_col <= old_col {
                weight += tau * online_weights[new.start];
                new.start += 1;
            }
            scratch.columns[next] = old_col.min(new_col) as u16;
            scratch.weights[next] = weight;
            next += 1;
        }
        start = end;
        target.row_ptr[row + 1] = next as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::Structure;

    const NONE: Structure = Structure::Unstructured;

    /// Dense reference: average both masked matrices, keep the strongest.
    #[test]
    fn follows_like_a_masked_dense_target() {
        let cols = 5;
        let (mut online_ptr, mut online_idx) = ([0, 2, 4], [0_u16, 3, 1, 4]);
        let online = &CsrMut::new(NONE, cols, &mut online_ptr, &mut online_idx).unwrap();
        let online_weights = [1.0, -2.0, 3.0, 4.0];
        let (mut row_ptr, mut col_idx) = ([0, 3, 4], [0_u16, 1, 2, 4]);
        let mut target = CsrMut::new(NONE, cols, &mut row_ptr, &mut col_idx).unwrap();
        let mut weights = [1.0, 0.05, -1.0, 2.0];
        let mut scratch = FollowScratch {
            columns: &mut [0; 8],
            weights: &mut [0.0; 8],
            strengths: &mut [0.0; 8],
            ranking: &mut [0.0; 8],
        };
        follow(&mut target, &mut weights, online, &online_weights, 0.25, &mut scratch);
        // Union: (0,0)=1 (0,1)=.0375 (0,2)=-.75 (0,3)=-.5 | (1,1)=.75 (1,4)=2.5; two must go.
        assert_eq!(target.view().row_ptr(), [0, 2, 4]);
        assert_eq!(target.view().col_idx(), [0, 2, 1, 4]);
        assert_eq!(weights, [1.0, -0.75, 0.75, 2.5]);

        for _ in 0..400 {
            follow(&mut target, &mut weights, online, &online_weights, 0.25, &mut scratch);
        }
        assert_eq!(target.view(), online.view());
        for (target, online) in weights.iter().zip(online_weights) {
            assert!((target - online).abs() < 1e-5, "{weights:?}");
        }
    }
}
