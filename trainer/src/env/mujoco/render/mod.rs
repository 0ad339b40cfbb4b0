//! Pictures of the robots, by MuJoCo's own renderer (`mjv_*`, `mjr_*`) in an OpenGL context without a
//! window.
//!
//! A renderer compiles the robot once more and poses that copy, so the environment's own simulation is
//! not touched and the robot can be drawn near the middle of the floor however far it has run.
#![allow(unsafe_code)]

mod api;
mod egl;
mod error;
mod gl;
mod osmesa;

pub use error::RenderError;

use super::ffi::Simulation;
use super::layout::RENDER_LAYOUT;
use super::locomotion::Task;
use api::Api;
use gl::Gl;
use std::ffi::c_int;
use std::mem::offset_of;

/// Sizes of structs that MuJoCo fills in, and where fields of `mjvCamera` lie.
pub(super) struct RenderLayout {
    pub(super) scene: usize,
    pub(super) option: usize,
    pub(super) perturb: usize,
    pub(super) context: usize,
    pub(super) camera: usize,
    pub(super) camera_lookat: usize,
    pub(super) camera_distance: usize,
    pub(super) camera_azimuth: usize,
    pub(super) camera_elevation: usize,
    pub(super) camera_orthographic: usize,
}

/// `mjvCamera`.
#[repr(C)]
struct Camera {
    /// 0: free, the pose below.
    kind: c_int,
    fixed_camera: c_int,
    tracked_body: c_int,
    lookat: [f64; 3],
    distance: f64,
    azimuth: f64,
    elevation: f64,
    orthographic: c_int,
}

const _: () = {
    let layout = RENDER_LAYOUT;
    assert!(size_of::<Camera>() == layout.camera);
    assert!(offset_of!(Camera, lookat) == layout.camera_lookat);
    assert!(offset_of!(Camera, distance) == layout.camera_distance);
    assert!(offset_of!(Camera, azimuth) == layout.camera_azimuth);
    assert!(offset_of!(Camera, elevation) == layout.camera_elevation);
    assert!(offset_of!(Camera, orthographic) == layout.camera_orthographic);
};

/// `mjrRect`: left, bottom, width, height.
#[repr(C)]
#[derive(Clone, Copy)]
struct Rect([c_int; 4]);

/// Where the light shines: down, away from the camera and to the left, of length 1. The models have it shine
/// straight down, under which MuJoCo draws, in some poses, shadows of the floor on itself.
const LIGHT: [f64; 3] = [-0.14, 0.28, -0.949_736_805_646_701];

/// How a robot is looked at.
pub(super) struct Look {
    /// Metres from the camera to what it looks at.
    pub(super) distance: f64,
    /// Height of what it looks at; along the floor that is the torso.
    pub(super) height: f64,
    /// Degrees the camera looks up.
    pub(super) elevation: f64,
    /// Which positions are along the floor.
    pub(super) along_floor: usize,
    /// Metres after which the floor's pattern repeats.
    pub(super) floor_period: f64,
}

