//! The `lacewing-edge` program.

use crate::program::build;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Its path, built when a test first asks for it.
///
/// # Panics
/// If it does not build.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| build("lacewing-edge", &[]))
}
