//! Which rows share a group of a packed layout.

use super::links::Links;
use super::packed::Geometry;
use alloc::{vec, vec::Vec};
use core::cmp::Reverse;

/// Beyond this many comparisons rows stay in their order: some 20 ms on a desktop processor.
const MOST_WORK: usize = 1 << 26;

/// The rows in an order in which those of a group have their links in the same blocks, as far as
/// that goes: a group starts with the fullest row left and takes those that lengthen it least.
/// At 90 % sparsity this saves a fifth of the steps.
pub(super) fn group(links: &Links, geometry: Geometry) -> Vec<u16> {
    let (rows, blocks) = (links.rows(), links.cols().div_ceil(geometry.block));
    let mut order: Vec<u16> = (0..rows).map(|row| row as u16).collect();
    if rows.saturating_mul(rows).saturating_mul(blocks) > MOST_WORK {
        return order;
    }
    let mut profiles = vec![0_u8; rows * blocks];
    for (row, profile) in profiles.chunks_exact_mut(blocks).enumerate() {
        fill(links, geometry, row, profile);
    }
    let profile = |row: u16| &profiles[usize::from(row) * blocks..][..blocks];

    order.sort_by_key(|&row| Reverse(links.row(row.into()).len()));
    let mut fullest = vec![0; blocks];
    for place in 0..rows {
        if place % geometry.lanes == 0 {
            fullest.fill(0);
        }
        let growth = |&row: &u16| -> usize {
            profile(row).iter().zip(&fullest).map(|(a, b)| usize::from(a.saturating_sub(*b))).sum()
        };
        // The first of equals, which is the fullest row.
        let next = (place..rows).min_by_key(|&at| growth(&order[at])).unwrap_or(place);
        order[place..=next].rotate_right(1);
        fill(links, geometry, order[place].into(), &mut fullest);
    }
    order
}

/// Raises `steps` (of each block) to those that a row takes in it.
pub(super) fn fill(links: &Links, geometry: Geometry, row: usize, steps: &mut [u8]) {
    for (block, links) in links.counts(row, geometry.block) {
        // A block is no wider than 255 columns.
        steps[block] = steps[block].max(links.div_ceil(geometry.links) as u8);
    }
}
