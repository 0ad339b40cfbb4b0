//! The kernels, written once over a trait of vectors.

use super::super::vector::Vector;
use super::{AdamStep, Finish, Tile, scalar};
use lacewing_formats::topology::Csr;

/// Works on the first `N` vectors of every tile.
///
/// # Safety
/// The CPU has `V`'s instruction set, and lengths fit as [`super::TrainKernels::spmm`] checks.
#[inline(always)]
pub(super) unsafe fn spmm<V: Vector, const N: usize>(
    csr: Csr<'_>,
    weights: &[f32],
    bias: Option<&[f32]>,
    x: &[Tile],
    y: &mut [Tile],
    finish: Finish<'_>,
) {
    let (columns, x) = (csr.col_idx().as_ptr(), x.as_ptr());
    let weights = weights.as_ptr();
    for (row, y) in y.iter_mut().enumerate() {
        let mut links = csr.row(row);
        // SAFETY: links are below `csr.links()`, the length of `weights` and `columns`; columns are
        // below `csr.cols()`, the length of `x`; a `Tile` is at least `N` vectors long.
        unsafe {
            // Two chains of sums, so that a multiply-add need not wait for the one before.
            let mut even = [V::splat(bias.map_or(0.0, |bias| *bias.get_unchecked(row))); N];
            let mut odd = [V::splat(0.0); N];
            while links.len() >= 2 {
                multiply_add(&mut even, weights, columns, x, links.start);
                multiply_add(&mut odd, weights, columns, x, links.start + 1);
                links.start += 2;
            }
            if !links.is_empty() {
                multiply_add(&mut even, weights, columns, x, links.start);
            }
            for (even, odd) in even.iter_mut().zip(odd) {
                *even = even.add(odd);
            }
            match finish {
                Finish::Store => {}
                Finish::Relu => {
                    for sum in &mut even {
                        *sum = sum.gate(*sum);
                    }
                }
                Finish::Gate(gate) => {
                    let gate: [V; N] = vectors(gate.get_unchecked(row));
                    for (sum, gate) in even.iter_mut().zip(gate) {
                        *sum = sum.gate(gate);
                    }
                }
            }
            store(even, y);
        }
    }
}

/// # Safety
/// As in [`spmm`]; `link` is a live link.
#[inline(always)]
unsafe fn multiply_add<V: Vector, const N: usize>(
    sums: &mut [V; N],
    weights: *const f32,
    columns: *const u16,
    x: *const Tile,
    link: usize,
) {
    // SAFETY: see the caller.
    unsafe {
        let weight = V::splat(*weights.add(link));
        let x = x.add(usize::from(*columns.add(link))).cast::<f32>();
        for (k, sum) in sums.iter_mut().enumerate() {
            *sum = weight.mul_add(V::load(x.add(k * V::LANES)), *sum);
        }
    }
}

/// `L` is `V::LANES`: so many links are summed up together.
///
/// # Safety
/// The CPU has `V`'s instruction set, and lengths fit as [`super::TrainKernels::sddmm`] checks.
#[inline(always)]
pub(super) unsafe fn sddmm<V: Vector, const N: usize, const L: usize>(
    csr: Csr<'_>,
    dy: &[Tile],
    x: &[Tile],
    grad: &mut [f32],
) {
    const { assert!(L == V::LANES) };
    let (columns, x) = (csr.col_idx().as_ptr(), x.as_ptr().cast::<f32>());
    for (row, dy) in dy.iter().enumerate() {
        let links = csr.row(row);
        // SAFETY: as in `spmm`; a block that reaches past the row's links reads tile 0 instead,
        // which exists since a `Csr` has at least one column, and does not write their sums.
        unsafe {
            let tile: [V; N] = vectors(dy);
            let mut products = [V::splat(0.0); L];
            let mut block = links.start;
            while block + L <= links.end {
                for (i, product) in products.iter_mut().enumerate() {
                    let column = usize::from(*columns.add(block + i));
                    *product = dot(&tile, x.add(column * super::TILE));
                }
                let grad = grad.as_mut_ptr().add(block);
                V::load(grad).add(V::sums(&products)).store(grad);
                block += L;
            }
            if block < links.end {
                for (i, product) in products.iter_mut().enumerate() {
                    let link = block + i;
                    let column = if link < links.end { *columns.add(link) } else { 0 };
                    *product = dot(&tile, x.add(usize::from(column) * super::TILE));
                }
                let mut sums = [0.0; L];
                V::sums(&products).store(sums.as_mut_ptr());
                for (grad, sum) in grad[block..links.end].iter_mut().zip(sums) {
                    *grad += sum;
                }
            }
        }
    }
}

