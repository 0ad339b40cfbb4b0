// Prints layout.rs: where the fields that ffi.rs reads lie in MuJoCo's mjModel and mjData, and how large
// the structs are that render/ has MuJoCo fill in.
//
//   cc -I WHEEL/mujoco/include layout.c -o layout && ./layout > layout.rs && rustfmt layout.rs
//
// where WHEEL is the unpacked `mujoco` wheel of the version wanted. The structs change with every
// release, so a table is good for exactly one version.
#include <mujoco/mujoco.h>
#include <stddef.h>
#include <stdio.h>

_Static_assert(sizeof(mjtNum) == 8, "ffi.rs reads numbers as f64");
_Static_assert(sizeof(mjtSize) == 8, "ffi.rs reads sizes as i64");
_Static_assert(sizeof(int) == 4, "ffi.rs reads warning counts as i32");

_Static_assert(mjCAMERA_FREE == 0 && mjCAT_ALL == 7 && mjFB_OFFSCREEN == 1 && mjFONTSCALE_50 == 50,
               "render/ passes these numbers");
_Static_assert(sizeof(mjrRect) == 4 * sizeof(int), "render/ passes a viewport as four int");

#define FIELD(name, type, member) printf("    %s: %zu,\n", name, offsetof(type, member))

int main(void) {
  printf("//! Where fields lie in MuJoCo's structs: printed by `layout.c`, not written by hand.\n\n");
  printf("use super::ffi::Layout;\nuse super::render::RenderLayout;\n\n");
  printf("/// The table for MuJoCo %d.%d.%d.\n", mjVERSION_HEADER / 1000000,
         mjVERSION_HEADER / 1000 % 1000, mjVERSION_HEADER % 1000);
  printf("pub(super) const LAYOUT: Layout = Layout {\n");
  printf("    version: %d,\n", mjVERSION_HEADER);
  FIELD("nq", mjModel, nq);
  FIELD("nv", mjModel, nv);
  FIELD("nu", mjModel, nu);
  FIELD("nbody", mjModel, nbody);
  FIELD("ngeom", mjModel, ngeom);
  FIELD("nout", mjModel, nout);
  FIELD("nlight", mjModel, nlight);
  FIELD("timestep", mjModel, opt.timestep);
  FIELD("qpos0", mjModel, qpos0);
  FIELD("body_mass", mjModel, body_mass);
  FIELD("body_inertia", mjModel, body_inertia);
  FIELD("geom_friction", mjModel, geom_friction);
  FIELD("light_dir", mjModel, light_dir);
  FIELD("actuator_ctrlrange", mjModel, actuator_ctrlrange);
  FIELD("actuator_gear", mjModel, actuator_gear);
  FIELD("qpos", mjData, qpos);
  FIELD("qvel", mjData, qvel);
  FIELD("ctrl", mjData, ctrl);
  FIELD("xpos", mjData, xpos);
  FIELD("xipos", mjData, xipos);
  FIELD("cinert", mjData, cinert);
  FIELD("cvel", mjData, cvel);
  FIELD("qfrc_actuator", mjData, qfrc_actuator);
  FIELD("cfrc_ext", mjData, cfrc_ext);
  printf("    bad_number_warnings: [%zu, %zu, %zu],\n",
         offsetof(mjData, warning[mjWARN_BADQPOS].number),
         offsetof(mjData, warning[mjWARN_BADQVEL].number),
         offsetof(mjData, warning[mjWARN_BADQACC].number));
  printf("};\n\n");
  printf("/// The same of the structs for drawing.\n");
  printf("pub(super) const RENDER_LAYOUT: RenderLayout = RenderLayout {\n");
  printf("    scene: %zu,\n", sizeof(mjvScene));
  printf("    option: %zu,\n", sizeof(mjvOption));
  printf("    perturb: %zu,\n", sizeof(mjvPerturb));
  printf("    context: %zu,\n", sizeof(mjrContext));
  printf("    camera: %zu,\n", sizeof(mjvCamera));
  FIELD("camera_lookat", mjvCamera, lookat);
  FIELD("camera_distance", mjvCamera, distance);
  FIELD("camera_azimuth", mjvCamera, azimuth);
  FIELD("camera_elevation", mjvCamera, elevation);
  FIELD("camera_orthographic", mjvCamera, orthographic);
  printf("};\n");
  return 0;
}
