//! Environments for the suites that need one.

use lacewing::env::{Env, Shift, install_mujoco, make};
use std::sync::Once;

/// Makes an environment. MuJoCo is installed first where none is, so that no machine skips it.
pub fn env(id: &str, shift: &str) -> Box<dyn Env> {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        if std::env::var_os("LACEWING_MUJOCO").is_none() {
            install_mujoco().unwrap_or_else(|error| panic!("{error}"));
        }
    });
    let shift: Shift = shift.parse().unwrap();
    make(id, &shift).unwrap_or_else(|error| panic!("{error}"))
}
