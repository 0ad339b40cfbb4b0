//! Single layers for the kernels to multiply.

use crate::topology;
use lacewing_formats::artifact::{AlignedBytes, LayerSpec, LayerView, PolicySpec, PolicyView};
use lacewing_formats::codec::Encoding;
use lacewing_formats::policy::{ActionHead, Activation, Provenance};
use lacewing_formats::topology::{Csr, Structure};
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// The largest weight that int8 holds exactly where a row has it.
pub const LARGEST: f32 = 127.0 / 128.0;

/// A random layer and an input for it.
pub struct OneLayer {
    /// Inputs.
    pub cols: usize,
    /// First link of each row, and the number of links.
    pub row_ptr: Vec<u32>,
    /// Column of each link.
    pub col_idx: Vec<u16>,
    /// Weight of each link.
    pub values: Vec<f32>,
    /// One number an input, in [−1, 1].
    pub x: Vec<f32>,
}

impl OneLayer {
    /// Any structure of links.
    pub fn random(rows: usize, cols: usize, density: f64, seed: u64) -> Self {
        Self::structured(rows, cols, density, Structure::Unstructured, seed)
    }

    /// Links only where `structure` has them. Every codec holds the weights exactly.
    pub fn structured(
        rows: usize,
        cols: usize,
        density: f64,
        structure: Structure,
        seed: u64,
    ) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let (row_ptr, col_idx) = topology::random(structure, [rows, cols], density, &mut rng);
        // Weights that every codec holds exactly, so that one oracle serves all: 8 bits, and the
        // largest of a row such that its scale is 2⁻⁷.
        let values =
            (0..col_idx.len()).map(|link| match row_ptr.binary_search(&(link as u32)).is_ok() {
                true => LARGEST,
                false => (rng.next_u32() % 255) as f32 / 128.0 - LARGEST,
            });
        let values = values.collect();
        let x = (0..cols).map(|_| (rng.next_u32() >> 21) as f32 / 1024.0 - 1.0).collect();
        Self { cols, row_ptr, col_idx, values, x }
    }

    /// Outputs.
    pub fn rows(&self) -> usize {
        self.row_ptr.len() - 1
    }

    /// A policy file of this one layer.
    ///
    /// # Panics
    /// If the topology is illegal.
    pub fn file(&self, encoding: Encoding) -> AlignedBytes {
        let layer = LayerSpec {
            topology: Csr::new(self.cols, &self.row_ptr, &self.col_idx).unwrap(),
            weights: &self.values,
            bias: &vec![0.0; self.rows()],
            norm: None,
            activation: Activation::Identity,
        };
        let spec = PolicySpec {
            layers: &[layer],
            normaliser: None,
            action_head: ActionHead::Scaled {
                low: &vec![-1.0; self.rows()],
                high: &vec![1.0; self.rows()],
            },
            control_period_s: 0.01,
            provenance: Provenance::default(),
            probes: &[],
            contract: None,
            resume: None,
        };
        spec.to_bytes(encoding).unwrap()
    }

    /// Whether a row has a link to a column.
    pub fn linked(&self, row: usize, column: u16) -> bool {
        self.col_idx[self.row_ptr[row] as usize..self.row_ptr[row + 1] as usize].contains(&column)
    }
}

/// Outputs in the order of the layer.
pub fn put_back(y: &[f32], order: &[u16]) -> Vec<f32> {
    let mut back = vec![f32::NAN; y.len()];
    for (&row, &y) in order.iter().zip(y) {
        back[usize::from(row)] = y;
    }
    back
}

/// The one layer of a file.
///
/// # Panics
/// If it has none.
pub fn layer(file: &AlignedBytes) -> LayerView<'_> {
    PolicyView::parse(file).unwrap().layers().next().unwrap()
}

/// A slice one element off the start of its allocation.
pub struct Shifted<T>(Vec<T>);

impl<T: Copy + Default> Shifted<T> {
    /// A copy of a slice.
    pub fn new(slice: &[T]) -> Self {
        Self([&[T::default()], slice].concat())
    }

    /// The copy.
    pub fn get(&self) -> &[T] {
        &self.0[1..]
    }

    /// The copy, to write to.
    pub fn get_mut(&mut self) -> &mut [T] {
        &mut self.0[1..]
    }
}
