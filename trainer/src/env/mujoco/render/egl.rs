//! EGL without a window or a surface: a GPU where there is one, else Mesa in software (EGL 1.5;
//! `EGL_EXT_device_enumeration`, `EGL_EXT_platform_device`, `EGL_MESA_platform_surfaceless`).

use super::gl::{function, open_library};
use libloading::Library;
use std::ffi::{CStr, c_int, c_uint, c_void};
use std::ptr;

const LIBRARY: &str = "libEGL.so.1";

type Handle = *mut c_void;
type GetProcAddress = unsafe extern "C" fn(*const std::ffi::c_char) -> Option<Extension>;
type Extension = unsafe extern "C" fn();
type QueryDevices = unsafe extern "C" fn(c_int, *mut Handle, *mut c_int) -> c_uint;
type GetPlatformDisplay = unsafe extern "C" fn(c_uint, Handle, *const c_int) -> Handle;
type MakeCurrent = unsafe extern "C" fn(Handle, Handle, Handle, Handle) -> c_uint;
type Destroy = unsafe extern "C" fn(Handle, Handle) -> c_uint;

// Numbers of the specification.
const PLATFORM_DEVICE: c_uint = 0x313F;
const PLATFORM_SURFACELESS: c_uint = 0x31DD;
const OPENGL_API: c_uint = 0x30A2;
const SURFACE_TYPE: c_int = 0x3033;
const RENDERABLE_TYPE: c_int = 0x3040;
const OPENGL_BIT: c_int = 8;
const NONE: c_int = 0x3038;

/// A context that draws into buffers of its own only.
pub(super) struct Egl {
    display: Handle,
    context: Handle,
    make_current: MakeCurrent,
    destroy: Destroy,
}

impl Egl {
    /// On the first display, of all devices and without any, that has OpenGL.
    pub(super) fn open() -> Result<Self, String> {
        let library = open_library(LIBRARY)?;
        let displays = displays(&library)?;
        let mut reason = "it knows no device".to_owned();
        for display in displays {
            match Self::on(&library, display) {
                Ok(egl) => {
                    std::mem::forget(library);
                    return Ok(egl);
                }
                Err(error) => reason = error,
            }
        }
        Err(reason)
    }

    fn on(library: &Library, display: Handle) -> Result<Self, String> {
        // Drawing into buffers of its own, any configuration that has OpenGL will do.
        let attributes = [SURFACE_TYPE, 0, RENDERABLE_TYPE, OPENGL_BIT, NONE];
        // SAFETY: the types are those of egl.h; lists end with EGL_NONE; null is "no surface", "no context"
        // and "no attributes".
        unsafe {
            let initialize: unsafe extern "C" fn(Handle, *mut c_int, *mut c_int) -> c_uint =
                function(library, "eglInitialize")?;
            let bind_api: unsafe extern "C" fn(c_uint) -> c_uint = function(library, "eglBindAPI")?;
            let choose_config: unsafe extern "C" fn(
                Handle,
                *const c_int,
                *mut Handle,
                c_int,
                *mut c_int,
            ) -> c_uint = function(library, "eglChooseConfig")?;
            let create_context: unsafe extern "C" fn(
                Handle,
                Handle,
                Handle,
                *const c_int,
            ) -> Handle = function(library, "eglCreateContext")?;
            let make_current: MakeCurrent = function(library, "eglMakeCurrent")?;
            let destroy: Destroy = function(library, "eglDestroyContext")?;

            if initialize(display, ptr::null_mut(), ptr::null_mut()) == 0 {
                return Err("no display can be used".to_owned());
            }
            let (mut config, mut count) = (ptr::null_mut(), 0);
            let chosen =
                choose_config(display, attributes.as_ptr(), &raw mut config, 1, &raw mut count);
            if bind_api(OPENGL_API) == 0 || chosen == 0 || count == 0 {
                return Err("the driver has no OpenGL".to_owned());
            }
            let context = create_context(display, config, ptr::null_mut(), ptr::null());
            if context.is_null() {
                return Err("no context can be made".to_owned());
            }
            let mut egl = Self { display, context, make_current, destroy };
            egl.make_current()?;
            Ok(egl)
        }
    }

    pub(super) fn make_current(&mut self) -> Result<(), String> {
        let none = ptr::null_mut();
        // SAFETY: display and context are alive; without surfaces it draws into its own buffers.
        let done = unsafe { (self.make_current)(self.display, none, none, self.context) };
        if done == 0 { Err("the context cannot be made current".to_owned()) } else { Ok(()) }
    }
}

impl Drop for Egl {
    fn drop(&mut self) {
        let none = ptr::null_mut();
        // SAFETY: made by EGL, given back once, and no longer current. The display stays: others may use it.
        unsafe {
            (self.make_current)(self.display, none, none, none);
            (self.destroy)(self.display, self.context);
        }
    }
}

/// Displays of every device, and the one without a device.
fn displays(library: &Library) -> Result<Vec<Handle>, String> {
    const MOST: usize = 32;
    let mut displays = Vec::new();
    // SAFETY: the types are those of egl.h and eglext.h; the list of devices has room for `MOST`.
    unsafe {
        let get: GetProcAddress = function(library, "eglGetProcAddress")?;
        let Some(display_of) = extension::<GetPlatformDisplay>(get, c"eglGetPlatformDisplayEXT")
        else {
            return Err("it cannot draw without a window".to_owned());
        };
        if let Some(query) = extension::<QueryDevices>(get, c"eglQueryDevicesEXT") {
            let (mut devices, mut count) = ([ptr::null_mut(); MOST], 0);
            if query(MOST as c_int, devices.as_mut_ptr(), &raw mut count) != 0 {
                let count = usize::try_from(count).unwrap_or(0).min(MOST);
                let of = |&device: &Handle| display_of(PLATFORM_DEVICE, device, ptr::null());
                displays.extend(devices[..count].iter().map(of));
            }
        }
        displays.push(display_of(PLATFORM_SURFACELESS, ptr::null_mut(), ptr::null()));
    }
    displays.retain(|display| !display.is_null());
    Ok(displays)
}

/// A function that the system's EGL may not have.
///
/// # Safety
/// `T` must be the function's type.
unsafe fn extension<T: Copy>(get: GetProcAddress, name: &CStr) -> Option<T> {
    const { assert!(size_of::<T>() == size_of::<Extension>()) };
    // SAFETY: the name ends with NUL.
    let found = unsafe { get(name.as_ptr()) }?;
    // SAFETY: both are pointers to functions, and the caller vouches for the type.
    Some(unsafe { std::mem::transmute_copy(&found) })
}
