//! Training kernels: CSR layers over a tile of the minibatch.
//!
//! Activations are feature-major, [`Tile`] by tile: all samples of a tile lie side by side, so a
//! live link is one contiguous multiply-add over the tile, with no gather. One list holds every
//! implementation; dispatch, tests and benches walk it.

mod full;
mod generic;
mod norm;
mod scalar;
mod simd;

use super::Isa;
use bytemuck::{Pod, Zeroable};
use lacewing_formats::topology::Csr;

/// Samples in a [`Tile`].
pub const TILE: usize = 64;

/// One feature of [`TILE`] samples.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C, align(64))]
pub struct Tile(pub [f32; TILE]);

impl Tile {
    /// All samples zero.
    pub const ZERO: Self = Self([0.0; TILE]);
}

/// One feature of as many samples as a quarter of a [`Tile`] has, where memory is short.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C, align(64))]
pub struct Quarter(pub [f32; QUARTER]);

/// One feature of some samples, side by side: a [`Tile`] or a [`Quarter`] of one.
pub trait Row: Pod + AsRef<[f32]> + AsMut<[f32]> {
    /// Samples.
    const SAMPLES: usize;

    /// The kernels for such rows.
    #[doc(hidden)]
    fn kernels(of: &TrainKernels) -> &RowKernels<Self>;
}

/// Makes a type of rows of what it has in `$field` of the kernels.
macro_rules! row {
    ($row:ident, $samples:ident, $field:ident) => {
        impl AsRef<[f32]> for $row {
            fn as_ref(&self) -> &[f32] {
                &self.0
            }
        }

        impl AsMut<[f32]> for $row {
            fn as_mut(&mut self) -> &mut [f32] {
                &mut self.0
            }
        }

        impl Row for $row {
            const SAMPLES: usize = $samples;

            fn kernels(of: &TrainKernels) -> &RowKernels<Self> {
                &of.$field
            }
        }
    };
}
row!(Tile, TILE, tiles);
row!(Quarter, QUARTER, quarters);

/// Constants of one Adam step (Kingma & Ba 2015, alg. 1) with L2 regularisation, as PyTorch's
/// `Adam(weight_decay)` does it.
#[derive(Clone, Copy, Debug)]
pub struct AdamStep {
    /// Learning rate over the first moment's bias correction, `α / (1 − β₁ᵗ)`.
    pub step_size: f32,
    /// β₁.
    pub beta1: f32,
    /// β₂.
    pub beta2: f32,
    /// `1 / √(1 − β₂ᵗ)`.
    pub second_correction: f32,
    /// ε.
    pub epsilon: f32,
    /// λ of `g ← g + λ·w`.
    pub weight_decay: f32,
}

/// What happens to a row's sums before they are stored.
#[derive(Clone, Copy, Debug)]
pub enum Finish<'a, R = Tile> {
    /// Nothing.
    Store,
    /// `max(0, ·)`; NaN stays NaN, so that divergence is seen.
    Relu,
    /// Zero where this is not above zero: the derivative of the ReLU that made it. `[rows]`.
    Gate(&'a [R]),
}

/// Work is done by quarters of a tile: a tail of the minibatch need not cost a whole one.
pub const QUARTER: usize = TILE / 4;

