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
pub enum Finish<'a> {
    /// Nothing.
    Store,
    /// `max(0, ·)`; NaN stays NaN, so that divergence is seen.
    Relu,
    /// Zero where this is not above zero: the derivative of the ReLU that made it. `[rows]`.
    Gate(&'a [Tile]),
}

/// Work is done by quarters of a tile: a tail of the minibatch need not cost a whole one.
pub(crate) const QUARTER: usize = TILE / 4;

type Spmm = unsafe fn(Csr<'_>, &[f32], Option<&[f32]>, &[Tile], &mut [Tile], Finish<'_>, usize);
type Sddmm = unsafe fn(Csr<'_>, &[Tile], &[Tile], &mut [f32], usize);
type Normalise = unsafe fn(&mut [Tile], &mut [Tile], &mut Tile, usize);
type NormaliseBack = unsafe fn(&mut [Tile], &[Tile], &Tile, usize);
type Adam = unsafe fn(&AdamStep, &mut [f32], &[f32], &mut [f32], &mut [f32]);

/// One implementation of all training kernels; to have one is proof that this CPU can run it.
#[derive(Clone, Copy, Debug)]
pub struct TrainKernels {
    /// Instruction set, for reports.
    pub name: &'static str,
    spmm: Spmm,
    sddmm: Sddmm,
    normalise: Normalise,
    normalise_back: NormaliseBack,
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
    pub fn spmm(
        &self,
        topology: Csr<'_>,
        weights: &[f32],
        bias: Option<&[f32]>,
        x: &[Tile],
        y: &mut [Tile],
        finish: Finish<'_>,
        samples: usize,
    ) {
        assert!((1..=TILE).contains(&samples));
        assert_eq!(weights.len(), topology.links());
        assert_eq!((x.len(), y.len()), (topology.cols(), topology.rows()));
        assert!(bias.is_none_or(|bias| bias.len() == topology.rows()));
        if let Finish::Gate(gate) = finish {
            assert_eq!(gate.len(), topology.rows());
        }
        // SAFETY: the constructor proved the CPU feature; lengths fit and a `Csr` keeps its columns
        // below `cols` and its rows within `links`.
        unsafe { (self.spmm)(topology, weights, bias, x, y, finish, samples) }
    }

    /// `grad[link] += Σ over samples of dy[row]·x[col]`, for live links only; `dy` is `[rows]`,
    /// `x` `[cols]`. Samples from `samples` to the end of that quarter of the tile must be zero in
    /// `dy` and finite in `x`.
    ///
    /// # Panics
    /// If a length does not fit the topology, or a tile has not so many samples.
    pub fn sddmm(
        &self,
        topology: Csr<'_>,
        dy: &[Tile],
        x: &[Tile],
        grad: &mut [f32],
        samples: usize,
    ) {
        assert!((1..=TILE).contains(&samples));
        assert_eq!(grad.len(), topology.links());
        assert_eq!((x.len(), dy.len()), (topology.cols(), topology.rows()));
        // SAFETY: as in `spmm`.
        unsafe { (self.sddmm)(topology, dy, x, grad, samples) }
    }

    /// Layer normalisation (Ba et al. 2016, eq. 3, without gain and bias) and ReLU: for every sample
    /// `normalised = (y − mean y) · inverse`, `inverse = 1 / √(var y + 10⁻⁵)`, mean and variance being
    /// those over the rows, and `y = max(0, normalised)`.
    ///
    /// # Panics
    /// If the lengths differ, or a tile has not so many samples.
    pub fn normalise(
        &self,
        y: &mut [Tile],
        normalised: &mut [Tile],
        inverse: &mut Tile,
        samples: usize,
    ) {
        assert!((1..=TILE).contains(&samples) && y.len() == normalised.len());
        // SAFETY: the constructor proved the CPU feature; the lengths are equal.
        unsafe { (self.normalise)(y, normalised, inverse, samples) }
    }

    /// The way back through [`normalise`](Self::normalise) but for its ReLU: turns the gradient by
    /// `normalised` into that by what was normalised.
    ///
    /// # Panics
    /// As [`normalise`](Self::normalise).
    pub fn normalise_back(
        &self,
        dy: &mut [Tile],
        normalised: &[Tile],
        inverse: &Tile,
        samples: usize,
    ) {
        assert!((1..=TILE).contains(&samples) && dy.len() == normalised.len());
        // SAFETY: as above.
        unsafe { (self.normalise_back)(dy, normalised, inverse, samples) }
    }

    /// One Adam step on parameters `w` with gradients `g` and moments `m`, `v`.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn adam(&self, step: &AdamStep, w: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32]) {
        assert!(w.len() == g.len() && w.len() == m.len() && w.len() == v.len());
        // SAFETY: the constructor proved the CPU feature; the lengths are equal.
        unsafe { (self.adam)(step, w, g, m, v) }
    }
}
