//! MuJoCo's C interface: opens the library once and wraps one model with its data as a safe
//! [`Simulation`]. Only `render` calls functions beside these.
//!
//! MuJoCo's own log would write `MUJOCO_LOG.TXT` into the working directory; a handler of ours
//! replaces it. An error MuJoCo cannot return from (its C code forbids returning) ends the process
//! with its message, which is defined behaviour, unlike unwinding through it.
#![allow(unsafe_code)]

use super::layout::LAYOUT;
use super::library;
use crate::env::EnvError;
use libloading::Library;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::{Mutex, PoisonError};

/// Byte offsets of fields in `mjModel` and `mjData`, for one version of MuJoCo on 64-bit machines.
pub(super) struct Layout {
    pub(super) version: c_int,
    // mjModel: sizes (i64), then a number (f64), then pointers to f64 arrays.
    pub(super) nq: usize,
    pub(super) nv: usize,
    pub(super) nu: usize,
    pub(super) nbody: usize,
    pub(super) ngeom: usize,
    pub(super) nout: usize,
    pub(super) nlight: usize,
    pub(super) timestep: usize,
    pub(super) qpos0: usize,
    pub(super) body_mass: usize,
    pub(super) body_inertia: usize,
    pub(super) geom_friction: usize,
    pub(super) light_dir: usize,
    pub(super) actuator_ctrlrange: usize,
    pub(super) actuator_gear: usize,
    // mjData: pointers to f64 arrays, then counts (i32).
    pub(super) qpos: usize,
    pub(super) qvel: usize,
    pub(super) ctrl: usize,
    pub(super) xpos: usize,
    pub(super) xipos: usize,
    pub(super) cinert: usize,
    pub(super) cvel: usize,
    pub(super) qfrc_actuator: usize,
    pub(super) cfrc_ext: usize,
    pub(super) bad_number_warnings: [usize; 3],
}

const _: () = assert!(size_of::<usize>() == 8, "the struct layouts are those of 64-bit machines");

// Opaque: only ever behind pointers that MuJoCo made.
pub(super) enum Model {}
pub(super) enum Data {}
enum Spec {}

/// The first fields of `mjLogMessage`.
#[repr(C)]
struct LogMessage {
    level: c_int,
    topic: c_int,
    subject: [c_char; 1024],
}

/// `mjLOG_ERROR`.
const LOG_ERROR: c_int = 3;

type LogHandler = unsafe extern "C" fn(*const LogMessage);
type OnSimulation = unsafe extern "C" fn(*const Model, *mut Data);

/// The functions used, and the open library that holds them.
struct Api {
    parse_xml_string:
        unsafe extern "C" fn(*const c_char, *const c_void, *mut c_char, c_int) -> *mut Spec,
    compile: unsafe extern "C" fn(*mut Spec, *const c_void) -> *mut Model,
    spec_error: unsafe extern "C" fn(*mut Spec) -> *const c_char,
    delete_spec: unsafe extern "C" fn(*mut Spec),
    make_data: unsafe extern "C" fn(*const Model) -> *mut Data,
    delete_model: unsafe extern "C" fn(*mut Model),
    delete_data: unsafe extern "C" fn(*mut Data),
    set_const: unsafe extern "C" fn(*mut Model, *mut Data),
    reset_data: OnSimulation,
    forward: OnSimulation,
    step: OnSimulation,
    rne_post_constraint: OnSimulation,
    library: Library,
}

/// # Safety
/// `T` must be the type of the function `name` in MuJoCo's headers.
pub(super) unsafe fn symbol<T: Copy>(
    library: &Library,
    path: &Path,
    name: &str,
) -> Result<T, EnvError> {
    // SAFETY: the caller vouches for the type.
    match unsafe { library.get::<T>(name) } {
        Ok(symbol) => Ok(*symbol),
        Err(error) => Err(EnvError::mujoco_open(path, &error)),
    }
}

