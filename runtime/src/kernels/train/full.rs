//! Layers whose every link lives: rows share what they read.
//!
//! Sums are made in the order of the sparse kernels, so a layer's results do not depend on which of
//! them made it.

use super::super::vector::Vector;
use super::generic::{apply, sddmm_links, spmm as spmm_rows};
use super::{Finish, Row};
use lacewing_formats::topology::Csr;

/// Rows that are worked on together.
const ROWS: usize = 4;

/// Columns whose tiles stay in the first-level cache, 16 KiB of them, while all rows pass.
const COLUMNS: usize = 64;

/// Works on the first `N` vectors of every tile, `C` of them together.
///
/// # Safety
/// As in [`spmm_rows`], and all links are alive.
#[inline(always)]
pub(super) unsafe fn spmm<V: Vector, R: Row, const N: usize, const C: usize>(
    csr: Csr<'_>,
    weights: &[f32],
    bias: Option<&[f32]>,
    x: &[R],
    y: &mut [R],
    finish: Finish<'_, R>,
) {
    const { assert!(N.is_multiple_of(C) && N * V::LANES <= R::SAMPLES) };
    // With one column there is nothing to share.
    let blocked = if csr.cols() > 1 { csr.rows() - csr.rows() % ROWS } else { 0 };
    for first in (0..blocked).step_by(ROWS) {
        let weights = &weights[first * csr.cols()..][..ROWS * csr.cols()];
        for lane in (0..N * V::LANES).step_by(C * V::LANES) {
            // SAFETY: rows are below `blocked`, lanes within a tile.
            unsafe {
                let mut start = [[V::splat(0.0); C]; ROWS];
                let odd: [[V; C]; ROWS] = chain(start, weights, x, lane, 1);
                if let Some(bias) = bias {
                    for (r, start) in start.iter_mut().enumerate() {
                        *start = [V::splat(*bias.get_unchecked(first + r)); C];
                    }
                }
                let even = chain(start, weights, x, lane, 0);
                for (row, (mut sums, odd)) in (first..).zip(even.into_iter().zip(odd)) {
                    for (sum, odd) in sums.iter_mut().zip(odd) {
                        *sum = sum.add(odd);
                    }
                    apply(&mut sums, finish, row, lane);
                    let y = y.as_mut_ptr().add(row).cast::<f32>().add(lane);
                    for (k, sum) in sums.into_iter().enumerate() {
                        sum.store(y.add(k * V::LANES));
                    }
                }
            }
        }
    }
    // SAFETY: see the caller.
    unsafe { spmm_rows::<V, R, N>(csr, weights, bias, x, y, finish, blocked) }
}

/// Adds every second column's products from `first` on to the sums of [`ROWS`] rows.
///
/// # Safety
/// The CPU has `V`'s instruction set, `weights` are [`ROWS`] rows of `x.len()`, and `C` vectors from
/// `lane` on are within a tile.
#[inline(always)]
unsafe fn chain<V: Vector, R: Row, const C: usize>(
    mut sums: [[V; C]; ROWS],
    weights: &[f32],
    x: &[R],
    lane: usize,
    first: usize,
) -> [[V; C]; ROWS] {
    let (cols, weights) = (x.len(), weights.as_ptr());
    let mut column = first;
    while column < cols {
        // SAFETY: `column` is below `cols`.
        unsafe {
            let tile = x.as_ptr().add(column).cast::<f32>().add(lane);
            let mut part = [V::splat(0.0); C];
            for (k, part) in part.iter_mut().enumerate() {
                *part = V::load(tile.add(k * V::LANES));
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                let weight = V::splat(*weights.add(r * cols + column));
                for (sum, part) in sums.iter_mut().zip(part) {
                    *sum = weight.mul_add(part, *sum);
                }
            }
        }
        column += 2;
    }
    sums
}

/// # Safety
/// As in [`sddmm`](super::generic::sddmm), and all links are alive.
#[inline(always)]
pub(super) unsafe fn sddmm<V: Vector, R: Row, const N: usize, const L: usize>(
    csr: Csr<'_>,
    dy: &[R],
    x: &[R],
    grad: &mut [f32],
) {
    let cols = csr.cols();
    // SAFETY: see the caller.
    let mut rest = unsafe { [V::splat(0.0); L] };
    for first in (0..cols).step_by(COLUMNS) {
        let last = cols.min(first + COLUMNS);
        for (row, dy) in dy.iter().enumerate() {
            let links = row * cols + first..row * cols + last;
            // SAFETY: see the caller; a row's links are as its columns.
            unsafe { sddmm_links::<V, R, N, L>(csr, links, dy, x, grad, &mut rest) }
        }
    }
}
