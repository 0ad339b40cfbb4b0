//! Layer normalisation, written once over a trait of vectors.

use super::super::vector::Vector;
use super::generic::{store, vectors};
use super::{NORM_EPSILON, Row};

/// The vectors of a tile are summed up side by side: each is a chain of its own, and alone would wait
/// for every addition.
///
/// # Safety
/// The CPU has `V`'s instruction set, and `y` and `normalised` are equally long.
#[inline(always)]
pub(super) unsafe fn normalise<V: Vector, R: Row, const N: usize>(
    y: &mut [R],
    normalised: &mut [R],
    inverse: &mut R,
) {
    // SAFETY: see the caller.
    unsafe {
        let share = V::splat(1.0 / y.len() as f32);
        let mut less_mean = [V::splat(0.0); N];
        for y in &*y {
            for (sum, y) in less_mean.iter_mut().zip(vectors::<V, R, N>(y)) {
                *sum = sum.add(y);
            }
        }
        for sum in &mut less_mean {
            *sum = sum.mul(share).mul(V::splat(-1.0));
        }
        let mut squares = [V::splat(0.0); N];
        for y in &*y {
            for ((sum, y), less_mean) in
                squares.iter_mut().zip(vectors::<V, R, N>(y)).zip(less_mean)
            {
                let off = y.add(less_mean);
                *sum = off.mul_add(off, *sum);
            }
        }
        let mut inverted = squares;
        for inverted in &mut inverted {
            let variance = inverted.mul_add(share, V::splat(NORM_EPSILON));
            *inverted = V::splat(1.0).div(variance.sqrt());
        }
        store(inverted, inverse);
        for (y, normalised) in y.iter_mut().zip(normalised) {
            let mut n = vectors::<V, R, N>(y);
            for ((n, less_mean), inverted) in n.iter_mut().zip(less_mean).zip(inverted) {
                *n = n.add(less_mean).mul(inverted);
            }
            store(n, normalised);
            for n in &mut n {
                *n = n.gate(*n);
            }
            store(n, y);
        }
    }
}

/// # Safety
/// As [`normalise`].
#[inline(always)]
pub(super) unsafe fn normalise_back<V: Vector, R: Row, const N: usize>(
    dy: &mut [R],
    normalised: &[R],
    inverse: &R,
) {
    // SAFETY: see the caller.
    unsafe {
        let share = V::splat(-1.0 / dy.len() as f32);
        let (mut less_mean, mut less_slope) = ([V::splat(0.0); N], [V::splat(0.0); N]);
        for (dy, n) in dy.iter().zip(normalised) {
            let (dy, n) = (vectors::<V, R, N>(dy), vectors::<V, R, N>(n));
            for k in 0..N {
                less_mean[k] = less_mean[k].add(dy[k]);
                less_slope[k] = dy[k].mul_add(n[k], less_slope[k]);
            }
        }
        for sum in less_mean.iter_mut().chain(&mut less_slope) {
            *sum = sum.mul(share);
        }
        let inverse = vectors::<V, R, N>(inverse);
        for (place, n) in dy.iter_mut().zip(normalised) {
            let (mut dy, n) = (vectors::<V, R, N>(place), vectors::<V, R, N>(n));
            for k in 0..N {
                dy[k] = n[k].mul_add(less_slope[k], dy[k].add(less_mean[k])).mul(inverse[k]);
            }
            store(dy, place);
        }
    }
}
