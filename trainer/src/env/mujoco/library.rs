//! Where the library lies.

use crate::env::EnvError;
use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

/// The one version whose structs `layout.rs` describes, and whose trajectories the goldens hold.
pub(super) const VERSION: &str = "3.17.0";

/// Names the library's file; other places are not searched.
const OVERRIDE: &str = "LACEWING_MUJOCO";

/// The library's file name, in the wheel and in the cache.
pub(super) const FILE_NAME: &str = if cfg!(target_os = "macos") {
    "libmujoco.3.17.0.dylib"
} else if cfg!(windows) {
    "mujoco.dll"
} else {
    "libmujoco.so.3.17.0"
};

/// The library's file: what `LACEWING_MUJOCO` names, or its place in the user's cache.
pub(super) fn path() -> Result<PathBuf, EnvError> {
    match not_empty(OVERRIDE) {
        Some(path) => Ok(path.into()),
        None => Ok(cache_dir()?.join(FILE_NAME)),
    }
}

/// How to come by a library that works: an installed one is looked for only without the override.
pub(in crate::env) fn remedy() -> &'static str {
    match not_empty(OVERRIDE) {
        Some(_) => {
            "unset LACEWING_MUJOCO and run `lacewing env install mujoco`, or set it to the path of \
             MuJoCo 3.17.0's library"
        }
        None => {
            "run `lacewing env install mujoco`, or set LACEWING_MUJOCO to the path of its library"
        }
    }
}

/// The folder an installed library lies in.
pub(super) fn cache_dir() -> Result<PathBuf, EnvError> {
    let base = not_empty("XDG_CACHE_HOME")
        .map(PathBuf::from)
        // The XDG specification: a relative path is to be ignored.
        .filter(|path| path.is_absolute())
        .or_else(|| env::home_dir().map(|home| home.join(".cache")))
        .ok_or(EnvError::NoCacheDir)?;
    Ok(base.join("lacewing").join(format!("mujoco-{VERSION}")))
}

fn not_empty(variable: &str) -> Option<OsString> {
    env::var_os(variable).filter(|value| !value.is_empty())
}
