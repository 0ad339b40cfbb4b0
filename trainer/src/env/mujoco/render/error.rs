//! Why a robot could not be drawn.

use crate::env::EnvError;
use thiserror::Error;

/// Why a robot could not be drawn.
#[derive(Debug, Error)]
pub enum RenderError {
    /// MuJoCo's library cannot be used.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// Neither EGL nor OSMesa works here.
    #[error(
        "robots are drawn with OpenGL, and none works here ({reasons}): on Debian and Ubuntu `apt-get \
         install libegl1 libgl1-mesa-dri` or `apt-get install libosmesa6`"
    )]
    NoOpenGl {
        /// Why not, one after the other.
        reasons: String,
    },
    /// `MUJOCO_GL` names what cannot draw without a window.
    #[error("MUJOCO_GL is `{given}`: set it to egl or osmesa, or unset it to have both tried")]
    Choice {
        /// What it is.
        given: String,
    },
}
