//! Every act kernel of this processor against the scalar oracle.

use half::f16;
use lacewing_formats::topology::{Csr, random_topology};
use lacewing_runtime::kernels::act::{Geometry, Kernel, Matrix, Packed, Values};
use lacewing_runtime::learn::{Arena, Block};
use proptest::prelude::*;
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// A random layer and an input for it.
struct Case {
    cols: usize,
    row_ptr: Vec<u32>,
    col_idx: Vec<u16>,
    values: Vec<f32>,
    x: Vec<f32>,
}

impl Case {
    fn new(rows: usize, cols: usize, density: f64, seed: u64) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let links = (density * (rows * cols) as f64).round() as usize;
        let (mut row_ptr, mut col_idx) = (vec![0; rows + 1], vec![0; links]);
        random_topology(cols, &mut row_ptr, &mut col_idx, &mut rng);
        // Weights that f16 holds exactly, so that one oracle serves both precisions.
        let mut draw = || (rng.next_u32() >> 21) as f32 / 1024.0 - 1.0;
        let values = (0..links).map(|_| draw()).collect();
        let x = (0..cols).map(|_| draw()).collect();
        Self { cols, row_ptr, col_idx, values, x }
    }

    fn rows(&self) -> usize {
        self.row_ptr.len() - 1
    }

    fn matrix(&self) -> Matrix<'_> {
        let topology = Csr::new(self.cols, &self.row_ptr, &self.col_idx).unwrap();
        Matrix::new(topology, Values::F32(&self.values)).unwrap()
    }

    fn dense(&self) -> Vec<f32> {
        let mut weights = vec![0.0; self.rows() * self.cols];
        for row in 0..self.rows() {
            for (column, value) in self.matrix().row(row) {
                weights[row * self.cols + column] = value;
            }
        }
        weights
    }

    /// The scalar oracle's outputs and how far another order of summation may be from them: twice
    /// the classic bound n · 2⁻²⁴ · Σ|w·x| of an n-term dot product (Higham 2002, §3.1).
    fn oracle(&self) -> Vec<(f32, f32)> {
        let mut y = vec![0.0; self.rows()];
        Kernel::available().next().unwrap().multiply(&self.matrix(), &self.x, &mut y);
        y.into_iter()
            .enumerate()
            .map(|(row, y)| {
                let size: f32 =
                    self.matrix().row(row).map(|(column, w)| (w * self.x[column]).abs()).sum();
                (y, self.cols as f32 * 2.0_f32.powi(-23) * size)
            })
            .collect()
    }

    /// Runs every layout of `kernel` on slices shifted off their natural alignment and hands each
    /// result to `check`.
    fn run(&self, kernel: &Kernel, mut check: impl FnMut(&str, &[f32])) {
        let x = Shifted::new(&self.x);
        let mut y = Shifted::new(&vec![f32::MAX; self.rows()]);
        let (row_ptr, col_idx) = (Shifted::new(&self.row_ptr), Shifted::new(&self.col_idx));
        let topology = Csr::new(self.cols, row_ptr.get(), col_idx.get()).unwrap();

        let values = Shifted::new(&self.values);
        let single = Matrix::new(topology, Values::F32(values.get())).unwrap();
        kernel.multiply(&single, x.get(), y.get_mut());
        check("csr f32", y.get());

        let halves: Vec<f16> = self.values.iter().map(|&value| f16::from_f32(value)).collect();
        let halves = Shifted::new(&halves);
        let half = Matrix::new(topology, Values::F16(halves.get())).unwrap();
        y.get_mut().fill(f32::MAX);
        kernel.multiply(&half, x.get(), y.get_mut());
        check("csr f16", y.get());

        let dense = Shifted::new(&self.dense());
        y.get_mut().fill(f32::MAX);
        kernel.multiply_dense(dense.get(), x.get(), y.get_mut());
        check("dense", y.get());

        let Some(geometry) = kernel.geometry() else { return };
        let mut padded = self.x.clone();
        padded.resize(self.cols.next_multiple_of(geometry.block), f32::NAN);
        let padded = Shifted::new(&padded);
        for matrix in [single, half] {
            let mut memory = vec![Block::ZERO; Packed::blocks(&matrix, geometry)];
            let mut arena = Arena::new(&mut memory);
            let packed = Packed::new(&matrix, geometry, &mut arena).unwrap();
            assert_eq!(arena.left(), 0, "memory asked for and not used");
            y.get_mut().fill(f32::MAX);
            kernel.multiply_packed(&packed, padded.get(), y.get_mut());
            check("packed", y.get());
        }
    }
}

