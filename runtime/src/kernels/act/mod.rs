//! Kernels of one control step: a layer's weights times one input vector.
//!
//! `y = W x`, `W` of shape `[rows, cols]`, everything in f32 (f16 weights are widened as they are
//! read). Three layouts: CSR as it lies in the policy file ([`LayerView`]), repacked for a vector unit
//! ([`Packed`]), and with its zeros written out ([`Dense`]).
//!
//! Kernels add a row's products in different orders, so they agree with the scalar oracle to
//! rounding only: within `n · 2⁻²³ · Σ|w·x|` for a row of n products. Non-finite inputs
//! reach every output that has a live link to them; [`Packed`] kernels also multiply padding by
//! zero, so there they may turn further outputs to NaN, never hide one. Denormals are kept.

mod dense;
mod finish;
#[cfg(feature = "alloc")]
mod group;
mod packed;
mod rows;
mod scalar;
mod vector;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;

pub use dense::Dense;
#[cfg(feature = "alloc")]
pub use packed::Plan;
pub use packed::{Geometry, MAX_BLOCK, MAX_LANES, Packed};

use super::Isa;
use lacewing_formats::artifact::LayerView;
use lacewing_formats::policy::Activation;

type Csr = unsafe fn(&LayerView<'_>, &[f32], &mut [f32]);
type DenseRows = unsafe fn(&Dense<'_>, &[f32], &mut [f32]);
type PackedCsr = unsafe fn(&Packed<'_>, &[f32], &mut [f32]);
type Finish = unsafe fn(Activation, &[f32], &mut [f32]);

/// One implementation of every layout; to have one is proof that this processor can run it.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    /// Name for reports.
    pub name: &'static str,
    isa: Isa,
    csr: Csr,
    /// Panel height, and the kernel for it.
    dense: (usize, DenseRows),
    packed: Option<(Geometry, PackedCsr)>,
    /// One packed step takes as long as so many vectors of dense weights (where there is no packed
    /// kernel: one link in place, as so many dense weights), as measured where both layouts are
    /// equally fast with `cargo bench -p lacewing-tests --bench act_crossover`.
    step_cost: f32,
    finish: Finish,
}

/// THE list, slowest first: one entry registers a kernel for dispatch, tests and benches.
static KERNELS: &[Kernel] = &[
    Kernel {
        name: "scalar",
        isa: Isa::Portable,
        csr: scalar::csr,
        dense: (scalar::PANEL, scalar::dense),
        packed: None,
        step_cost: 2.1,
        finish: finish::finish,
    },
    #[cfg(target_arch = "aarch64")]
    Kernel {
        name: "neon",
        isa: Isa::Neon,
        csr: neon::csr,
        dense: (neon::PANEL, neon::dense),
        packed: Some((neon::GEOMETRY, neon::packed)),
        // In instructions, counted under emulation: not measured on a board yet.
        step_cost: 2.5,
        finish: neon::finish,
    },
    #[cfg(target_arch = "x86_64")]
    Kernel {
        name: "avx2",
        isa: Isa::Avx2,
        csr: avx2::csr,
        dense: (avx2::PANEL, avx2::dense),
        packed: Some((avx2::GEOMETRY, avx2::packed)),
        step_cost: 1.75,
        finish: avx2::finish,
    },
    #[cfg(target_arch = "x86_64")]
    Kernel {
        name: "avx512",
        isa: Isa::Avx512,
        // Inputs are loaded one by one: wider vectors would not help.
        csr: avx2::csr,
        dense: (avx512::PANEL, avx512::dense),
        packed: Some((avx512::GEOMETRY, avx512::packed)),
        step_cost: 1.35,
        finish: avx512::finish,
    },
];

impl Kernel {
    /// The kernels that this processor can run, slowest first; the first is the scalar oracle.
    pub fn available() -> impl DoubleEndedIterator<Item = &'static Self> {
        KERNELS.iter().filter(|kernel| kernel.isa.is_available())
    }

    /// The fastest kernel of this processor.
    pub fn best() -> &'static Self {
        Self::available().next_back().unwrap_or(&KERNELS[0])
    }

    /// The layout this kernel's [`Kernel::multiply_packed`] wants; `None` where it has nothing
    /// faster than CSR.
    pub fn geometry(&self) -> Option<Geometry> {
        self.packed.map(|(geometry, _)| geometry)
    }

    /// Whether the dense kernel is faster for this layer than `steps` of the packed one, or than its
    /// links in place where this kernel has no packed layout.
    pub fn prefers_dense(&self, layer: &LayerView<'_>, steps: usize) -> bool {
        let lanes = self.geometry().map_or(1, |geometry| geometry.lanes);
        let vectors = layer.rows() * layer.cols() / lanes;
        steps as f32 * self.step_cost >= vectors as f32
    }

    /// `y = W x` for CSR weights.
    ///
    /// # Panics
    /// If `x` is shorter than the layer's inputs or `y` is not as long as its outputs.
    pub fn multiply(&self, layer: &LayerView<'_>, x: &[f32], y: &mut [f32]) {
        assert!(x.len() >= layer.cols(), "inputs shorter than the layer's");
        assert_eq!(y.len(), layer.rows(), "outputs");
        // SAFETY: a kernel is only handed out where the processor has its instructions; lengths
        // are checked above; `LayerView` vouches for its indices.
        unsafe { (self.csr)(layer, x, y) }
    }

    /// `y = W x` for repacked weights; runs the scalar twin where the layout is not this kernel's.
    ///
    /// # Panics
    /// If `x` is shorter than the layer's inputs rounded up to whole blocks of the layout (what lies
    /// beyond the inputs is read but not used), or `y` is not as long as its outputs.
    pub fn multiply_packed(&self, weights: &Packed<'_>, x: &[f32], y: &mut [f32]) {
        let padded = weights.blocks_per_group() * weights.geometry().block;
        assert!(x.len() >= padded, "inputs shorter than the layer's blocks");
        assert_eq!(y.len(), weights.rows(), "outputs");
        match self.packed {
            // SAFETY: as in `multiply`; `Packed` vouches for its indices, and the layout is the
            // one that the kernel reads.
            Some((geometry, run)) if geometry == weights.geometry() => unsafe {
                run(weights, x, y);
            },
            _ => scalar::packed(weights, x, y),
        }
    }

    /// Rows in the panels that [`Kernel::multiply_dense`] wants.
    pub fn panel(&self) -> usize {
        self.dense.0
    }

    /// `y = W x` for dense weights; runs the scalar twin where the panels are not this kernel's.
    ///
    /// # Panics
    /// If `x` is shorter than the layer's inputs or `y` is not as long as its outputs.
    pub fn multiply_dense(&self, weights: &Dense<'_>, x: &[f32], y: &mut [f32]) {
        let x = &x[..weights.cols()];
        assert_eq!(y.len(), weights.rows(), "outputs");
        if x.is_empty() {
            return y.fill(0.0);
        }
        let (panel, run) = self.dense;
        if panel == weights.panel() {
            // SAFETY: as in `multiply`; the panels are the kernel's.
            unsafe { run(weights, x, y) }
        } else {
            scalar::dense(weights, x, y);
        }
    }

    /// `y = activation(y + bias)`.
    ///
    /// # Panics
    /// If there is not one bias for each output.
    pub fn finish(&self, activation: Activation, bias: &[f32], y: &mut [f32]) {
        assert_eq!(bias.len(), y.len(), "biases");
        // SAFETY: as in `multiply`.
        unsafe { (self.finish)(activation, bias, y) }
    }
}
