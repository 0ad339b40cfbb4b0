//! Links that go for good (gradual magnitude pruning: Zhu & Gupta 2018).

use super::CsrMut;
use super::drop::{Drop, remove, to_front};
use super::grid::Grid;
use super::rewire::RewireScratch;

/// Drops the weakest links until `keep` (at least one) are left, and makes the topology so much
/// smaller; returns how many are left.
///
/// Where the topology has a [`Structure`](super::Structure) it is cells that go, the strength of
/// each being Σ|w|, the weakest in every scope, until there are
/// [`nearest_links`](super::Structure::nearest_links)`(rows, cols, keep)`. Nothing happens if there
/// are no more links than that.
///
/// Afterwards the first places of `scratch.source`, one for each link left, tell which it was; hand
/// those to [`carry`](super::carry()) for the weights and for whatever else travels with a link,
/// and use as many of these arrays' places from then on.
///
/// # Panics
/// If `weights` or the scratch arrays have not one place a link.
pub fn prune(
    topology: &mut CsrMut<'_>,
    weights: &[f32],
    keep: usize,
    rule: Drop,
    scratch: &mut RewireScratch<'_>,
) -> usize {
    let old = topology.grid;
    let links = topology.col_idx.len();
    assert_eq!(weights.len(), links);
    scratch.start(links);
    let new = old.resized(keep.max(1) as f64);
    if new.links() >= links {
        return links;
    }
    let strengths = if old.height == 1 {
        weights
    } else {
        old.strengths(topology.row_ptr, weights, scratch.strengths);
        &*scratch.strengths
    };
    let dropped = weakest_in_scopes(&old, &new, strengths, rule, scratch.order);
    let kept = remove(topology, dropped, scratch.source);
    topology.adopt(new);
    kept
}

/// The cells, ascending, that every scope of `old` has more than it has in `new`, at the front of
/// `order`.
fn weakest_in_scopes<'o>(
    old: &Grid,
    new: &Grid,
    strengths: &[f32],
    rule: Drop,
    order: &'o mut [u32],
) -> &'o [u32] {
    let (mut dropped, mut first_cell) = (0, 0);
    for (old, new) in old.scopes().zip(new.scopes()) {
        let cells = first_cell..first_cell + old.live;
        first_cell = cells.end;
        let mut excess = old.live - new.live;
        let mut left = old.live;
        let first = dropped;
        for class in rule.classes() {
            let mut end = dropped;
            for cell in cells.clone().filter(|&cell| class(strengths[cell])) {
                order[end] = cell as u32;
                end += 1;
            }
            // Its share of those still to go: all of them where it is the last class.
            let members = end - dropped;
            let count = (excess as u64 * members as u64).checked_div(left as u64).unwrap_or(0);
            let count = to_front(&mut order[dropped..end], count as usize, strengths);
            (left, excess) = (left - members, excess - count);
            dropped += count;
        }
        order[first..dropped].sort_unstable();
    }
    &order[..dropped]
}
