//! Lacewing for C and C++: load a policy file, act.
//!
//! `include/lacewing.h` is made from this file by cbindgen (`targets/c/header.sh`). Every function but
//! [`lacewing_free`] and [`lacewing_error`] says by its [`LacewingStatus`] whether it worked; the reason is
//! then in [`lacewing_error`]. Nothing is changed where it did not. A policy belongs to one thread at a time.

#![allow(unsafe_code, reason = "pointers come from C")]

mod controller;

pub use controller::{Controller, ControllerError};

use lacewing_formats::artifact::AlignedBytes;
use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};
use std::path::PathBuf;
use std::ptr;

/// A loaded policy.
pub struct LacewingPolicy(Controller);

/// Whether something worked.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LacewingStatus {
    /// It did.
    Ok = 0,
    /// A pointer is NULL, or a length is not the policy's.
    Argument = 1,
    /// The file cannot be read, is damaged or of another version.
    File = 2,
    /// The policy cannot be run on this processor, or acts otherwise than where it was written.
    Load = 3,
    /// A sensor says what it cannot, or a number is NaN or infinite: there is no action.
    Sensor = 4,
}

thread_local! {
    static ERROR: RefCell<CString> = RefCell::default();
}

/// Remembers why something failed.
fn fail(status: LacewingStatus, why: impl std::fmt::Display) -> LacewingStatus {
    let text = why.to_string().replace('\0', " ");
    ERROR.with(|error| *error.borrow_mut() = CString::new(text).unwrap_or_default());
    status
}

fn status(error: &ControllerError) -> LacewingStatus {
    match error {
        ControllerError::Read(_) | ControllerError::File(_) => LacewingStatus::File,
        ControllerError::Load(_) => LacewingStatus::Load,
        ControllerError::Interface(_) | ControllerError::Act(_) => LacewingStatus::Sensor,
    }
}

/// Why the last call of this thread failed, in UTF-8; valid until the next one. Never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn lacewing_error() -> *const c_char {
    ERROR.with(|error| error.borrow().as_ptr())
}

/// Reads a policy file, lays it out for this processor and replays the examples in it, which takes some
/// milliseconds. `*policy` is to be freed by `lacewing_free`.
///
/// # Safety
/// `path` is NULL or ends with a zero; `policy` is NULL or can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lacewing_load(
    path: *const c_char,
    policy: *mut *mut LacewingPolicy,
) -> LacewingStatus {
    if path.is_null() || policy.is_null() {
        return fail(LacewingStatus::Argument, "path or policy is NULL");
    }
    // SAFETY: the caller vouches for the zero at its end.
    let path = unsafe { CStr::from_ptr(path) };
    let loaded = Controller::load(&path_of(path));
    // SAFETY: the caller vouches for `policy`.
    unsafe { hand_out(loaded, policy) }
}

#[cfg(unix)]
fn path_of(path: &CStr) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    std::ffi::OsStr::from_bytes(path.to_bytes()).into()
}

#[cfg(not(unix))]
fn path_of(path: &CStr) -> PathBuf {
    PathBuf::from(&*path.to_string_lossy())
}

/// The same from a file's bytes in memory, which are copied.
///
/// # Safety
/// `bytes` is NULL or can be read for `length` bytes; `policy` is NULL or can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lacewing_load_bytes(
    bytes: *const u8,
    length: usize,
    policy: *mut *mut LacewingPolicy,
) -> LacewingStatus {
    if bytes.is_null() || policy.is_null() {
        return fail(LacewingStatus::Argument, "bytes or policy is NULL");
    }
    // SAFETY: the caller vouches for the length.
    let bytes = unsafe { std::slice::from_raw_parts(bytes, length) };
    let loaded = Controller::new(AlignedBytes::from(bytes));
    // SAFETY: the caller vouches for `policy`.
    unsafe { hand_out(loaded, policy) }
}

/// # Safety
/// `policy` can be written to.
unsafe fn hand_out(
    loaded: Result<Controller, ControllerError>,
    policy: *mut *mut LacewingPolicy,
) -> LacewingStatus {
    let (status, pointer) = match loaded {
        Ok(controller) => (LacewingStatus::Ok, Box::into_raw(Box::new(LacewingPolicy(controller)))),
        Err(error) => (fail(status(&error), error), ptr::null_mut()),
    };
    // SAFETY: the caller's.
    unsafe { policy.write(pointer) };
    status
}

/// Ends a policy; NULL is none.
///
/// # Safety
/// `policy` is NULL or came from `lacewing_load` and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lacewing_free(policy: *mut LacewingPolicy) {
    if !policy.is_null() {
        // SAFETY: the caller vouches for where it came from.
        drop(unsafe { Box::from_raw(policy) });
    }
}

/// Numbers of an observation; 0 of NULL.
///
/// # Safety
/// `policy` is NULL or came from `lacewing_load` and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lacewing_observations(policy: *const LacewingPolicy) -> usize {
    // SAFETY: the caller's.
    unsafe { policy.as_ref() }.map_or(0, |policy| policy.0.observations())
}

/// Numbers of an action: 1 where actions are discrete; 0 of NULL.
///
/// # Safety
/// As `lacewing_observations`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lacewing_actions(policy: *const LacewingPolicy) -> usize {
    // SAFETY: the caller's.
    unsafe { policy.as_ref() }.map_or(0, |policy| policy.0.actions())
}

/// Seconds from one action to the next; 0 of NULL.
///
/// # Safety
/// As `lacewing_observations`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lacewing_period(policy: *const LacewingPolicy) -> f64 {
    // SAFETY: the caller's.
    unsafe { policy.as_ref() }.map_or(0.0, |policy| policy.0.period())
}

/// Begins an episode: earlier observations and actions are forgotten.
///
/// # Safety
/// As `lacewing_observations`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lacewing_reset(policy: *mut LacewingPolicy) -> LacewingStatus {
    // SAFETY: the caller's.
    let Some(policy) = (unsafe { policy.as_mut() }) else {
        return fail(LacewingStatus::Argument, "the policy is NULL");
    };
    policy.0.reset();
    LacewingStatus::Ok
}

/// One control step: an observation in the units of the driver to an action in its units, within the
/// limits of the policy's file. Never allocates where it works.
///
/// # Safety
/// `policy` is NULL or came from `lacewing_load` and was not freed; `observation` is NULL or can be read
/// for `observations` numbers, `action` is NULL or can be written to for `actions`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lacewing_act(
    policy: *mut LacewingPolicy,
    observation: *const f32,
    observations: usize,
    action: *mut f32,
    actions: usize,
) -> LacewingStatus {
    // SAFETY: the caller's.
    let Some(policy) = (unsafe { policy.as_mut() }) else {
        return fail(LacewingStatus::Argument, "the policy is NULL");
    };
    if observation.is_null() || action.is_null() {
        return fail(LacewingStatus::Argument, "observation or action is NULL");
    }
    let own = (policy.0.observations(), policy.0.actions());
    if (observations, actions) != own {
        return fail(
            LacewingStatus::Argument,
            format_args!(
                "the policy takes {} numbers and gives {}, not {observations} and {actions}",
                own.0, own.1
            ),
        );
    }
    // SAFETY: the caller vouches for the lengths.
    let observation = unsafe { std::slice::from_raw_parts(observation, observations) };
    match policy.0.act(observation) {
        Ok(chosen) => {
            // SAFETY: the caller vouches for the length, and `chosen` is the policy's own memory.
            unsafe { ptr::copy_nonoverlapping(chosen.as_ptr(), action, actions) };
            LacewingStatus::Ok
        }
        Err(error) => fail(status(&error), error),
    }
}
