//! OSMesa: OpenGL in software, into the program's own memory (`GL/osmesa.h`).

use super::gl::{function, open_library};
use std::ffi::{c_int, c_uint, c_void};
use std::ptr;

const LIBRARY: &str = "libOSMesa.so.8";
/// `OSMESA_RGBA`, which is `GL_RGBA`.
const RGBA: c_uint = 0x1908;
/// `GL_UNSIGNED_BYTE`.
const UNSIGNED_BYTE: c_uint = 0x1401;

type Context = *mut c_void;
type MakeCurrent = unsafe extern "C" fn(Context, *mut c_void, c_uint, c_int, c_int) -> u8;

/// A context with the picture it draws into; MuJoCo draws beside that, into one of its own.
pub(super) struct OsMesa {
    context: Context,
    buffer: Vec<u8>,
    size: (c_int, c_int),
    make_current: MakeCurrent,
    destroy: unsafe extern "C" fn(Context),
}

impl OsMesa {
    pub(super) fn open(width: u16, height: u16) -> Result<Self, String> {
        let library = open_library(LIBRARY)?;
        // SAFETY: the types are those of osmesa.h; a context may share nothing (null). 24 bits of depth, 8
        // of stencil and none of accumulation.
        unsafe {
            let create: unsafe extern "C" fn(c_uint, c_int, c_int, c_int, Context) -> Context =
                function(&library, "OSMesaCreateContextExt")?;
            let make_current: MakeCurrent = function(&library, "OSMesaMakeCurrent")?;
            let destroy = function(&library, "OSMesaDestroyContext")?;
            let context = create(RGBA, 24, 8, 0, ptr::null_mut());
            if context.is_null() {
                return Err("no context can be made".to_owned());
            }
            let buffer = vec![0; 4 * usize::from(width) * usize::from(height)];
            let size = (c_int::from(width), c_int::from(height));
            let mut osmesa = Self { context, buffer, size, make_current, destroy };
            osmesa.make_current()?;
            std::mem::forget(library);
            Ok(osmesa)
        }
    }

    pub(super) fn make_current(&mut self) -> Result<(), String> {
        let (width, height) = self.size;
        let buffer = self.buffer.as_mut_ptr().cast();
        // SAFETY: the context is alive, and the buffer, which lives as long, has four bytes a pixel.
        let done =
            unsafe { (self.make_current)(self.context, buffer, UNSIGNED_BYTE, width, height) };
        if done == 0 { Err("the context cannot be made current".to_owned()) } else { Ok(()) }
    }
}

impl Drop for OsMesa {
    fn drop(&mut self) {
        // SAFETY: made by OSMesa, given back once; it is then no longer current.
        unsafe { (self.destroy)(self.context) }
    }
}