type Spmm<R> = unsafe fn(Csr<'_>, &[f32], Option<&[f32]>, &[R], &mut [R], Finish<'_, R>, usize);
type SpmmBack<R> = unsafe fn(Csr<'_>, &[f32], &[R], &mut [R], usize);
type Sddmm<R> = unsafe fn(Csr<'_>, &[R], &[R], &mut [f32], usize);
type Normalise<R> = unsafe fn(&mut [R], &mut [R], &mut R, usize);
type NormaliseBack<R> = unsafe fn(&mut [R], &[R], &R, usize);
type Adam = unsafe fn(&AdamStep, &mut [f32], &[f32], &mut [f32], &mut [f32]);

/// The kernels that work on rows of samples.
#[derive(Clone, Copy, Debug)]
pub struct RowKernels<R> {
    spmm: Spmm<R>,
    spmm_back: SpmmBack<R>,
    sddmm: Sddmm<R>,
    normalise: Normalise<R>,
    normalise_back: NormaliseBack<R>,
}

/// One implementation of all training kernels; to have one is proof that this CPU can run it.
#[derive(Clone, Copy, Debug)]
pub struct TrainKernels {
    /// Instruction set, for reports.
    pub name: &'static str,
    tiles: RowKernels<Tile>,
    quarters: RowKernels<Quarter>,
    adam: Adam,
}

/// What layer normalisation adds to a variance.
const NORM_EPSILON: f32 = 1e-5;

/// Every implementation built for this architecture, best first.
const ALL: &[(Isa, TrainKernels)] = &[
    #[cfg(target_arch = "x86_64")]
    (Isa::Avx512, simd::avx512::KERNELS),
    #[cfg(target_arch = "x86_64")]
    (Isa::Avx2, simd::avx2::KERNELS),
    #[cfg(target_arch = "aarch64")]
    (Isa::Neon, simd::neon::KERNELS),
    (Isa::Portable, scalar::KERNELS),
];

impl TrainKernels {
    /// Every implementation this CPU can run, best first; the last is the scalar oracle.
    pub fn available() -> impl Iterator<Item = Self> {
        ALL.iter().filter(|(isa, _)| isa.is_available()).map(|&(_, kernels)| kernels)
    }

    /// The best implementation this CPU can run.
    pub fn best() -> Self {
        Self::available().next().unwrap_or(scalar::KERNELS)
    }

    /// `y[r] = finish(Σ w·x[col] (+ bias[r]))` over the first `samples` of a tile; `x` is `[cols]`,
    /// `y` `[rows]`. Samples after them hold nothing of meaning.
    ///
    /// # Panics
    /// If a length does not fit the topology, or a tile has not so many samples.
    #[expect(clippy::too_many_arguments, reason = "a matrix product has this many operands")]
    pub fn spmm<R: Row>(
        &self,
        topology: Csr<'_>,
        weights: &[f32],
        bias: Option<&[f32]>,
        x: &[R],
        y: &mut [R],
        finish: Finish<'_, R>,
        samples: usize,
    ) {
        assert!((1..=R::SAMPLES).contains(&samples));
        assert_eq!(weights.len(), topology.links());
        assert_eq!((x.len(), y.len()), (topology.cols(), topology.rows()));
        assert!(bias.is_none_or(|bias| bias.len() == topology.rows()));
        if let Finish::Gate(gate) = finish {
            assert_eq!(gate.len(), topology.rows());
        }
        // SAFETY: the constructor proved the CPU feature; lengths fit and a `Csr` keeps its columns
        // below `cols` and its rows within `links`.
        unsafe { (R::kernels(self).spmm)(topology, weights, bias, x, y, finish, samples) }
    }

    /// `dx[col] += Σ w·dy[row]` over the first `samples` of a row of samples: the product with the transposed
    /// topology where nobody keeps that; `dy` is `[rows]`, `dx` `[cols]`.
    ///
    /// # Panics
    /// As [`spmm`](Self::spmm).
    pub fn spmm_back<R: Row>(
        &self,
        topology: Csr<'_>,
        weights: &[f32],
        dy: &[R],
        dx: &mut [R],
        samples: usize,
    ) {
        assert!((1..=R::SAMPLES).contains(&samples));
        assert_eq!(weights.len(), topology.links());
        assert_eq!((dx.len(), dy.len()), (topology.cols(), topology.rows()));
        // SAFETY: as in `spmm`.
        unsafe { (R::kernels(self).spmm_back)(topology, weights, dy, dx, samples) }
    }

    /// `grad[link] += Σ over samples of dy[row]·x[col]`, for live links only; `dy` is `[rows]`,
    /// `x` `[cols]`. Samples from `samples` to the end of that quarter of the tile must be zero in
    /// `dy` and finite in `x`.
    ///
    /// # Panics
    /// If a length does not fit the topology, or a tile has not so many samples.
    pub fn sddmm<R: Row>(
        &self,
        topology: Csr<'_>,
        dy: &[R],
        x: &[R],
        grad: &mut [f32],
        samples: usize,
    ) {
        assert!((1..=R::SAMPLES).contains(&samples));
        assert_eq!(grad.len(), topology.links());
        assert_eq!((x.len(), dy.len()), (topology.cols(), topology.rows()));
        // SAFETY: as in `spmm`.
        unsafe { (R::kernels(self).sddmm)(topology, dy, x, grad, samples) }
    }

    /// Layer normalisation (Ba et al. 2016, eq. 3, without gain and bias) and ReLU: for every sample
    /// `normalised = (y − mean y) · inverse`, `inverse = 1 / √(var y + 10⁻⁵)`, mean and variance being
    /// those over the rows, and `y = max(0, normalised)`.
    ///
    /// # Panics
    /// If the lengths differ, or a tile has not so many samples.
    pub fn normalise<R: Row>(
        &self,
        y: &mut [R],
        normalised: &mut [R],
        inverse: &mut R,
        samples: usize,
    ) {
        assert!((1..=R::SAMPLES).contains(&samples) && y.len() == normalised.len());
        // SAFETY: the constructor proved the CPU feature; the lengths are equal.
        unsafe { (R::kernels(self).normalise)(y, normalised, inverse, samples) }
    }

    /// The way back through [`normalise`](Self::normalise) but for its ReLU: turns the gradient by
    /// `normalised` into that by what was normalised.
    ///
    /// # Panics
    /// As [`normalise`](Self::normalise).
    pub fn normalise_back<R: Row>(
        &self,
        dy: &mut [R],
        normalised: &[R],
        inverse: &R,
        samples: usize,
    ) {
        assert!((1..=R::SAMPLES).contains(&samples) && dy.len() == normalised.len());
        // SAFETY: as above.
        unsafe { (R::kernels(self).normalise_back)(dy, normalised, inverse, samples) }
    }

    /// One Adam step on parameters `w` with gradients `g` and moments `m`, `v`. What becomes denormal is
    /// zero: units that died decay there, and stay, and processors take hundreds of cycles for each.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn adam(&self, step: &AdamStep, w: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32]) {
        assert!(w.len() == g.len() && w.len() == m.len() && w.len() == v.len());
        // SAFETY: the constructor proved the CPU feature; the lengths are equal.
        unsafe { (self.adam)(step, w, g, m, v) }
    }
}
