//! LiteRT through its C API (`litert/c`): a compiled model on the CPU accelerator, which is XNNPACK
//! on one thread unless told otherwise, between two buffers of host memory.

use super::ffi::{Handle, Model, Outcome, c_path, function, library};
use lacewing_runtime::measure::Step;
use std::ffi::c_char;
use std::ptr::{copy_nonoverlapping, null, null_mut};

/// `kLiteRtHwAcceleratorCpu`.
const CPU: i32 = 1;
/// `kLiteRtTensorBufferTypeHostMemory`.
const HOST_MEMORY: i32 = 1;

/// Room for a `LiteRtRankedTensorType`, which the library fills and reads.
#[repr(C, align(16))]
struct TensorType([u8; 128]);

fn check(call: &str, status: i32) -> Outcome<()> {
    if status == 0 { Ok(()) } else { Err(format!("LiteRT: {call} failed with {status}").into()) }
}

/// A control step of the model on one thread.
pub fn open(model: &Model<'_>) -> Outcome<Step<'static>> {
    type Get = unsafe extern "C" fn(Handle, usize, *mut Handle) -> i32;
    type New = unsafe extern "C" fn(*mut Handle) -> i32;
    type Run = unsafe extern "C" fn(Handle, usize, usize, *mut Handle, usize, *mut Handle) -> i32;
    let &Model { observations, actions, .. } = model;
    let path = c_path(&model.file)?;
    let library = library(model.library)?;
    let [mut env, mut file, mut options, mut compiled, mut graph] = [null_mut(); 5];
    // SAFETY: names and types are the headers'; handles are used only after the call that makes them
    // went well, and nothing is ever destroyed.
    unsafe {
        let call = "LiteRtCreateEnvironment";
        let create: unsafe extern "C" fn(i32, *const Handle, *mut Handle) -> i32 =
            function(library, call)?;
        check(call, create(0, null(), &mut env))?;
        let call = "LiteRtCreateModelFromFile";
        let create: unsafe extern "C" fn(Handle, *const c_char, *mut Handle) -> i32 =
            function(library, call)?;
        check(call, create(env, path.as_ptr(), &mut file))?;
        let call = "LiteRtCreateOptions";
        let create: New = function(library, call)?;
        check(call, create(&mut options))?;
        let call = "LiteRtSetOptionsHardwareAccelerators";
        let accelerate: unsafe extern "C" fn(Handle, i32) -> i32 = function(library, call)?;
        check(call, accelerate(options, CPU))?;
        let call = "LiteRtCreateCompiledModel";
        let create: unsafe extern "C" fn(Handle, Handle, Handle, *mut Handle) -> i32 =
            function(library, call)?;
        check(call, create(env, file, options, &mut compiled))?;

        let call = "LiteRtGetModelSubgraph";
        let subgraph: Get = function(library, call)?;
        check(call, subgraph(file, 0, &mut graph))?;
        let port = |get: &str, length: usize| -> Outcome<(Handle, *mut f32)> {
            let [mut tensor, mut buffer, mut address] = [null_mut(); 3];
            let mut kind = TensorType([0; 128]);
            let tensor_of: Get = function(library, get)?;
            check(get, tensor_of(graph, 0, &mut tensor))?;
            let call = "LiteRtGetRankedTensorType";
            let kind_of: unsafe extern "C" fn(Handle, *mut TensorType) -> i32 =
                function(library, call)?;
            check(call, kind_of(tensor, &mut kind))?;
            let call = "LiteRtCreateManagedTensorBuffer";
            let create: unsafe extern "C" fn(
                Handle,
                i32,
                *const TensorType,
                usize,
                *mut Handle,
            ) -> i32 = function(library, call)?;
            let bytes = length * size_of::<f32>();
            check(call, create(env, HOST_MEMORY, &kind, bytes, &mut buffer))?;
            let call = "LiteRtGetTensorBufferHostMemory";
            let locate: unsafe extern "C" fn(Handle, *mut Handle) -> i32 = function(library, call)?;
            check(call, locate(buffer, &mut address))?;
            Ok((buffer, address.cast()))
        };
        let (mut from, input) = port("LiteRtGetSubgraphInput", observations)?;
        let (mut to, output) = port("LiteRtGetSubgraphOutput", actions)?;

        let call = "LiteRtRunCompiledModel";
        let run: Run = function(library, call)?;
        Ok(Box::new(move |observation, action| {
            assert_eq!((observation.len(), action.len()), (observations, actions));
            // SAFETY: as above; the two buffers are as long as the slices.
            copy_nonoverlapping(observation.as_ptr(), input, observations);
            check(call, run(compiled, 0, 1, &mut from, 1, &mut to)).expect("a step like the last");
            copy_nonoverlapping(output, action.as_mut_ptr(), actions);
        }))
    }
}
