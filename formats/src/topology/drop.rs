//! The weakest links of a layer, and how they leave it.

use super::CsrMut;
use super::grid::Grid;
use serde::{Deserialize, Serialize};

/// Which links are the weakest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Drop {
    /// Smallest |w| of the layer (Evci et al. 2020, §3.2).
    Magnitude,
    /// The share of the positive weights nearest zero and the same share of the negative ones
    /// (Mocanu et al. 2018; Sokar et al. 2022, alg. 1). A weight of zero counts as positive.
    #[default]
    SignedMagnitude,
}

impl Drop {
    /// The classes of weights from each of which the same share goes; each weight is in one, also
    /// the NaN of a network that diverged.
    pub(super) fn classes(self) -> &'static [fn(f32) -> bool] {
        match self {
            Self::Magnitude => &[|_| true],
            Self::SignedMagnitude => {
                &[|weight| weight >= 0.0, |weight| weight < 0.0 || weight.is_nan()]
            }
        }
    }
}

/// Links that may not be dropped yet.
///
/// A link grown at the weakest end of the layer would else be the first to go at the next change,
/// before it has learned anything.
#[derive(Clone, Copy, Debug)]
pub struct Protect<'a> {
    /// Age of each link in changes of topology, as [`age`](super::age) counts it.
    pub ages: &'a [u8],
    /// Changes that a link outlives for certain: it may go once it is so many changes old.
    pub changes: u8,
}

/// The cells to drop, ascending, at the front of `order`: `fraction` of the cells of each class,
/// or as many of them as are not protected.
pub(super) fn weakest<'o>(
    grid: &Grid,
    row_ptr: &[u32],
    strengths: &[f32],
    (fraction, rule): (f64, Drop),
    protect: Option<Protect<'_>>,
    order: &'o mut [u32],
) -> &'o mut [u32] {
    // The links of a cell have one age: they live and die together.
    let is_young = |link: usize| protect.is_some_and(|by| by.ages[link] < by.changes);
    let mut dropped = 0;
    for class in rule.classes() {
        let (mut end, mut members, mut cell) = (dropped, 0, 0);
        let mut scopes = grid.scopes();
        let (mut left, mut is_full) = (0, false);
        for block in grid.blocks() {
            for link in row_ptr[block.start] as usize..row_ptr[block.start + 1] as usize {
                while left == 0 {
                    let scope = scopes.next().expect("every live cell is in a scope");
                    (left, is_full) = (scope.live, scope.live == scope.cells);
                }
                left -= 1;
                if !is_full && class(strengths[cell]) {
                    members += 1;
                    if !is_young(link) {
                        order[end] = cell as u32;
                        end += 1;
                    }
                }
                cell += 1;
            }
        }
        let count = (fraction * members as f64) as usize;
        dropped += to_front(&mut order[dropped..end], count, strengths);
    }
    let dropped = &mut order[..dropped];
    dropped.sort_unstable();
    dropped
}

/// Brings the `count` weakest of `cells` to the front, the first of equals; returns how many these
/// are, which is less where there are not so many.
pub(super) fn to_front(cells: &mut [u32], count: usize, strengths: &[f32]) -> usize {
    let count = count.min(cells.len());
    if count > 0 {
        let strength = |cell: &u32| strengths[*cell as usize].abs();
        cells.select_nth_unstable_by(count - 1, |a, b| {
            strength(a).total_cmp(&strength(b)).then(a.cmp(b))
        });
    }
    count
}

/// Closes the gaps that the `dropped` cells (ascending) leave; returns how many links are kept.
/// The kept links then fill the front of the arrays and `source` tells where each came from.
pub(super) fn remove(topology: &mut CsrMut<'_>, dropped: &[u32], source: &mut [u32]) -> usize {
    let mut gone = dropped;
    let (mut kept, mut start, mut first_cell) = (0, 0, 0);
    for block in topology.grid.blocks() {
        let cells = topology.row_ptr[block.start + 1] as usize - start;
        let after = gone.partition_point(|&cell| (cell as usize) < first_cell + cells);
        let (here, rest) = gone.split_at(after);
        for row in block {
            let mut here = here.iter().peekable();
            for at in 0..cells {
                if here.next_if(|&&cell| cell as usize == first_cell + at).is_none() {
                    topology.col_idx[kept] = topology.col_idx[start + at];
                    source[kept] = (start + at) as u32;
                    kept += 1;
                }
            }
            start += cells;
            topology.row_ptr[row + 1] = kept as u32;
        }
        first_cell += cells;
        gone = rest;
    }
    kept
}