/// A slice one element off the start of its allocation.
struct Shifted<T>(Vec<T>);

impl<T: Copy + Default> Shifted<T> {
    fn new(slice: &[T]) -> Self {
        Self([&[T::default()], slice].concat())
    }

    fn get(&self) -> &[T] {
        &self.0[1..]
    }

    fn get_mut(&mut self) -> &mut [T] {
        &mut self.0[1..]
    }
}

fn agrees(case: &Case) {
    let oracle = case.oracle();
    for kernel in Kernel::available() {
        case.run(kernel, |layout, y| {
            for (row, (y, (expected, tolerance))) in y.iter().zip(&oracle).enumerate() {
                assert!(
                    (y - expected).abs() <= *tolerance,
                    "{} {layout}, row {row}: {y} is not {expected} ± {tolerance}",
                    kernel.name
                );
            }
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn every_kernel_equals_the_scalar_oracle(
        rows in 1_usize..=600, cols in 1_usize..=600, density in 0.0..=1.0_f64, seed: u64,
    ) {
        agrees(&Case::new(rows, cols, density, seed));
    }

    #[test]
    fn every_kernel_equals_the_scalar_oracle_on_small_and_odd_shapes(
        rows in 1_usize..=40, cols in 1_usize..=70, density in 0.0..=1.0_f64, seed: u64,
    ) {
        agrees(&Case::new(rows, cols, density, seed));
    }
}

#[test]
fn empty_and_full_layers() {
    for (rows, cols) in [(1, 1), (6, 256), (256, 17), (33, 65)] {
        for density in [0.0, 1.0] {
            agrees(&Case::new(rows, cols, density, 7));
        }
    }
}

#[test]
fn a_non_finite_input_reaches_every_output_linked_to_it() {
    let mut case = Case::new(50, 90, 0.3, 11);
    let finite = case.oracle();
    for poison in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        case.x[64] = poison;
        for kernel in Kernel::available() {
            case.run(kernel, |layout, y| {
                for (row, y) in y.iter().enumerate() {
                    let linked = case.matrix().row(row).any(|(column, _)| column == 64);
                    let name = kernel.name;
                    if linked {
                        assert!(!y.is_finite(), "{name} {layout} hides {poison} from row {row}");
                    } else if layout.starts_with("csr") {
                        assert!((y - finite[row].0).abs() <= finite[row].1, "{name} {layout}");
                    }
                }
            });
        }
    }
}

#[test]
fn denormals_are_kept() {
    let mut case = Case::new(20, 40, 1.0, 5);
    case.values.fill(1.0);
    case.x.fill(0.0);
    case.x[33] = 1e-42;
    for kernel in Kernel::available() {
        case.run(kernel, |layout, y| {
            assert!(y.iter().all(|&y| y == 1e-42), "{} {layout}: {y:?}", kernel.name);
        });
    }
}

#[test]
fn packed_twin_reads_any_geometry() {
    let case = Case::new(45, 77, 0.2, 3);
    let oracle = case.oracle();
    let kernel = Kernel::available().next().unwrap();
    for geometry in [
        Geometry { lanes: 4, block: 16 },
        Geometry { lanes: 8, block: 16 },
        Geometry { lanes: 16, block: 32 },
    ] {
        let mut memory = vec![Block::ZERO; Packed::blocks(&case.matrix(), geometry)];
        let packed = Packed::new(&case.matrix(), geometry, &mut Arena::new(&mut memory)).unwrap();
        let mut x = case.x.clone();
        x.resize(96, 0.0);
        let mut y = vec![0.0; 45];
        kernel.multiply_packed(&packed, &x, &mut y);
        for (y, (expected, tolerance)) in y.iter().zip(&oracle) {
            assert!((y - expected).abs() <= *tolerance);
        }
    }
}

#[test]
fn too_little_memory_is_refused() {
    let case = Case::new(32, 64, 0.5, 9);
    let geometry = Geometry { lanes: 16, block: 32 };
    let blocks = Packed::blocks(&case.matrix(), geometry);
    let mut memory = vec![Block::ZERO; blocks - 1];
    assert!(Packed::new(&case.matrix(), geometry, &mut Arena::new(&mut memory)).is_err());
}