/// A robot that can be drawn.
#[derive(Clone, Copy)]
pub struct Robot(pub(super) &'static Task);

/// Draws one robot in one size, on the thread that made it.
pub struct Renderer {
    look: &'static Look,
    viewport: Rect,
    camera: Camera,
    // Behind pointers that MuJoCo keeps nothing of between calls; all f64 for their alignment.
    option: Vec<f64>,
    perturb: Vec<f64>,
    scene: Vec<f64>,
    context: Vec<f64>,
    api: Api,
    simulation: Simulation,
    /// Goes after what was made in it.
    gl: Gl,
}

/// Room for a struct of so many bytes, zeroed.
fn room(bytes: usize) -> Vec<f64> {
    vec![0.0; bytes.div_ceil(size_of::<f64>())]
}

impl Renderer {
    /// Opens OpenGL and has MuJoCo upload the robot.
    ///
    /// # Errors
    /// [`RenderError::NoOpenGl`], [`RenderError::Choice`]; [`RenderError::Env`] where MuJoCo's library cannot
    /// be used.
    pub fn new(robot: Robot, width: u16, height: u16) -> Result<Self, RenderError> {
        let Robot(task) = robot;
        let mut simulation = task.simulation()?;
        simulation.point_lights(LIGHT);
        let api = Api::of(&simulation)?;
        let gl = Gl::open(width, height)?;
        let (width, height) = (c_int::from(width), c_int::from(height));
        let mut renderer = Self {
            look: &task.look,
            viewport: Rect([0, 0, width, height]),
            camera: Camera {
                kind: 0,
                fixed_camera: -1,
                tracked_body: -1,
                lookat: [0.0, 0.0, task.look.height],
                distance: task.look.distance,
                azimuth: 90.0,
                elevation: task.look.elevation,
                orthographic: 0,
            },
            option: room(RENDER_LAYOUT.option),
            perturb: room(RENDER_LAYOUT.perturb),
            scene: room(RENDER_LAYOUT.scene),
            context: room(RENDER_LAYOUT.context),
            api,
            simulation,
            gl,
        };
        renderer.make();
        Ok(renderer)
    }

    /// Fills in the structs.
    fn make(&mut self) {
        /// More than any robot has with its floor and decoration.
        const MOST_GEOMS: c_int = 1000;
        /// `mjFONTSCALE_50`: nothing is written.
        const SMALLEST_FONT: c_int = 50;
        /// `mjFB_OFFSCREEN`.
        const OFFSCREEN: c_int = 1;
        let (model, _) = self.simulation.pointers();
        let [_, _, width, height] = self.viewport.0;
        let (scene, context) = (self.scene.as_mut_ptr(), self.context.as_mut_ptr());
        // SAFETY: each struct has the size that the headers of this version give it; an OpenGL context is
        // current on this thread; the model lives as long as `self`.
        unsafe {
            (self.api.default_option)(self.option.as_mut_ptr());
            (self.api.default_perturb)(self.perturb.as_mut_ptr());
            (self.api.default_scene)(scene);
            (self.api.make_scene)(model, scene, MOST_GEOMS);
            (self.api.default_context)(context);
            (self.api.make_context)(model, context, SMALLEST_FONT);
            (self.api.set_buffer)(OFFSCREEN, context);
            (self.api.resize_offscreen)(width, height, context);
        }
    }

    /// Draws the robot in the pose `qpos`, its torso in the middle: rows from the top, red, green and blue
    /// of each pixel.
    ///
    /// # Errors
    /// [`RenderError::NoOpenGl`] where the context cannot be used.
    pub fn draw(&mut self, qpos: &[f64]) -> Result<Vec<u8>, RenderError> {
        /// `mjCAT_ALL`.
        const EVERYTHING: c_int = 7;
        self.gl.make_current()?;
        self.pose(qpos);
        let torso = &self.simulation.xpos()[3..];
        self.camera.lookat[0] = torso[0];
        // What a robot in a plane does not leave.
        if self.look.along_floor > 1 {
            self.camera.lookat[1] = torso[1];
        }
        let (model, data) = self.simulation.pointers();
        let [_, _, width, height] = self.viewport.0;
        let mut rgb = vec![0; 3 * width as usize * height as usize];
        // SAFETY: as in `make`, which has filled them in; the pixels have room for the viewport.
        unsafe {
            (self.api.update_scene)(
                model,
                data,
                self.option.as_ptr(),
                self.perturb.as_ptr(),
                &raw mut self.camera,
                EVERYTHING,
                self.scene.as_mut_ptr(),
            );
            (self.api.render)(self.viewport, self.scene.as_mut_ptr(), self.context.as_ptr());
            (self.api.read_pixels)(
                rgb.as_mut_ptr(),
                std::ptr::null_mut(),
                self.viewport,
                self.context.as_ptr(),
            );
        }
        // OpenGL's rows go up.
        let rows = rgb.chunks_exact(3 * width as usize).rev();
        Ok(rows.flatten().copied().collect())
    }

    /// Poses the robot at the place nearest to the floor's middle where the floor looks the same: the floor
    /// that is drawn ends, as the light's shadows do, and a robot runs on.
    fn pose(&mut self, qpos: &[f64]) {
        let period = self.look.floor_period;
        let mut state = qpos.to_vec();
        for place in &mut state[..self.look.along_floor] {
            *place -= period * (*place / period).round();
        }
        state.resize(qpos.len() + self.simulation.qvel().len(), 0.0);
        self.simulation.set_state(&state);
    }
}

impl Drop for Renderer {
    fn drop(&mut self) {
        // Without the context OpenGL's objects cannot be given back one by one; they go with it.
        let current = self.gl.make_current().is_ok();
        // SAFETY: both were made in `make`, and are given back once.
        unsafe {
            if current {
                (self.api.free_context)(self.context.as_mut_ptr());
            }
            (self.api.free_scene)(self.scene.as_mut_ptr());
        }
    }
}
