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
    const { assert!(N * V::LANES <= super::TILE) };
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
                    let gate = gate.get_unchecked(row).0.as_ptr();
                    for (k, sum) in even.iter_mut().enumerate() {
                        *sum = sum.gate(V::load(gate.add(k * V::LANES)));
                    }
                }
            }
            for (k, sum) in even.into_iter().enumerate() {
                sum.store(y.0.as_mut_ptr().add(k * V::LANES));
            }
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
    const { assert!(N * V::LANES <= super::TILE && L == V::LANES) };
    let (columns, x) = (csr.col_idx().as_ptr(), x.as_ptr().cast::<f32>());
    for (row, dy) in dy.iter().enumerate() {
        let links = csr.row(row);
        // SAFETY: as in `spmm`; a block that reaches past the row's links reads tile 0 instead,
        // which exists since a `Csr` has at least one column, and does not write their sums.
        unsafe {
            // Plain loops: a closure would not inherit the instruction set.
            let mut tile = [V::splat(0.0); N];
            for (k, part) in tile.iter_mut().enumerate() {
                *part = V::load(dy.0.as_ptr().add(k * V::LANES));
            }
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
/// The CPU has `V`'s instruction set, `y` and `normalised` are equally long, and a tile is at least
/// `vectors` vectors long.
#[inline(always)]
pub(super) unsafe fn normalise<V: Vector>(
    y: &mut [Tile],
    normalised: &mut [Tile],
    inverse: &mut Tile,
    vectors: usize,
) {
    for lane in (0..vectors).map(|vector| vector * V::LANES) {
        // SAFETY: `lane + LANES` is within a tile.
        unsafe {
            let share = V::splat(1.0 / y.len() as f32);
            let mut sum = V::splat(0.0);
            for y in &*y {
                sum = sum.add(V::load(y.0.as_ptr().add(lane)));
            }
            let less_mean = sum.mul(share).mul(V::splat(-1.0));
            let mut squares = V::splat(0.0);
            for y in &*y {
                let off = V::load(y.0.as_ptr().add(lane)).add(less_mean);
                squares = off.mul_add(off, squares);
            }
            let variance = squares.mul_add(share, V::splat(super::NORM_EPSILON));
            let inverted = V::splat(1.0).div(variance.sqrt());
            inverted.store(inverse.0.as_mut_ptr().add(lane));
            for (y, normalised) in y.iter_mut().zip(&mut *normalised) {
                let place = y.0.as_mut_ptr().add(lane);
                let n = V::load(place).add(less_mean).mul(inverted);
                n.store(normalised.0.as_mut_ptr().add(lane));
                n.gate(n).store(place);
            }
        }
    }
}

/// # Safety
/// As [`normalise`].
#[inline(always)]
pub(super) unsafe fn normalise_back<V: Vector>(
    dy: &mut [Tile],
    normalised: &[Tile],
    inverse: &Tile,
    vectors: usize,
) {
    for lane in (0..vectors).map(|vector| vector * V::LANES) {
        // SAFETY: as above.
        unsafe {
            let share = V::splat(-1.0 / dy.len() as f32);
            let (mut sum, mut products) = (V::splat(0.0), V::splat(0.0));
            for (dy, n) in dy.iter().zip(normalised) {
                let dy = V::load(dy.0.as_ptr().add(lane));
                sum = sum.add(dy);
                products = dy.mul_add(V::load(n.0.as_ptr().add(lane)), products);
            }
            let (less_mean, less_slope) = (sum.mul(share), products.mul(share));
            let inverse = V::load(inverse.0.as_ptr().add(lane));
            for (dy, n) in dy.iter_mut().zip(normalised) {
                let place = dy.0.as_mut_ptr().add(lane);
                let off = V::load(place).add(less_mean);
                let n = V::load(n.0.as_ptr().add(lane));
                n.mul_add(less_slope, off).mul(inverse).store(place);
            }
        }
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

/// Instantiates the kernels for one instruction set.
macro_rules! instantiate {
    ($feature:literal, $name:literal, $vector:ty) => {
        use super::super::{AdamStep, Finish, QUARTER, Tile, TrainKernels, generic};
        use crate::kernels::vector::Vector;
        use lacewing_formats::topology::Csr;

        const LANES: usize = <$vector as Vector>::LANES;
        /// Vectors of one to four quarters.
        const N: [usize; 4] =
            [QUARTER / LANES, 2 * QUARTER / LANES, 3 * QUARTER / LANES, 4 * QUARTER / LANES];

        /// Only to be used where the CPU has this instruction set.
        pub(in super::super) const KERNELS: TrainKernels =
            TrainKernels { name: $name, spmm, sddmm, normalise, normalise_back, adam };

        #[target_feature(enable = $feature)]
        unsafe fn spmm(
            csr: Csr<'_>,
            weights: &[f32],
            bias: Option<&[f32]>,
            x: &[Tile],
            y: &mut [Tile],
            finish: Finish<'_>,
            samples: usize,
        ) {
            // Called by name, not through a pointer, so that they are inlined and get the feature.
            // SAFETY: the feature is enabled here; the caller checked the lengths.
            unsafe {
                match samples.div_ceil(QUARTER) {
                    1 => generic::spmm::<$vector, { N[0] }>(csr, weights, bias, x, y, finish),
                    2 => generic::spmm::<$vector, { N[1] }>(csr, weights, bias, x, y, finish),
                    3 => generic::spmm::<$vector, { N[2] }>(csr, weights, bias, x, y, finish),
                    _ => generic::spmm::<$vector, { N[3] }>(csr, weights, bias, x, y, finish),
                }
            }
        }

        #[target_feature(enable = $feature)]
        unsafe fn sddmm(csr: Csr<'_>, dy: &[Tile], x: &[Tile], grad: &mut [f32], samples: usize) {
            // SAFETY: as above.
            unsafe {
                match samples.div_ceil(QUARTER) {
                    1 => generic::sddmm::<$vector, { N[0] }, LANES>(csr, dy, x, grad),
                    2 => generic::sddmm::<$vector, { N[1] }, LANES>(csr, dy, x, grad),
                    3 => generic::sddmm::<$vector, { N[2] }, LANES>(csr, dy, x, grad),
                    _ => generic::sddmm::<$vector, { N[3] }, LANES>(csr, dy, x, grad),
                }
            }
        }

        #[target_feature(enable = $feature)]
        unsafe fn normalise(
            y: &mut [Tile],
            normalised: &mut [Tile],
            inverse: &mut Tile,
            samples: usize,
        ) {
            let vectors = samples.div_ceil(QUARTER) * N[0];
            // SAFETY: as above.
            unsafe { generic::normalise::<$vector>(y, normalised, inverse, vectors) }
        }

        #[target_feature(enable = $feature)]
        unsafe fn normalise_back(
            dy: &mut [Tile],
            normalised: &[Tile],
            inverse: &Tile,
            samples: usize,
        ) {
            let vectors = samples.div_ceil(QUARTER) * N[0];
            // SAFETY: as above.
            unsafe { generic::normalise_back::<$vector>(dy, normalised, inverse, vectors) }
        }

        #[target_feature(enable = $feature)]
        unsafe fn adam(s: &AdamStep, w: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32]) {
            // SAFETY: as above.
            unsafe { generic::adam::<$vector>(s, w, g, m, v) }
        }
    };
}
pub(super) use instantiate;