/// The products of a tile, summed down to one vector.
///
/// # Safety
/// `x` points to a tile.
#[inline(always)]
unsafe fn dot<V: Vector, const N: usize>(dy: &[V; N], x: *const f32) -> V {
    // SAFETY: a tile is at least `N` vectors long.
    unsafe {
        let mut sum = dy[0].mul(V::load(x));
        for (k, dy) in dy.iter().enumerate().skip(1) {
            sum = dy.mul_add(V::load(x.add(k * V::LANES)), sum);
        }
        sum
    }
}

/// # Safety
/// The CPU has `V`'s instruction set, and all slices are equally long.
#[inline(always)]
pub(super) unsafe fn adam<V: Vector>(
    step: &AdamStep,
    w: &mut [f32],
    g: &[f32],
    m: &mut [f32],
    v: &mut [f32],
) {
    let whole = w.len() / V::LANES * V::LANES;
    // SAFETY: `at + LANES` stays within `whole`, at most the length of every slice.
    unsafe {
        let decay = V::splat(step.weight_decay);
        let (beta1, rest1) = (V::splat(step.beta1), V::splat(1.0 - step.beta1));
        let (beta2, rest2) = (V::splat(step.beta2), V::splat(1.0 - step.beta2));
        let correction = V::splat(step.second_correction);
        let epsilon = V::splat(step.epsilon);
        let step_size = V::splat(-step.step_size);
        for at in (0..whole).step_by(V::LANES) {
            let (pw, pm, pv) =
                (w.as_mut_ptr().add(at), m.as_mut_ptr().add(at), v.as_mut_ptr().add(at));
            let w = V::load(pw);
            let g = decay.mul_add(w, V::load(g.as_ptr().add(at)));
            let m = beta1.mul_add(V::load(pm), rest1.mul(g));
            let v = beta2.mul_add(V::load(pv), rest2.mul(g).mul(g));
            m.store(pm);
            v.store(pv);
            let update = m.div(correction.mul_add(v.sqrt(), epsilon));
            step_size.mul_add(update, w).store(pw);
        }
    }
    scalar::adam(step, &mut w[whole..], &g[whole..], &mut m[whole..], &mut v[whole..]);
}

/// The first `N` vectors of a tile.
///
/// # Safety
/// The CPU has `V`'s instruction set.
#[inline(always)]
pub(super) unsafe fn vectors<V: Vector, const N: usize>(tile: &Tile) -> [V; N] {
    const { assert!(N * V::LANES <= super::TILE) };
    // SAFETY: a tile is at least `N` vectors long. Plain loops: a closure would not inherit the
    // instruction set.
    unsafe {
        let mut vectors = [V::splat(0.0); N];
        for (k, vector) in vectors.iter_mut().enumerate() {
            *vector = V::load(tile.0.as_ptr().add(k * V::LANES));
        }
        vectors
    }
}

/// Writes the first `N` vectors of a tile.
///
/// # Safety
/// The CPU has `V`'s instruction set.
#[inline(always)]
pub(super) unsafe fn store<V: Vector, const N: usize>(vectors: [V; N], tile: &mut Tile) {
    const { assert!(N * V::LANES <= super::TILE) };
    for (k, vector) in vectors.into_iter().enumerate() {
        // SAFETY: a tile is at least `N` vectors long.
        unsafe { vector.store(tile.0.as_mut_ptr().add(k * V::LANES)) }
    }
}