impl Api {
    fn open(path: &Path) -> Result<Self, EnvError> {
        if !path.is_file() {
            return Err(EnvError::MujocoMissing { path: path.to_owned() });
        }
        // SAFETY: the user names or installed this file as MuJoCo's library; its constructors are
        // those of a plain C++ library and expect nothing of us.
        let library =
            unsafe { Library::new(path) }.map_err(|error| EnvError::mujoco_open(path, &error))?;
        // SAFETY: `int mj_version(void)` in every MuJoCo there is; it only returns a constant.
        let version =
            unsafe { symbol::<unsafe extern "C" fn() -> c_int>(&library, path, "mj_version")?() };
        if version != LAYOUT.version {
            return Err(EnvError::MujocoVersion { path: path.to_owned(), found: version });
        }
        // SAFETY: the types are those of mujoco.h of the version just checked. The log handler
        // only reads its argument and does not unwind.
        unsafe {
            let set_log_handler: unsafe extern "C" fn(LogHandler) -> Option<LogHandler> =
                symbol(&library, path, "mju_setLogHandler")?;
            let api = Self {
                parse_xml_string: symbol(&library, path, "mj_parseXMLString")?,
                compile: symbol(&library, path, "mj_compile")?,
                spec_error: symbol(&library, path, "mjs_getError")?,
                delete_spec: symbol(&library, path, "mj_deleteSpec")?,
                make_data: symbol(&library, path, "mj_makeData")?,
                delete_model: symbol(&library, path, "mj_deleteModel")?,
                delete_data: symbol(&library, path, "mj_deleteData")?,
                set_const: symbol(&library, path, "mj_setConst")?,
                reset_data: symbol(&library, path, "mj_resetData")?,
                forward: symbol(&library, path, "mj_forward")?,
                step: symbol(&library, path, "mj_step")?,
                rne_post_constraint: symbol(&library, path, "mj_rnePostConstraint")?,
                library,
            };
            set_log_handler(on_log);
            Ok(api)
        }
    }

    /// The library, opened on first use and never closed; a failure is tried again next time, so
    /// that installing it helps at once.
    fn get() -> Result<&'static Self, EnvError> {
        static API: Mutex<Option<&'static Api>> = Mutex::new(None);
        let mut api = API.lock().unwrap_or_else(PoisonError::into_inner);
        match *api {
            Some(api) => Ok(api),
            None => Ok(*api.insert(Box::leak(Box::new(Self::open(&library::path()?)?)))),
        }
    }
}

/// Checks that `path` is a library that [`Simulation`] can use.
pub(super) fn verify(path: &Path) -> Result<(), EnvError> {
    Api::open(path).map(drop)
}

/// Stands in for MuJoCo's log. Warnings are dropped: those that matter are counted in `mjData`.
unsafe extern "C" fn on_log(message: *const LogMessage) {
    // SAFETY: MuJoCo passes a message that lives during the call; its subject ends with NUL.
    let (level, subject) =
        unsafe { ((*message).level, CStr::from_ptr((*message).subject.as_ptr())) };
    if level >= LOG_ERROR {
        tell!("error: MuJoCo cannot go on: {}", subject.to_string_lossy());
        std::process::exit(70);
    }
}

/// Sizes of a model: `mjModel`'s `nq`, `nv`, `nu`, `nbody`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Dims {
    pub(super) nq: usize,
    pub(super) nv: usize,
    pub(super) nu: usize,
    pub(super) nbody: usize,
}

/// One model and its state.
pub(super) struct Simulation {
    api: &'static Api,
    model: NonNull<Model>,
    data: NonNull<Data>,
    dims: Dims,
}

// SAFETY: model and data belong to this value alone and MuJoCo keeps no thread-local state for
// them; `&Simulation` only reads.
unsafe impl Send for Simulation {}

impl Drop for Simulation {
    fn drop(&mut self) {
        // SAFETY: both were made by MuJoCo and are given back once.
        unsafe {
            (self.api.delete_data)(self.data.as_ptr());
            (self.api.delete_model)(self.model.as_ptr());
        }
    }
}

