//! PyTorch's C++ library, through the functions of `torch.cpp`.

use super::ffi::{Handle, Outcome, c_path, function, library};
use super::network::dense_weights;
use lacewing_runtime::measure::Step;
use lacewing_tests::policy_file::Owned;
use std::ffi::c_char;
use std::path::Path;

fn made(call: &str, handle: Handle) -> Outcome<Handle> {
    if handle.is_null() { Err(format!("{call} failed").into()) } else { Ok(handle) }
}

/// A control step of a frozen TorchScript module on one thread.
pub fn open(so: &Path, model: &Path) -> Outcome<Step<'static>> {
    let (path, library) = (c_path(model)?, library(so)?);
    // SAFETY: names and types are those of torch.cpp; the handle lives until the process ends.
    unsafe {
        let call = "peer_torch_open";
        let create: unsafe extern "C" fn(*const c_char) -> Handle = function(library, call)?;
        let module = made(call, create(path.as_ptr()))?;
        let step: unsafe extern "C" fn(Handle, *const f32, i64, *mut f32, i64) -> i32 =
            function(library, "peer_torch_step")?;
        Ok(Box::new(move |observation, action| {
            let (x, y) = (observation.as_ptr(), action.as_mut_ptr());
            let status = step(module, x, observation.len() as i64, y, action.len() as i64);
            assert_eq!(status, 0, "a step like the last");
        }))
    }
}

/// How PyTorch holds the weights of a batch's network.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Weights {
    /// On `[samples][features]`.
    Dense,
    /// On `[features][samples]`.
    Csr,
}

/// A batch of `samples`.
pub fn batch(
    so: &Path,
    policy: &Owned,
    weights: Weights,
    samples: usize,
    threads: usize,
) -> Outcome<Step<'static>> {
    type Open = unsafe extern "C" fn(
        i64,
        *const i64,
        *const *const f32,
        *const *const f32,
        i64,
        i32,
    ) -> Handle;
    let library = library(so)?;
    let layers = &policy.layers;
    let inputs = layers[0].cols as i64;
    let widths: Vec<i64> =
        std::iter::once(inputs).chain(layers.iter().map(|layer| layer.bias.len() as i64)).collect();
    let dense: Vec<_> = layers.iter().map(dense_weights).collect();
    let matrices: Vec<_> = dense.iter().map(|weights| weights.as_ptr()).collect();
    let biases: Vec<_> = layers.iter().map(|layer| layer.bias.as_ptr()).collect();
    // SAFETY: names and types are those of torch.cpp, which copies the arrays; as many matrices and
    // biases as layers, one width more. The handle lives until the process ends.
    unsafe {
        let call = "peer_torch_batch_open";
        let create: Open = function(library, call)?;
        let (count, csr) = (layers.len() as i64, (weights == Weights::Csr).into());
        let (widths, matrices) = (widths.as_ptr(), matrices.as_ptr());
        let network = create(count, widths, matrices, biases.as_ptr(), samples as i64, csr);
        let network = made(call, network)?;
        let run: unsafe extern "C" fn(Handle, i32, *const f32, i64, *mut f32) -> i32 =
            function(library, "peer_torch_batch_run")?;
        Ok(Box::new(move |x, y| {
            assert_eq!(x.len(), samples * inputs as usize, "inputs of the batch");
            let status = run(network, threads as i32, x.as_ptr(), inputs, y.as_mut_ptr());
            assert_eq!(status, 0, "a batch like the last");
        }))
    }
}
