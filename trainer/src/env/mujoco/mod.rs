//! The MuJoCo robots, simulated by the library MuJoCo 3.17.0 that is opened at run time: nothing
//! of it is needed to build.

mod ffi;
mod install;
mod layout;
mod library;
mod locomotion;
mod render;

pub use install::install_mujoco;
pub(super) use library::remedy;
pub(super) use locomotion::{ANT, HALF_CHEETAH, HOPPER, HUMANOID, Locomotion, WALKER2D};
pub use render::{RenderError, Renderer, Robot};