impl Simulation {
    /// Compiles a model, which must have the sizes `dims`.
    pub(super) fn new(id: &'static str, xml: &str, dims: Dims) -> Result<Self, EnvError> {
        let api = Api::get()?;
        let refused = |reason: String| EnvError::MujocoModel { id, reason };
        let xml = CString::new(xml).map_err(|error| refused(error.to_string()))?;
        let model = compile(api, &xml).map_err(refused)?;
        // SAFETY: `model` is a compiled model.
        let data = unsafe { (api.make_data)(model.as_ptr()) };
        let Some(data) = NonNull::new(data) else {
            // SAFETY: made by MuJoCo, given back once.
            unsafe { (api.delete_model)(model.as_ptr()) };
            return Err(refused("out of memory".to_owned()));
        };
        let simulation = Self { api, model, data, dims };
        let found = Dims {
            nq: simulation.size(LAYOUT.nq),
            nv: simulation.size(LAYOUT.nv),
            nu: simulation.size(LAYOUT.nu),
            nbody: simulation.size(LAYOUT.nbody),
        };
        if found == dims {
            Ok(simulation)
        } else {
            Err(refused(format!("its sizes are {found:?} instead of {dims:?}")))
        }
    }

    /// A size of the model, by its offset in `mjModel`.
    fn size(&self, offset: usize) -> usize {
        // SAFETY: the layout is that of this library's version: an i64 lies there.
        let size = unsafe { self.model.cast::<u8>().add(offset).cast::<i64>().read() };
        usize::try_from(size).unwrap_or(0)
    }

    /// # Safety
    /// At `offset` of the struct lies a pointer to at least `len` numbers.
    unsafe fn array<T>(&self, of: NonNull<T>, offset: usize, len: usize) -> &[f64] {
        // SAFETY: the caller's promise; the arrays live as long as `self` and change only through
        // `&mut self`.
        unsafe {
            slice::from_raw_parts(of.cast::<u8>().add(offset).cast::<*const f64>().read(), len)
        }
    }

    /// # Safety
    /// At `offset` of the struct lies a pointer to at least `len` numbers.
    unsafe fn array_mut<T>(&mut self, of: NonNull<T>, offset: usize, len: usize) -> &mut [f64] {
        // SAFETY: as above, and `&mut self` makes this the only reference.
        unsafe {
            slice::from_raw_parts_mut(of.cast::<u8>().add(offset).cast::<*mut f64>().read(), len)
        }
    }

    /// The open library and the file it is.
    pub(super) fn library(&self) -> Result<(&'static Library, PathBuf), EnvError> {
        Ok((&self.api.library, library::path()?))
    }

    /// Model and data for MuJoCo to draw.
    pub(super) fn pointers(&mut self) -> (*const Model, *mut Data) {
        (self.model.as_ptr(), self.data.as_ptr())
    }

    /// Seconds a simulation step takes.
    pub(super) fn timestep(&self) -> f64 {
        // SAFETY: an f64 of mjModel lies there.
        unsafe { self.model.cast::<u8>().add(LAYOUT.timestep).cast::<f64>().read() }
    }

    /// Scales actuator gears, body masses with inertias, and geom friction, and lets MuJoCo compute
    /// anew what follows from them.
    pub(super) fn scale(&mut self, gear: f64, mass: f64, friction: f64) {
        let nbody = self.dims.nbody;
        for (offset, len, factor) in [
            (LAYOUT.actuator_gear, 6 * self.size(LAYOUT.nout), gear),
            (LAYOUT.body_mass, nbody, mass),
            (LAYOUT.body_inertia, 3 * nbody, mass),
            (LAYOUT.geom_friction, 3 * self.size(LAYOUT.ngeom), friction),
        ] {
            // SAFETY: offsets and lengths are those of mjModel's fields.
            for value in unsafe { self.array_mut(self.model, offset, len) } {
                *value *= factor;
            }
        }
        // SAFETY: model and data belong together.
        unsafe { (self.api.set_const)(self.model.as_ptr(), self.data.as_ptr()) };
    }

    /// Has every light shine in this direction, from the next state on.
    pub(super) fn point_lights(&mut self, direction: [f64; 3]) {
        let len = 3 * self.size(LAYOUT.nlight);
        // SAFETY: offset and length are those of mjModel's field.
        for light in unsafe { self.array_mut(self.model, LAYOUT.light_dir, len) }.as_chunks_mut().0
        {
            *light = direction;
        }
    }

