//! An OpenGL context without a window, by whichever library there is.

use super::RenderError;
use super::egl::Egl;
use super::osmesa::OsMesa;
use libloading::Library;

/// Chooses the library, as for MuJoCo's own programs; MuJoCo reads it too.
const CHOICE: &str = "MUJOCO_GL";

/// A context, of the thread that made it.
pub(super) enum Gl {
    Egl(Egl),
    OsMesa(OsMesa),
}

impl Gl {
    /// Opens a context and makes it current: EGL's, which may have a GPU behind it, else OSMesa's.
    ///
    /// # Errors
    /// [`RenderError::NoOpenGl`]; [`RenderError::Choice`] where `MUJOCO_GL` names another kind.
    pub(super) fn open(width: u16, height: u16) -> Result<Self, RenderError> {
        let choice = std::env::var(CHOICE).unwrap_or_default();
        let (egl, osmesa) = match choice.to_ascii_lowercase().as_str() {
            "" => (true, true),
            "egl" => (true, false),
            "osmesa" => (false, true),
            _ => return Err(RenderError::Choice { given: choice }),
        };
        let mut reasons = Vec::new();
        if egl {
            match Egl::open() {
                Ok(egl) => return Ok(Self::Egl(egl)),
                Err(reason) => reasons.push(format!("EGL: {reason}")),
            }
        }
        if osmesa {
            match OsMesa::open(width, height) {
                Ok(osmesa) => return Ok(Self::OsMesa(osmesa)),
                Err(reason) => reasons.push(format!("OSMesa: {reason}")),
            }
        }
        Err(RenderError::NoOpenGl { reasons: reasons.join("; ") })
    }

    /// Makes the context current again, after another one was.
    ///
    /// # Errors
    /// [`RenderError::NoOpenGl`].
    pub(super) fn make_current(&mut self) -> Result<(), RenderError> {
        let done = match self {
            Self::Egl(egl) => egl.make_current(),
            Self::OsMesa(osmesa) => osmesa.make_current(),
        };
        done.map_err(|reasons| RenderError::NoOpenGl { reasons })
    }
}

/// Opens a library of the system. Where a context was made it must stay open: drivers do not expect to be
/// unloaded. Where none was it must not: MuJoCo takes its functions from whichever library is open.
pub(super) fn open_library(name: &str) -> Result<Library, String> {
    // SAFETY: the system's library of this name is what it says; its constructors expect nothing of us.
    unsafe { Library::new(name) }.map_err(|_| format!("{name} cannot be opened"))
}

/// A function of a library.
///
/// # Safety
/// `T` must be the function's type.
pub(super) unsafe fn function<T: Copy>(library: &Library, name: &'static str) -> Result<T, String> {
    // SAFETY: the caller vouches for the type.
    let symbol = unsafe { library.get::<T>(name) };
    symbol.map(|symbol| *symbol).map_err(|_| format!("no function {name}"))
}
