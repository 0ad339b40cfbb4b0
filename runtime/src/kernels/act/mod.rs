//! Kernels of one control step: a layer's weights times one input vector.
//!
//! `y = W x`, `W` of shape `[rows, cols]`, everything in f32 (f16 weights are widened as they are
//! read). [`Weights`] lie as CSR in the policy file, repacked for a vector unit ([`Packed`], [`Even`],
//! [`Strips`]), or with their zeros written out ([`Dense`]).
//!
//! Kernels add a row's products in different orders, so they agree with the scalar oracle to
//! rounding only: within `n · 2⁻²³ · Σ|w·x|` for a row of n products. Non-finite inputs
//! reach every output that has a live link to them; repacked layouts also multiply padding by
//! zero, so there they may turn further outputs to NaN, never hide one. Denormal weights become zero
//! where they are repacked, denormal outputs where a ReLU follows; all others are kept.

mod activation;
mod cortex_m;
mod dense;
mod even;
mod finish;
mod fours;
#[cfg(feature = "alloc")]
mod group;
mod int8;
#[cfg(feature = "alloc")]
mod links;
mod packed;
#[cfg(feature = "alloc")]
mod plan;
mod rows;
mod scalar;
mod strips;
mod weights;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;

pub use dense::Dense;
pub use even::Even;
#[cfg(feature = "alloc")]
pub use even::EvenPlan;
pub use fours::Fours;
#[cfg(feature = "alloc")]
pub use int8::Int8Plan;
pub use int8::{DenseInt8, INT8_BLOCK, INT8_GEOMETRY, Int8, Int8Kernel, Quantised, SparseInt8};
#[cfg(feature = "alloc")]
pub use links::Links;
#[cfg(feature = "alloc")]
pub use packed::PackedPlan;
pub use packed::{Geometry, MAX_BLOCK, MAX_LANES, Packed};
#[cfg(feature = "alloc")]
pub use plan::Plan;
pub use strips::Strips;
#[cfg(feature = "alloc")]
pub use strips::StripsPlan;
pub use weights::Weights;

use super::Isa;
use lacewing_formats::artifact::LayerView;
use lacewing_formats::policy::Activation;

