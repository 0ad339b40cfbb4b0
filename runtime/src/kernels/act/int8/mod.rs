//! Layers with weights *and* inputs in 8 bits, multiplied in whole numbers.
//!
//! A weight is `w · s[row]` with w from −128 to 127, an input `(u − z) · t` with u from 0 to 255, so
//!
//! `y[row] = s[row] · t · (Σ w·u − z · Σ w)`
//!
//! where the bracket is exact in i32 for up to 65,536 inputs, whatever the order: every kernel equals
//! its scalar twin bit for bit. The weights' scales are those of the file where it holds int8, else the
//! largest weight of each row over 127. The inputs' scale t is found anew at every layer of every step
//! (z = 0 and the largest over 255 where none is negative, as after a ReLU, else z = 128 and the
//! largest magnitude over 127): fixed scales would save some ten nanoseconds, but need recorded
//! observations and clip whatever lies beyond those.

mod dense;
#[cfg(feature = "alloc")]
mod plan;
pub(super) mod scalar;
#[cfg(target_arch = "x86_64")]
pub(super) mod vnni;

pub use dense::DenseInt8;
#[cfg(feature = "alloc")]
pub use plan::Int8Plan;

use super::packed::{Geometry, Packed};

/// Inputs that a kernel may read together: quantised inputs are padded to whole such blocks.
pub const INT8_BLOCK: usize = 128;

/// Sixteen rows of four links: one `vpdpbusd`; a block is what one `vpermi2b` selects from.
pub const INT8_GEOMETRY: Geometry = Geometry { lanes: 16, block: INT8_BLOCK, links: 4 };

/// What belongs to the rows of an int8 layer, one a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows<'m> {
    /// `s`: what a weight of 1 stands for.
    pub scales: &'m [f32],
    /// Σ w.
    pub sums: &'m [i32],
}

/// A pruned int8 layer, packed as f32 layers are.
#[derive(Clone, Copy, Debug)]
pub struct SparseInt8<'m> {
    packed: Packed<'m, i8>,
    rows: Rows<'m>,
}

/// An int8 layer.
#[derive(Clone, Copy, Debug)]
pub enum Int8<'m> {
    /// Live links only.
    Sparse(SparseInt8<'m>),
    /// Zeros written out: what sparsity is measured against.
    Dense(DenseInt8<'m>),
}

impl Int8<'_> {
    /// Output neurons.
    pub fn rows(&self) -> usize {
        match self {
            Self::Sparse(sparse) => sparse.packed.rows(),
            Self::Dense(dense) => dense.rows(),
        }
    }

    /// Input neurons.
    pub fn cols(&self) -> usize {
        match self {
            Self::Sparse(sparse) => sparse.packed.cols(),
            Self::Dense(dense) => dense.cols(),
        }
    }
}

/// An input vector in 8 bits.
#[derive(Clone, Copy, Debug)]
pub struct Quantised<'x> {
    /// Padded to whole blocks of [`INT8_BLOCK`]; what lies beyond the inputs means nothing.
    bytes: &'x [u8],
    /// `t`: what 1 stands for; not finite where an input is not.
    scale: f32,
    /// `z`: what stands for zero.
    zero: i32,
}

impl Quantised<'_> {
    /// The inputs and what lies beyond them.
    pub fn bytes(&self) -> &[u8] {
        self.bytes
    }

    /// An output from its sum of products, with the scale and the sum of its row.
    #[inline(always)]
    fn output(&self, products: i32, scale: f32, sum: i32) -> f32 {
        products.wrapping_sub(self.zero.wrapping_mul(sum)) as f32 * (self.scale * scale)
    }
}

type Quantise = unsafe fn(&[f32], &mut [u8]) -> (f32, i32);
type Sparse = unsafe fn(&SparseInt8<'_>, &Quantised<'_>, &mut [f32]);
type Dense = unsafe fn(&DenseInt8<'_>, &Quantised<'_>, &mut [f32]);

/// The int8 part of a [`super::Kernel`].
#[derive(Clone, Copy, Debug)]
pub struct Int8Kernel {
    /// What a weight of the sparse layout, padding included, takes where one of the dense takes 1.
    #[cfg_attr(not(feature = "alloc"), expect(dead_code, reason = "what is planned takes a heap"))]
    pub(super) cost: f32,
    pub(super) quantise: Quantise,
    pub(super) sparse: Sparse,
    pub(super) dense: Dense,
}

impl Int8Kernel {
    /// How long this kernel takes for a layer so planned, in weights of the dense int8 layout.
    #[cfg(feature = "alloc")]
    pub fn cost(&self, plan: &Int8Plan) -> f32 {
        plan.entries() as f32 * if plan.is_sparse() { self.cost } else { 1.0 }
    }

    /// Rounds inputs to 8 bits, into `bytes`.
    ///
    /// # Panics
    /// If `bytes` is shorter than `x` padded to whole blocks of [`INT8_BLOCK`].
    pub fn quantise<'x>(&self, x: &[f32], bytes: &'x mut [u8]) -> Quantised<'x> {
        let bytes = &mut bytes[..x.len().next_multiple_of(INT8_BLOCK)];
        // SAFETY: a kernel is only handed out where the processor has its instructions, and `bytes`
        // is at least as long as `x`.
        let (scale, zero) = unsafe { (self.quantise)(x, bytes) };
        Quantised { bytes, scale, zero }
    }

    /// `y = W x`.
    ///
    /// # Panics
    /// If `x` is shorter than the layer's inputs or `y` is not as long as its outputs.
    pub fn multiply(&self, weights: &Int8<'_>, x: &Quantised<'_>, y: &mut [f32]) {
        let padded = weights.cols().next_multiple_of(INT8_BLOCK);
        assert!(x.bytes.len() >= padded, "inputs shorter than the layer's");
        assert!(y.len() == weights.rows(), "outputs");
        // SAFETY: as in `quantise`; lengths are checked above; the weights vouch for their indices.
        unsafe {
            match weights {
                Int8::Sparse(sparse) => (self.sparse)(sparse, x, y),
                Int8::Dense(dense) => (self.dense)(dense, x, y),
            }
        }
    }
}

/// Scale and zero point of `x`, and `x` rounded to them in `bytes` (ties to even): written once for any
/// vector width, each kernel inlines it under its own instructions.
#[inline(always)]
fn quantise(x: &[f32], bytes: &mut [u8]) -> (f32, i32) {
    /// Inputs all smaller than this are taken for zero: its reciprocal is still finite.
    const LEAST: f32 = 1e-30;
    /// Added to a number below 2²² it leaves its rounded value in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    // Magnitudes of floats are ordered as their bits are, infinity and NaN above all numbers; a −0
    // counts as negative.
    let (largest, signs) = x.iter().fold((0, 0), |(largest, signs), x| {
        (x.to_bits().wrapping_shl(1).max(largest), signs | x.to_bits())
    });
    let largest = f32::from_bits(largest >> 1);
    let (steps, zero) = if signs >> 31 == 1 { (127.0, 128) } else { (255.0, 0) };
    let (scale, inverse) =
        if largest < LEAST { (0.0, 0.0) } else { (largest / steps, steps / largest) };
    for (byte, x) in bytes.iter_mut().zip(x) {
        *byte = ((x * inverse + ROUND).to_bits() as i32 + zero) as u8;
    }
    (scale, zero)
}
