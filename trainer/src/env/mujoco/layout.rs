//! Where fields lie in MuJoCo's structs: printed by `layout.c`, not written by hand.

use super::ffi::Layout;
use super::render::RenderLayout;

/// The table for MuJoCo 3.17.0.
pub(super) const LAYOUT: Layout = Layout {
    version: 3017000,
    nq: 0,
    nv: 8,
    nu: 16,
    nbody: 48,
    ngeom: 136,
    nout: 32,
    nlight: 160,
    timestep: 792,
    qpos0: 1792,
    body_mass: 1944,
    body_inertia: 1960,
    geom_friction: 2568,
    light_dir: 2936,
    actuator_ctrlrange: 4992,
    actuator_gear: 5000,
    qpos: 160688,
    qvel: 160696,
    ctrl: 160736,
    xpos: 160840,
    xipos: 160864,
    cinert: 160976,
    cvel: 161280,
    qfrc_actuator: 161408,
    cfrc_ext: 161464,
    bad_number_warnings: [160292, 160300, 160308],
};

/// The same of the structs for drawing.
pub(super) const RENDER_LAYOUT: RenderLayout = RenderLayout {
    scene: 11584,
    option: 92,
    perturb: 144,
    context: 61512,
    camera: 72,
    camera_lookat: 16,
    camera_distance: 40,
    camera_azimuth: 48,
    camera_elevation: 56,
    camera_orthographic: 64,
};
