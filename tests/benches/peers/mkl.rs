//! Intel's MKL, layer by layer, biases written to the outputs beforehand and added to; ReLU and tanh
//! are Rust's.

use super::ffi::{Handle, Outcome, function, library};
use super::network::dense_weights;
use lacewing_formats::policy::Activation;
use lacewing_runtime::measure::Step;
use lacewing_tests::policy_file::{Layer, Owned};
use libloading::Library;
use std::path::Path;
use std::ptr::null_mut;

// Constants of mkl_cblas.h and mkl_spblas.h.
const ROW_MAJOR: i32 = 101;
const NO_TRANSPOSE: i32 = 111;
const NON_TRANSPOSE: i32 = 10;
const ZERO_BASED: i32 = 0;
const GENERAL: Description = Description { kind: 20, fill: 40, diagonal: 50 };

/// So many that MKL takes its time to optimise.
const EXPECTED_CALLS: i32 = 1_000_000;

/// `struct matrix_descr`; all but `kind` is for triangles.
#[repr(C)]
#[derive(Clone, Copy)]
struct Description {
    kind: i32,
    fill: i32,
    diagonal: i32,
}

fn check(call: &str, status: i32) -> Outcome<()> {
    if status == 0 { Ok(()) } else { Err(format!("MKL: {call} failed with {status}").into()) }
}

/// Runs layer after layer between two buffers of `[features][samples]`: `multiply(layer, x, y)` adds
/// to the biases in `y`.
fn chain(
    policy: &Owned,
    samples: usize,
    mut multiply: impl FnMut(usize, &[f32], &mut [f32]) + 'static,
) -> Step<'static> {
    let layers: Vec<_> =
        policy.layers.iter().map(|layer| (layer.bias.clone(), layer.activation)).collect();
    let width = policy.layers.iter().map(|layer| layer.cols.max(layer.bias.len())).max();
    let mut buffers = [0, 1].map(|_| vec![0.0_f32; samples * width.unwrap_or(0)]);
    Box::new(move |observation, action| {
        let [x, y] = &mut buffers;
        x[..observation.len()].copy_from_slice(observation);
        for (index, (bias, activation)) in layers.iter().enumerate() {
            let out = &mut y[..samples * bias.len()];
            out.chunks_mut(samples).zip(bias).for_each(|(row, &bias)| row.fill(bias));
            multiply(index, x, out);
            match activation {
                Activation::Identity => {}
                Activation::Relu => out.iter_mut().for_each(|y| *y = y.max(0.0)),
                other => out.iter_mut().for_each(|y| *y = other.apply((*y).into()) as f32),
            }
            std::mem::swap(x, y);
        }
        action.copy_from_slice(&x[..action.len()]);
    })
}

/// A control step of `cblas_sgemv`.
pub fn dense(so: &Path, policy: &Owned) -> Outcome<Step<'static>> {
    type Gemv = unsafe extern "C" fn(
        i32,
        i32,
        i32,
        i32,
        f32,
        *const f32,
        i32,
        *const f32,
        i32,
        f32,
        *mut f32,
        i32,
    );
    // SAFETY: the type is the header's, with 32-bit integers.
    let gemv: Gemv = unsafe { function(library(so)?, "cblas_sgemv") }?;
    let weights: Vec<_> =
        policy.layers.iter().map(|layer| (dense_weights(layer), layer.cols)).collect();
    Ok(chain(policy, 1, move |index, x, y| {
        let (weights, columns) = &weights[index];
        assert!(x.len() >= *columns && weights.len() == y.len() * columns);
        let (rows, columns) = (y.len() as i32, *columns as i32);
        let (w, x, y) = (weights.as_ptr(), x.as_ptr(), y.as_mut_ptr());
        // SAFETY: the matrix is [rows][columns] and the vectors are as long.
        unsafe { gemv(ROW_MAJOR, NO_TRANSPOSE, rows, columns, 1.0, w, columns, x, 1, 1.0, y, 1) };
    }))
}

/// A layer's weights as MKL holds them.
struct Csr {
    handle: Handle,
    /// What the handle points into.
    _arrays: (Vec<i32>, Vec<i32>, Vec<f32>),
    rows: usize,
    columns: usize,
}

