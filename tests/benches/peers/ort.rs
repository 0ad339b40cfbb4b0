//! ONNX Runtime through its C API (`onnxruntime_c_api.h`), input and output bound once.

use super::ffi::{Handle, Model, Outcome, buffer, c_path, function, library};
use lacewing_runtime::measure::Step;
use std::ffi::{CStr, c_char};
use std::ptr::{null_mut, read};

/// Places in the table of functions `OrtApi`, which only ever grows at its end.
mod place {
    pub const GET_ERROR_MESSAGE: usize = 2;
    pub const CREATE_ENV: usize = 3;
    pub const CREATE_SESSION: usize = 7;
    pub const CREATE_SESSION_OPTIONS: usize = 10;
    pub const SET_INTRA_OP_THREADS: usize = 24;
    pub const CREATE_TENSOR_WITH_DATA: usize = 49;
    pub const CREATE_CPU_MEMORY_INFO: usize = 69;
    pub const RUN_WITH_BINDING: usize = 133;
    pub const CREATE_IO_BINDING: usize = 134;
    pub const BIND_INPUT: usize = 136;
    pub const BIND_OUTPUT: usize = 137;
}

/// The version of the API whose table holds all of the above.
const API_VERSION: u32 = 17;
const LOG_WARNINGS: i32 = 2;
const DEVICE_ALLOCATOR: i32 = 0;
const DEFAULT_MEMORY: i32 = 0;
const FLOAT: i32 = 1;

#[repr(C)]
struct ApiBase {
    get_api: unsafe extern "C" fn(u32) -> *const Handle,
    version: unsafe extern "C" fn() -> *const c_char,
}

#[derive(Clone, Copy)]
struct Api(*const Handle);

impl Api {
    /// The function at a place of the table.
    ///
    /// # Safety
    /// `F` must be the type that the header gives this function.
    unsafe fn at<F: Copy>(self, place: usize) -> F {
        // SAFETY: every place is within the table of `API_VERSION`; the caller vouches for the type,
        // and any two pointers to functions are of one size.
        unsafe { read(self.0.add(place).cast()) }
    }

    /// What a call returned: null where it went well.
    fn check(self, status: Handle) -> Outcome<()> {
        if status.is_null() {
            return Ok(());
        }
        // SAFETY: `GetErrorMessage` takes a status that is not null, and its text lives as long.
        let message = unsafe {
            let text: unsafe extern "C" fn(Handle) -> *const c_char =
                self.at(place::GET_ERROR_MESSAGE);
            CStr::from_ptr(text(status)).to_string_lossy()
        };
        Err(format!("ONNX Runtime: {message}").into())
    }
}

/// A control step of the model on one thread.
pub fn open(model: &Model<'_>) -> Outcome<Step<'static>> {
    let path = c_path(&model.file)?;
    let (input, output) = (buffer(model.observations), buffer(model.actions));
    type New = unsafe extern "C" fn(*mut Handle) -> Handle;
    type Bind = unsafe extern "C" fn(Handle, *const c_char, Handle) -> Handle;
    // SAFETY: names, places and types are the header's; handles are used only after the call that
    // makes them went well; buffers and handles live until the process ends.
    unsafe {
        let base: unsafe extern "C" fn() -> *const ApiBase =
            function(library(model.library)?, "OrtGetApiBase")?;
        let table = ((*base()).get_api)(API_VERSION);
        if table.is_null() {
            return Err(format!("{} has no API {API_VERSION}", model.library.display()).into());
        }
        let api = Api(table);

        let (mut env, mut options, mut session) = (null_mut(), null_mut(), null_mut());
        let create: unsafe extern "C" fn(i32, *const c_char, *mut Handle) -> Handle =
            api.at(place::CREATE_ENV);
        api.check(create(LOG_WARNINGS, c"peers".as_ptr(), &mut env))?;
        let create: New = api.at(place::CREATE_SESSION_OPTIONS);
        api.check(create(&mut options))?;
        let threads: unsafe extern "C" fn(Handle, i32) -> Handle =
            api.at(place::SET_INTRA_OP_THREADS);
        api.check(threads(options, 1))?;
        let create: unsafe extern "C" fn(Handle, *const c_char, Handle, *mut Handle) -> Handle =
            api.at(place::CREATE_SESSION);
        api.check(create(env, path.as_ptr(), options, &mut session))?;

        let (mut memory, mut binding) = (null_mut(), null_mut());
        let create: unsafe extern "C" fn(i32, i32, *mut Handle) -> Handle =
            api.at(place::CREATE_CPU_MEMORY_INFO);
        api.check(create(DEVICE_ALLOCATOR, DEFAULT_MEMORY, &mut memory))?;
        let create: unsafe extern "C" fn(Handle, *mut Handle) -> Handle =
            api.at(place::CREATE_IO_BINDING);
        api.check(create(session, &mut binding))?;
        let tensor: unsafe extern "C" fn(
            Handle,
            Handle,
            usize,
            *const i64,
            usize,
            i32,
            *mut Handle,
        ) -> Handle = api.at(place::CREATE_TENSOR_WITH_DATA);
        let ports = [
            (&mut *input, c"obs", place::BIND_INPUT),
            (&mut *output, c"action", place::BIND_OUTPUT),
        ];
        for (data, name, bind) in ports {
            let (mut value, shape) = (null_mut(), [1, data.len() as i64]);
            let bytes = size_of_val(data);
            let data = data.as_mut_ptr().cast();
            api.check(tensor(memory, data, bytes, shape.as_ptr(), 2, FLOAT, &mut value))?;
            let bind: Bind = api.at(bind);
            api.check(bind(binding, name.as_ptr(), value))?;
        }

        let run: unsafe extern "C" fn(Handle, Handle, Handle) -> Handle =
            api.at(place::RUN_WITH_BINDING);
        Ok(Box::new(move |observation, action| {
            input.copy_from_slice(observation);
            api.check(run(session, null_mut(), binding)).expect("a step like those before");
            action.copy_from_slice(output);
        }))
    }
}
