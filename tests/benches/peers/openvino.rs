//! OpenVINO through its C API (`openvino/c`): one synchronous inference a step.

use super::ffi::{Handle, Model, Outcome, buffer, c_path, function, library};
use lacewing_runtime::measure::Step;
use std::ffi::{CStr, c_char};
use std::ptr::{null, null_mut};

/// `ov_element_type_e::F32`.
const F32: i32 = 4;

#[repr(C)]
struct Shape {
    rank: i64,
    dims: *const i64,
}

/// A control step of the model on one thread.
pub fn open(model: &Model<'_>) -> Outcome<Step<'static>> {
    type New = unsafe extern "C" fn(*mut Handle) -> i32;
    type Bind = unsafe extern "C" fn(Handle, Handle) -> i32;
    let path = c_path(&model.file)?;
    let library = library(model.library)?;
    let (input, output) = (buffer(model.observations), buffer(model.actions));
    let [mut core, mut network, mut compiled, mut request] = [null_mut(); 4];
    // SAFETY: names and types are the headers'; handles are used only after the call that makes them
    // went well; buffers and handles live until the process ends.
    unsafe {
        let message: unsafe extern "C" fn() -> *const c_char =
            function(library, "ov_get_last_err_msg")?;
        let check = move |call: &str, status: i32| -> Outcome<()> {
            if status == 0 {
                return Ok(());
            }
            let message = CStr::from_ptr(message()).to_string_lossy();
            Err(format!("OpenVINO: {call}: {message}").into())
        };
        let call = "ov_core_create";
        let create: New = function(library, call)?;
        check(call, create(&mut core))?;
        let call = "ov_core_read_model";
        let read: unsafe extern "C" fn(Handle, *const c_char, *const c_char, *mut Handle) -> i32 =
            function(library, call)?;
        check(call, read(core, path.as_ptr(), null(), &mut network))?;
        let call = "ov_core_compile_model";
        let compile: unsafe extern "C" fn(
            Handle,
            Handle,
            *const c_char,
            usize,
            *mut Handle,
            ...
        ) -> i32 = function(library, call)?;
        let properties = [
            (c"INFERENCE_NUM_THREADS", c"1"),
            (c"NUM_STREAMS", c"1"),
            (c"PERFORMANCE_HINT", c"LATENCY"),
            (c"INFERENCE_PRECISION_HINT", c"f32"),
            // The bench is pinned already.
            (c"ENABLE_CPU_PINNING", c"NO"),
        ];
        let [a, b, c, d, e] = properties.map(|(key, value)| (key.as_ptr(), value.as_ptr()));
        check(
            call,
            compile(
                core,
                network,
                c"CPU".as_ptr(),
                2 * properties.len(),
                &mut compiled,
                a.0,
                a.1,
                b.0,
                b.1,
                c.0,
                c.1,
                d.0,
                d.1,
                e.0,
                e.1,
            ),
        )?;
        let call = "ov_compiled_model_create_infer_request";
        let create: unsafe extern "C" fn(Handle, *mut Handle) -> i32 = function(library, call)?;
        check(call, create(compiled, &mut request))?;

        let ports = [
            (&mut *input, "ov_infer_request_set_input_tensor"),
            (&mut *output, "ov_infer_request_set_output_tensor"),
        ];
        for (data, bind) in ports {
            let (mut tensor, dims) = (null_mut(), [1, data.len() as i64]);
            let call = "ov_tensor_create_from_host_ptr";
            let wrap: unsafe extern "C" fn(i32, Shape, Handle, *mut Handle) -> i32 =
                function(library, call)?;
            let shape = Shape { rank: 2, dims: dims.as_ptr() };
            check(call, wrap(F32, shape, data.as_mut_ptr().cast(), &mut tensor))?;
            let set: Bind = function(library, bind)?;
            check(bind, set(request, tensor))?;
        }

        let call = "ov_infer_request_infer";
        let infer: unsafe extern "C" fn(Handle) -> i32 = function(library, call)?;
        Ok(Box::new(move |observation, action| {
            input.copy_from_slice(observation);
            check(call, infer(request)).expect("a step like the last");
            action.copy_from_slice(output);
        }))
    }
}
