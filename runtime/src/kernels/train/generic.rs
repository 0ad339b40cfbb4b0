//! The kernels, written once over a trait of vectors.

use super::super::vector::Vector;
use super::{AdamStep, Finish, Row, scalar};
use core::ops::Range;
use core::ptr::{from_mut, from_ref};
use lacewing_formats::topology::Csr;

/// Works on the first `N` vectors of every tile, for the rows from `first` on.
///
/// # Safety
/// The CPU has `V`'s instruction set, and lengths fit as [`super::TrainKernels::spmm`] checks.
#[inline(always)]
pub(super) unsafe fn spmm<V: Vector, R: Row, const N: usize>(
    csr: Csr<'_>,
    weights: &[f32],
    bias: Option<&[f32]>,
    x: &[R],
    y: &mut [R],
    finish: Finish<'_, R>,
    first: usize,
) {
    let (columns, x) = (csr.col_idx().as_ptr(), x.as_ptr());
    let weights = weights.as_ptr();
    for (row, y) in y.iter_mut().enumerate().skip(first) {
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
            apply(&mut even, finish, row, 0);
            store(even, y);
        }
    }
}

/// Does to a row's sums, which begin at `lane` of their tile, what `finish` says.
///
/// # Safety
/// As in [`spmm`]; `row` is below its rows, and the sums end within a tile.
#[inline(always)]
pub(super) unsafe fn apply<V: Vector, R: Row, const N: usize>(
    sums: &mut [V; N],
    finish: Finish<'_, R>,
    row: usize,
    lane: usize,
) {
    match finish {
        Finish::Store => {}
        Finish::Relu => {
            for sum in sums {
                // SAFETY: see the caller.
                *sum = unsafe { sum.gate(*sum) };
            }
        }
        Finish::Gate(gate) => {
            for (k, sum) in sums.iter_mut().enumerate() {
                // SAFETY: see the caller.
                unsafe {
                    let gate = gate.as_ptr().add(row).cast::<f32>().add(lane + k * V::LANES);
                    *sum = sum.gate(V::load(gate));
                }
            }
        }
    }
}

/// # Safety
/// As in [`spmm`]; `link` is a live link.
#[inline(always)]
unsafe fn multiply_add<V: Vector, R: Row, const N: usize>(
    sums: &mut [V; N],
    weights: *const f32,
    columns: *const u16,
    x: *const R,
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

/// # Safety
/// The CPU has `V`'s instruction set, and lengths fit as [`super::TrainKernels::spmm_back`] checks.
#[inline(always)]
pub(super) unsafe fn spmm_back<V: Vector, R: Row, const N: usize>(
    csr: Csr<'_>,
    weights: &[f32],
    dy: &[R],
    dx: &mut [R],
) {
    let (columns, dx) = (csr.col_idx().as_ptr(), dx.as_mut_ptr());
    for (row, dy) in dy.iter().enumerate() {
        // SAFETY: as in `spmm`.
        unsafe {
            let dy: [V; N] = vectors(dy);
            for link in csr.row(row) {
                let weight = V::splat(*weights.get_unchecked(link));
                let dx = dx.add(usize::from(*columns.add(link))).cast::<f32>();
                for (k, dy) in dy.iter().enumerate() {
                    let dx = dx.add(k * V::LANES);
                    weight.mul_add(*dy, V::load(dx)).store(dx);
                }
            }
        }
    }
}

/// # Safety
/// The CPU has `V`'s instruction set, and lengths fit as [`super::TrainKernels::sddmm`] checks.
#[inline(always)]
pub(super) unsafe fn sddmm<V: Vector, R: Row, const N: usize, const L: usize>(
    csr: Csr<'_>,
    dy: &[R],
    x: &[R],
    grad: &mut [f32],
) {
    // SAFETY: see the caller.
    unsafe {
        let mut rest = [V::splat(0.0); L];
        for (row, dy) in dy.iter().enumerate() {
            sddmm_links::<V, R, N, L>(csr, csr.row(row), dy, x, grad, &mut rest);
        }
    }
}

/// Some links of one row. `L` is `V::LANES`: so many links are summed up together.
///
/// # Safety
/// As in [`sddmm`].
#[inline(always)]
pub(super) unsafe fn sddmm_links<V: Vector, R: Row, const N: usize, const L: usize>(
    csr: Csr<'_>,
    links: Range<usize>,
    dy: &R,
    x: &[R],
    grad: &mut [f32],
    rest: &mut [V; L],
) {
    const { assert!(L == V::LANES) };
    let (columns, x) = (csr.col_idx().as_ptr(), x.as_ptr().cast::<f32>());
    // SAFETY: as in `spmm`; a block that reaches past the row's links does not read theirs.
    unsafe {
        let tile: [V; N] = vectors(dy);
        let mut products = [V::splat(0.0); L];
        let mut block = links.start;
        while block + L <= links.end {
            for (i, product) in products.iter_mut().enumerate() {
                *product = dot(&tile, x.add(column(columns, block + i) * R::SAMPLES));
            }
            let grad = grad.as_mut_ptr().add(block);
            V::load(grad).add(V::sums(&products)).store(grad);
            block += L;
        }
        if block < links.end {
            for (link, product) in (block..links.end).zip(&mut *rest) {
                *product = dot(&tile, x.add(column(columns, link) * R::SAMPLES));
            }
            let mut sums = [0.0; L];
            V::sums(rest).store(sums.as_mut_ptr());
            for (grad, sum) in grad[block..links.end].iter_mut().zip(sums) {
                *grad += sum;
            }
        }
    }
}

/// Reads one column. Compilers would read those of a block together and take them apart in the vector
/// unit, which has enough to do.
///
/// # Safety
/// `link` is a live link.
#[inline(always)]
unsafe fn column(columns: *const u16, link: usize) -> usize {
    // SAFETY: see the caller.
    usize::from(unsafe { columns.add(link).read_volatile() })
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
            let m = beta1.mul_add(V::load(pm), rest1.mul(g)).flushed();
            let v = beta2.mul_add(V::load(pv), rest2.mul(g).mul(g)).flushed();
            m.store(pm);
            v.store(pv);
            let update = m.div(correction.mul_add(v.sqrt(), epsilon));
            step_size.mul_add(update, w).flushed().store(pw);
        }
    }
    scalar::adam(step, &mut w[whole..], &g[whole..], &mut m[whole..], &mut v[whole..]);
}

/// The first `N` vectors of a tile.
///
/// # Safety
/// The CPU has `V`'s instruction set.
#[inline(always)]
pub(super) unsafe fn vectors<V: Vector, R: Row, const N: usize>(tile: &R) -> [V; N] {
    const { assert!(N * V::LANES <= R::SAMPLES) };
    // SAFETY: a tile is at least `N` vectors long. Plain loops: a closure would not inherit the
    // instruction set.
    unsafe {
        let mut vectors = [V::splat(0.0); N];
        for (k, vector) in vectors.iter_mut().enumerate() {
            *vector = V::load(from_ref(tile).cast::<f32>().add(k * V::LANES));
        }
        vectors
    }
}

/// Writes the first `N` vectors of a tile.
///
/// # Safety
/// The CPU has `V`'s instruction set.
#[inline(always)]
pub(super) unsafe fn store<V: Vector, R: Row, const N: usize>(vectors: [V; N], tile: &mut R) {
    const { assert!(N * V::LANES <= R::SAMPLES) };
    for (k, vector) in vectors.into_iter().enumerate() {
        // SAFETY: a tile is at least `N` vectors long.
        unsafe { vector.store(from_mut(tile).cast::<f32>().add(k * V::LANES)) }
    }
}