type Csr = unsafe fn(&LayerView<'_>, &[f32], &mut [f32]);
type FourRows = unsafe fn(&Fours<'_>, &[f32], &mut [f32]);
type DensePanels = unsafe fn(&Dense<'_>, &[f32], &mut [f32]);
type PackedSteps = unsafe fn(&Packed<'_>, &[f32], &mut [f32]);
type EvenBlocks = unsafe fn(&Even<'_>, &[f32], &mut [f32]);
type StripRows = unsafe fn(&Strips<'_>, &[f32], &mut [f32]);
type Finish = unsafe fn(Activation, &[f32], &mut [f32]);
type Normalise = unsafe fn(f32, &[f32], &[f32], &mut [f32]);

/// One implementation of every layout; to have one is proof that this processor can run it.
///
/// With each layout goes its cost: what one of its weights takes, padding included, where one of
/// [`Dense`] takes 1, as measured where both are equally fast with
/// `cargo bench -p lacewing-tests --bench act_crossover`.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    /// Name for reports.
    pub name: &'static str,
    isa: Isa,
    csr: (f32, Csr),
    fours: Option<FourRows>,
    packed: Option<(Geometry, f32, PackedSteps)>,
    even: Option<(f32, EvenBlocks)>,
    /// By height.
    strips: &'static [(usize, f32, StripRows)],
    /// Panel height, and the kernel for it.
    dense: (usize, DensePanels),
    finish: Finish,
    normalise: Normalise,
    /// With the instructions that it needs beyond those of the others.
    int8: Option<(Isa, Int8Kernel)>,
}

const SCALAR: Kernel = Kernel {
    name: "scalar",
    isa: Isa::Portable,
    csr: (2.3, scalar::csr),
    fours: None,
    packed: None,
    even: None,
    strips: &[(scalar::STRIP, 1.05, scalar::strips)],
    dense: (scalar::PANEL, scalar::dense),
    finish: finish::finish,
    normalise: finish::normalise,
    int8: Some((Isa::Portable, int8::scalar::KERNEL)),
};

/// What a Cortex-M computes, to the bit: no kernel of this processor's, but what tells what that one answers.
static CORTEX_M_TWIN: Kernel =
    Kernel { name: "cortex-m twin", csr: (f32::INFINITY, cortex_m::twin), ..SCALAR };

/// THE list, slowest first: one entry registers a kernel for dispatch, tests and benches.
static KERNELS: &[Kernel] = &[
    SCALAR,
    #[cfg(cortex_m_fpu)]
    Kernel {
        name: "cortex-m",
        isa: Isa::CortexM,
        // In instructions, by targets/cortex-m/run.sh.
        csr: (2.0, cortex_m::csr),
        fours: Some(cortex_m::fours),
        finish: cortex_m::finish,
        ..SCALAR
    },
    #[cfg(target_arch = "aarch64")]
    Kernel {
        name: "neon",
        isa: Isa::Neon,
        // In instructions, by tests/benches/neon_instructions.sh: not measured on a board yet.
        csr: (11.0, neon::csr),
        fours: None,
        packed: Some((neon::GEOMETRY, 2.4, neon::packed)),
        even: None,
        strips: &[(16, 1.5, neon::strips16), (4, 3.3, neon::strips4)],
        dense: (neon::PANEL, neon::dense),
        finish: neon::finish,
        normalise: neon::normalise,
        int8: None,
    },
    #[cfg(target_arch = "x86_64")]
    Kernel {
        name: "avx2",
        isa: Isa::Avx2,
        csr: (9.5, avx2::csr),
        fours: None,
        packed: Some((avx2::GEOMETRY, 1.75, avx2::packed)),
        even: None,
        strips: &[(16, 1.35, avx2::strips16), (8, 1.85, avx2::strips8)],
        dense: (avx2::PANEL, avx2::dense),
        finish: avx2::finish,
        normalise: avx2::normalise,
        int8: None,
    },
    #[cfg(target_arch = "x86_64")]
    Kernel {
        name: "avx512",
        isa: Isa::Avx512,
        // Inputs are loaded one by one: wider vectors would not help.
        csr: (9.5, avx2::csr),
        fours: None,
        packed: Some((avx512::GEOMETRY, 1.35, avx512::packed)),
        even: Some((1.2, avx512::even)),
        strips: &[(16, 1.25, avx512::strips)],
        dense: (avx512::PANEL, avx512::dense),
        finish: avx512::finish,
        normalise: avx512::normalise,
        int8: Some((Isa::Avx512Vnni, int8::vnni::KERNEL)),
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

    /// The twin of the kernel for Cortex-M4F and Cortex-M7, on any processor: in place it computes what that one
    /// computes, in every bit.
    pub fn cortex_m_twin() -> &'static Self {
        &CORTEX_M_TWIN
    }

    /// The layouts that this kernel has for a layer; `regroup` says whether its outputs may change
    /// their places.
    #[cfg(feature = "alloc")]
    pub fn plans(&self, links: &Links, regroup: bool) -> impl Iterator<Item = Plan> {
        let packed =
            self.packed.map(|(shape, ..)| Plan::Packed(PackedPlan::new(links, shape, regroup)));
        let even = self.even.and_then(|_| EvenPlan::new(links)).map(Plan::Even);
        let strips = self.strips.iter();
        let strips = strips.map(|&(height, ..)| Plan::Strips(StripsPlan::new(links, height)));
        packed.into_iter().chain(even).chain(strips)
    }

    /// How long this kernel takes for a layer so planned, in dense weights; forever where it does not
    /// have the layout.
    #[cfg(feature = "alloc")]
    pub fn cost(&self, plan: &Plan) -> f32 {
        let each = match plan {
            Plan::Packed(_) => self.packed.map(|(_, cost, _)| cost),
            Plan::Even(_) => self.even.map(|(cost, _)| cost),
            Plan::Strips(plan) => self.strips_of(plan.height()).map(|(_, cost, _)| *cost),
        };
        plan.entries() as f32 * each.unwrap_or(f32::INFINITY)
    }

    /// A layer as it lies in the file, for this kernel.
    pub fn in_place<'a>(&self, layer: LayerView<'a>) -> Weights<'a> {
        let fours = self.fours.and_then(|_| Fours::new(layer));
        fours.map_or(Weights::InPlace(layer), Weights::Fours)
    }

    /// How long this kernel takes for `links` links in place, in dense weights.
    pub fn cost_in_place(&self, links: usize) -> f32 {
        links as f32 * self.csr.0
    }

    fn strips_of(&self, height: usize) -> Option<&(usize, f32, StripRows)> {
        self.strips.iter().find(|strips| strips.0 == height)
    }

    /// Rows in the panels of [`Dense`] weights that this kernel wants.
    pub fn panel(&self) -> usize {
        self.dense.0
    }

    /// `y = W x`; runs the scalar twin where the layout is not one of this kernel's.
    ///
    /// # Panics
    /// If `x` is shorter than [`Weights::input_len`] (what lies beyond the inputs is read but not
    /// used), or `y` is not as long as the layer's outputs.
    pub fn multiply(&self, weights: &Weights<'_>, x: &[f32], y: &mut [f32]) {
        assert!(x.len() >= weights.input_len(), "inputs shorter than the layer's");
        // No kernel has an `assert_eq`: it would bring the formatting of numbers into firmware.
        assert!(y.len() == weights.rows(), "outputs");
        // SAFETY: a kernel is only handed out where the processor has its instructions; lengths are
        // checked above; the weights vouch for their indices, and have the shape that the kernel
        // reads.
        unsafe {
            match weights {
                Weights::InPlace(layer) => (self.csr.1)(layer, x, y),
                Weights::Fours(fours) => match self.fours {
                    Some(run) => run(fours, x, y),
                    None => (self.csr.1)(fours.layer(), x, y),
                },
                Weights::Dense(dense) if dense.cols() == 0 => y.fill(0.0),
                Weights::Dense(dense) => {
                    let (panel, run) = self.dense;
                    let run = if panel == dense.panel() { run } else { scalar::dense };
                    run(dense, &x[..dense.cols()], y);
                }
                Weights::Packed(packed) => match self.packed {
                    Some((geometry, _, run)) if geometry == packed.geometry() => run(packed, x, y),
                    _ => scalar::packed(packed, x, y),
                },
                Weights::Even(even) => {
                    self.even.map_or(scalar::even as EvenBlocks, |(_, run)| run)(even, x, y);
                }
                Weights::Strips(strips) => {
                    let own = self.strips_of(strips.height());
                    own.map_or(scalar::strips as StripRows, |(.., run)| *run)(strips, x, y);
                }
            }
        }
    }

    /// The kernel for int8 layers; `None` where this processor would be faster in f32.
    pub fn int8(&'static self) -> Option<&'static Int8Kernel> {
        self.int8.as_ref().filter(|(isa, _)| isa.is_available()).map(|(_, kernel)| kernel)
    }

    /// `y = activation(y + bias)`.
    ///
    /// # Panics
    /// If there is not one bias for each output.
    pub fn finish(&self, activation: Activation, bias: &[f32], y: &mut [f32]) {
        assert!(bias.len() == y.len(), "biases");
        // SAFETY: as in `multiply`.
        unsafe { (self.finish)(activation, bias, y) }
    }

    /// `y = (z - mean z) / √(var z + epsilon) · gain` with `z = y + bias`: layer normalisation but for
    /// its shift, which then is the bias of [`Kernel::finish`].
    ///
    /// # Panics
    /// If there is not one gain and bias for each output.
    pub fn normalise(&self, epsilon: f32, gain: &[f32], bias: &[f32], y: &mut [f32]) {
        assert!(bias.len() == y.len() && gain.len() == y.len(), "gains and biases");
        // SAFETY: as in `multiply`.
        unsafe { (self.normalise)(epsilon, gain, bias, y) }
    }
}