    /// Starts anew from a state: `qpos` then `qvel`, `nq + nv` values.
    pub(super) fn set_state(&mut self, state: &[f64]) {
        let Dims { nq, nv, .. } = self.dims;
        let (qpos, qvel) = state.split_at(nq);
        // SAFETY: model and data belong together; the arrays have these lengths.
        unsafe {
            (self.api.reset_data)(self.model.as_ptr(), self.data.as_ptr());
            self.array_mut(self.data, LAYOUT.qpos, nq).copy_from_slice(qpos);
            self.array_mut(self.data, LAYOUT.qvel, nv).copy_from_slice(qvel);
            (self.api.forward)(self.model.as_ptr(), self.data.as_ptr());
        }
    }

    /// Advances `steps` time steps under one command of `nu` values. `false` where the numbers
    /// blew up and MuJoCo started anew from its default state.
    #[must_use]
    pub(super) fn step(&mut self, command: &[f32], steps: usize) -> bool {
        let nu = self.dims.nu;
        // SAFETY: ctrl has nu values; model and data belong together; the counts are i32.
        unsafe {
            for (place, &value) in
                self.array_mut(self.data, LAYOUT.ctrl, nu).iter_mut().zip(command)
            {
                *place = f64::from(value);
            }
            for _ in 0..steps {
                (self.api.step)(self.model.as_ptr(), self.data.as_ptr());
            }
            LAYOUT
                .bad_number_warnings
                .iter()
                .all(|&offset| self.data.cast::<u8>().add(offset).cast::<i32>().read() == 0)
        }
    }

    /// Computes the contact forces ([`Self::cfrc_ext`]) of the last step.
    pub(super) fn compute_contact_forces(&mut self) {
        // SAFETY: model and data belong together.
        unsafe { (self.api.rne_post_constraint)(self.model.as_ptr(), self.data.as_ptr()) }
    }
}

/// Safe views of arrays, one line each: name, struct, offset, length.
macro_rules! arrays {
    ($($(#[$doc:meta])* $name:ident: $of:ident, $len:expr;)*) => {
        impl Simulation {$(
            $(#[$doc])*
            pub(super) fn $name(&self) -> &[f64] {
                let length: fn(&Dims) -> usize = $len;
                // SAFETY: offset and length are those of the field in this version's headers.
                unsafe { self.array(self.$of, LAYOUT.$name, length(&self.dims)) }
            }
        )*}
    };
}

arrays! {
    /// Default positions.
    qpos0: model, |d| d.nq;
    /// Mass of each body.
    body_mass: model, |d| d.nbody;
    /// Lowest and highest command of each actuator.
    actuator_ctrlrange: model, |d| 2 * d.nu;
    /// Positions.
    qpos: data, |d| d.nq;
    /// Velocities.
    qvel: data, |d| d.nv;
    /// Commands.
    ctrl: data, |d| d.nu;
    /// Place of each body's frame.
    xpos: data, |d| 3 * d.nbody;
    /// Place of each body's centre of mass.
    xipos: data, |d| 3 * d.nbody;
    /// Inertia of each body about the robot's centre of mass.
    cinert: data, |d| 10 * d.nbody;
    /// Velocity of each body about the robot's centre of mass.
    cvel: data, |d| 6 * d.nbody;
    /// Actuator forces on the joints.
    qfrc_actuator: data, |d| d.nv;
    /// Torque and force of contacts on each body.
    cfrc_ext: data, |d| 6 * d.nbody;
}

/// Compiles MJCF text; an error is MuJoCo's own message.
fn compile(api: &Api, xml: &CStr) -> Result<NonNull<Model>, String> {
    let mut message = [0; 1024];
    // SAFETY: `xml` and `message` end with NUL and live during the call; no file system is given.
    let spec = unsafe {
        (api.parse_xml_string)(
            xml.as_ptr(),
            ptr::null(),
            message.as_mut_ptr(),
            message.len() as c_int,
        )
    };
    if spec.is_null() {
        // SAFETY: MuJoCo ends the message with NUL; the last place is never written.
        return Err(unsafe { CStr::from_ptr(message.as_ptr()) }.to_string_lossy().into_owned());
    }
    // SAFETY: `spec` was just made; the error text belongs to it and is copied before it goes.
    unsafe {
        let model = NonNull::new((api.compile)(spec, ptr::null()))
            .ok_or_else(|| CStr::from_ptr((api.spec_error)(spec)).to_string_lossy().into_owned());
        (api.delete_spec)(spec);
        model
    }
}
