//! A target network that follows its online network and stays as sparse.

use super::grid::Grid;
use super::{Csr, CsrMut};
use serde::{Deserialize, Serialize};

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

/// Whose links a target network has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetRule {
    /// Its own: of all links that it or the online network has, the weakest go until there are as
    /// many as online, in every scope of its [`Structure`](super::Structure) by cells and Σ|w|
    /// (DS-TD3: Sokar et al. 2022, §4.2).
    #[default]
    OwnTopology,
    /// Those of the online network; what other links had learned is lost (RLx2: Tan et al. 2023,
    /// whose code multiplies the target by the online mask).
    OnlineTopology,
}

/// One Polyak step of a target layer: `target ← τ·online + (1 − τ)·target`, where a link missing
/// on one side counts as zero; then links go as `rule` says. Returns how many are left: as many as
/// the online layer has. Where that was pruned and the target had more, the topology shrinks, and
/// only so many of the first `target_weights` count from then on.
///
/// # Panics
/// If shapes or structures differ, the target has fewer links than the online layer, weights are
/// not one a link, or the scratch is too small for the target.
pub fn follow(
    target: &mut CsrMut<'_>,
    target_weights: &mut [f32],
    (online, online_weights): (&CsrMut<'_>, &[f32]),
    tau: f32,
    rule: TargetRule,
    scratch: &mut FollowScratch<'_>,
) -> usize {
    let (links, online_links) = (target.col_idx.len(), online.col_idx.len());
    let resized = target.grid.resized(online_links as f64);
    assert_eq!(resized, online.grid, "the layers differ in shape or structure");
    assert!(links >= online_links, "the online layer has more links than its target");
    assert_eq!((target_weights.len(), online_weights.len()), (links, online_links));
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
        return links;
    }
    unite(target, target_weights, online.view(), online_weights, tau, scratch);
    match rule {
        TargetRule::OwnTopology => {
            choose(&online.grid, target.row_ptr, scratch);
            keep_chosen(target, target_weights, scratch);
        }
        TargetRule::OnlineTopology => keep_online(target, target_weights, online.view(), scratch),
    }
    target.adopt(online.grid);
    online_links
}

/// Takes from the union the cells that are not [`GONE`].
fn keep_chosen(target: &mut CsrMut<'_>, target_weights: &mut [f32], scratch: &FollowScratch<'_>) {
    let (mut kept, mut start, mut first_cell) = (0, 0, 0);
    for block in target.grid.blocks() {
        // `unite` left the end of every united row here.
        let cells = target.row_ptr[block.start + 1] as usize - start;
        let strengths = &scratch.strengths[first_cell..first_cell + cells];
        for row in block {
            let row_of = start..start + cells;
            let (columns, weights) = (&scratch.columns[row_of.clone()], &scratch.weights[row_of]);
            for ((&col, &weight), &strength) in columns.iter().zip(weights).zip(strengths) {
                // Written in any case and written over if it has to go: which those are, no branch
                // predictor knows. After the last that stays there is no more room.
                let place = target.col_idx.get_mut(kept).zip(target_weights.get_mut(kept));
                let Some((target_col, target_weight)) = place else { break };
                (*target_col, *target_weight) = (col, weight);
                kept += usize::from(strength != GONE);
            }
            start += cells;
            target.row_ptr[row + 1] = kept as u32;
        }
        first_cell += cells;
    }
}

/// Takes from the union the links that are alive online.
fn keep_online(
    target: &mut CsrMut<'_>,
    target_weights: &mut [f32],
    online: Csr<'_>,
    scratch: &FollowScratch<'_>,
) {
    for row in 0..online.rows() {
        let mut united = target.row_ptr[row] as usize..target.row_ptr[row + 1] as usize;
        for at in online.row(row) {
            let col = online.col_idx()[at];
            let same = united.find(|&of| scratch.columns[of] == col);
            target_weights[at] = scratch.weights[same.expect("the union has every online link")];
        }
    }
    target.row_ptr.copy_from_slice(online.row_ptr());
    target.col_idx[..online.links()].copy_from_slice(online.col_idx());
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
        let mut below = 0;
        for strength in &mut *strengths {
            let goes = strength.to_bits() < threshold;
            below += usize::from(goes);
            *strength = if goes { GONE } else { *strength };
        }
        let equal = strengths.iter_mut().filter(|of| of.to_bits() == threshold);
        equal.take(last + 1 - below).for_each(|strength| *strength = GONE);
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
    let (mut next, mut start) = (0, 0);
    for row in 0..online.rows() {
        let end = target.row_ptr[row + 1] as usize;
        let (mut old, mut new) = (start, online.row(row));
        let (old_columns, new_columns) = (&target.col_idx[..end], &online.col_idx()[..new.end]);
        start = end;
        loop {
            let (column, weight) = match (old_columns.get(old), new_columns.get(new.start)) {
                // So it is nearly always.
                (Some(&both), Some(&column)) if both == column => {
                    let target = (1.0 - tau) * target_weights[old];
                    let weight = target + tau * online_weights[new.start];
                    (old, new.start) = (old + 1, new.start + 1);
                    (column, weight)
                }
                (Some(&column), other) if other.is_none_or(|&other| column < other) => {
                    old += 1;
                    (column, (1.0 - tau) * target_weights[old - 1])
                }
                (_, Some(&column)) => {
                    new.start += 1;
                    (column, tau * online_weights[new.start - 1])
                }
                _ => break,
            };
            (scratch.columns[next], scratch.weights[next]) = (column, weight);
            next += 1;
        }
        target.row_ptr[row + 1] = next as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::Structure;

    const NONE: Structure = Structure::Unstructured;
    const OWN: TargetRule = TargetRule::OwnTopology;

    /// Dense reference: average both masked matrices, keep the strongest.
    #[test]
    fn follows_like_a_masked_dense_target() {
        let cols = 5;
        let (mut online_ptr, mut online_idx) = ([0, 2, 4], [0_u16, 3, 1, 4]);
        let online = &CsrMut::new(NONE, cols, &mut online_ptr, &mut online_idx).unwrap();
        let online_weights = [1.0, -2.0, 3.0, 4.0];
        let online = (online, &online_weights[..]);
        let (mut row_ptr, mut col_idx) = ([0, 3, 4], [0_u16, 1, 2, 4]);
        let mut target = CsrMut::new(NONE, cols, &mut row_ptr, &mut col_idx).unwrap();
        let mut weights = [1.0, 0.05, -1.0, 2.0];
        let mut scratch = FollowScratch {
            columns: &mut [0; 8],
            weights: &mut [0.0; 8],
            strengths: &mut [0.0; 8],
            ranking: &mut [0.0; 8],
        };
        follow(&mut target, &mut weights, online, 0.25, OWN, &mut scratch);
        // Union: (0,0)=1 (0,1)=.0375 (0,2)=-.75 (0,3)=-.5 | (1,1)=.75 (1,4)=2.5; two must go.
        assert_eq!(target.view().row_ptr(), [0, 2, 4]);
        assert_eq!(target.view().col_idx(), [0, 2, 1, 4]);
        assert_eq!(weights, [1.0, -0.75, 0.75, 2.5]);

        for _ in 0..400 {
            follow(&mut target, &mut weights, online, 0.25, OWN, &mut scratch);
        }
        assert_eq!(target.view(), online.0.view());
        for (target, online) in weights.iter().zip(online_weights) {
            assert!((target - online).abs() < 1e-5, "{weights:?}");
        }
    }
}