impl Csr {
    fn new(library: &'static Library, layer: &Layer) -> Outcome<Self> {
        type Create = unsafe extern "C" fn(
            *mut Handle,
            i32,
            i32,
            i32,
            *const i32,
            *const i32,
            *const i32,
            *const f32,
        ) -> i32;
        let starts: Vec<i32> = layer.row_ptr.iter().map(|&at| at as i32).collect();
        let indices: Vec<i32> = layer.columns.iter().map(|&column| column.into()).collect();
        let values = layer.weights.clone();
        let (rows, columns) = (layer.bias.len(), layer.cols);
        let (mut handle, call) = (null_mut(), "mkl_sparse_s_create_csr");
        // SAFETY: the type is the header's, with 32-bit integers; the arrays are a legal CSR matrix
        // and stay where they are, in `_arrays`.
        unsafe {
            let create: Create = function(library, call)?;
            let (start, end) = (starts.as_ptr(), starts.as_ptr().add(1));
            let size = (rows as i32, columns as i32);
            let (indices, values) = (indices.as_ptr(), values.as_ptr());
            let made = create(&mut handle, ZERO_BASED, size.0, size.1, start, end, indices, values);
            check(call, made)?;
        }
        Ok(Self { handle, _arrays: (starts, indices, values), rows, columns })
    }

    /// Lets MKL rearrange the matrix for what was hinted at.
    fn optimise(&self, library: &'static Library) -> Outcome<()> {
        let call = "mkl_sparse_optimize";
        // SAFETY: the type is the header's, the handle a matrix.
        unsafe {
            let optimise: unsafe extern "C" fn(Handle) -> i32 = function(library, call)?;
            check(call, optimise(self.handle))
        }
    }
}

/// A control step of `mkl_sparse_s_mv`.
pub fn sparse(so: &Path, policy: &Owned) -> Outcome<Step<'static>> {
    type Hint = unsafe extern "C" fn(Handle, i32, Description, i32) -> i32;
    type Multiply =
        unsafe extern "C" fn(i32, f32, Handle, Description, *const f32, f32, *mut f32) -> i32;
    let library = library(so)?;
    // SAFETY: the types are the header's.
    let (hint, multiply): (Hint, Multiply) = unsafe {
        (function(library, "mkl_sparse_set_mv_hint")?, function(library, "mkl_sparse_s_mv")?)
    };
    let mut layers = Vec::new();
    for layer in &policy.layers {
        let csr = Csr::new(library, layer)?;
        // SAFETY: the handle is a matrix.
        let hinted = unsafe { hint(csr.handle, NON_TRANSPOSE, GENERAL, EXPECTED_CALLS) };
        check("mkl_sparse_set_mv_hint", hinted)?;
        csr.optimise(library)?;
        layers.push(csr);
    }
    Ok(chain(policy, 1, move |index, x, y| {
        let Csr { handle, rows, columns, .. } = layers[index];
        assert!(x.len() >= columns && y.len() == rows);
        let (x, y) = (x.as_ptr(), y.as_mut_ptr());
        // SAFETY: the handle is a matrix and the vectors are as long as its sides.
        let status = unsafe { multiply(NON_TRANSPOSE, 1.0, handle, GENERAL, x, 1.0, y) };
        check("mkl_sparse_s_mv", status).expect("a step like the last");
    }))
}

/// A batch of `mkl_sparse_s_mm`, from `[inputs][samples]` to `[outputs][samples]`.
pub fn sparse_batch(
    so: &Path,
    policy: &Owned,
    samples: usize,
    threads: usize,
) -> Outcome<Step<'static>> {
    type Hint = unsafe extern "C" fn(Handle, i32, Description, i32, i32, i32) -> i32;
    type Multiply = unsafe extern "C" fn(
        i32,
        f32,
        Handle,
        Description,
        i32,
        *const f32,
        i32,
        i32,
        f32,
        *mut f32,
        i32,
    ) -> i32;
    let library = library(so)?;
    // SAFETY: the types are the headers'.
    let (hint, multiply): (Hint, Multiply) = unsafe {
        let threading: unsafe extern "C" fn(i32) = function(library, "MKL_Set_Num_Threads")?;
        threading(threads as i32);
        (function(library, "mkl_sparse_set_mm_hint")?, function(library, "mkl_sparse_s_mm")?)
    };
    let mut layers = Vec::new();
    let width = samples as i32;
    for layer in &policy.layers {
        let csr = Csr::new(library, layer)?;
        // SAFETY: the handle is a matrix.
        let hinted =
            unsafe { hint(csr.handle, NON_TRANSPOSE, GENERAL, ROW_MAJOR, width, EXPECTED_CALLS) };
        check("mkl_sparse_set_mm_hint", hinted)?;
        csr.optimise(library)?;
        layers.push(csr);
    }
    Ok(chain(policy, samples, move |index, x, y| {
        let Csr { handle, rows, columns, .. } = layers[index];
        assert!(x.len() >= columns * samples && y.len() == rows * samples);
        let (x, y) = (x.as_ptr(), y.as_mut_ptr());
        // SAFETY: the handle is a matrix and both sides of the batch have `samples` to a row.
        let status = unsafe {
            multiply(NON_TRANSPOSE, 1.0, handle, GENERAL, ROW_MAJOR, x, width, width, 1.0, y, width)
        };
        check("mkl_sparse_s_mm", status).expect("a step like the last");
    }))
}
