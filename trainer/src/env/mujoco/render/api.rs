//! The functions of MuJoCo that draw.

use super::{Camera, Rect};
use crate::env::EnvError;
use crate::env::mujoco::ffi::{Data, Model, Simulation, symbol};
use std::ffi::c_int;

// Structs that MuJoCo fills in are passed as pointers to f64, whose alignment they have.
type Fill = unsafe extern "C" fn(*mut f64);

/// Functions of the library that a [`Simulation`] has opened.
pub(super) struct Api {
    pub(super) default_option: Fill,
    pub(super) default_perturb: Fill,
    pub(super) default_scene: Fill,
    pub(super) make_scene: unsafe extern "C" fn(*const Model, *mut f64, c_int),
    pub(super) free_scene: Fill,
    pub(super) update_scene: unsafe extern "C" fn(
        *const Model,
        *mut Data,
        *const f64,
        *const f64,
        *mut Camera,
        c_int,
        *mut f64,
    ),
    pub(super) default_context: Fill,
    pub(super) make_context: unsafe extern "C" fn(*const Model, *mut f64, c_int),
    pub(super) free_context: Fill,
    pub(super) set_buffer: unsafe extern "C" fn(c_int, *mut f64),
    pub(super) resize_offscreen: unsafe extern "C" fn(c_int, c_int, *mut f64),
    pub(super) render: unsafe extern "C" fn(Rect, *mut f64, *const f64),
    pub(super) read_pixels: unsafe extern "C" fn(*mut u8, *mut f32, Rect, *const f64),
}

impl Api {
    /// Looks the functions up.
    ///
    /// # Errors
    /// [`EnvError::MujocoOpen`] where one is not there.
    pub(super) fn of(simulation: &Simulation) -> Result<Self, EnvError> {
        let (library, path) = simulation.library()?;
        // SAFETY: the types are those of mujoco.h of the version that the library was checked to have.
        unsafe {
            Ok(Self {
                default_option: symbol(library, &path, "mjv_defaultOption")?,
                default_perturb: symbol(library, &path, "mjv_defaultPerturb")?,
                default_scene: symbol(library, &path, "mjv_defaultScene")?,
                make_scene: symbol(library, &path, "mjv_makeScene")?,
                free_scene: symbol(library, &path, "mjv_freeScene")?,
                update_scene: symbol(library, &path, "mjv_updateScene")?,
                default_context: symbol(library, &path, "mjr_defaultContext")?,
                make_context: symbol(library, &path, "mjr_makeContext")?,
                free_context: symbol(library, &path, "mjr_freeContext")?,
                set_buffer: symbol(library, &path, "mjr_setBuffer")?,
                resize_offscreen: symbol(library, &path, "mjr_resizeOffscreen")?,
                render: symbol(library, &path, "mjr_render")?,
                read_pixels: symbol(library, &path, "mjr_readPixels")?,
            })
        }
    }
}
