//! What the bindings to the peers share.

use libloading::{Library, Symbol};
use std::error::Error;
use std::ffi::{CString, OsStr, c_void};
use std::path::{Path, PathBuf};

/// What goes wrong while a peer is made ready.
pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// A thing of the peer's that only it looks into.
pub type Handle = *mut c_void;

/// A model for a peer to open.
pub struct Model<'a> {
    /// The peer's library.
    pub library: &'a Path,
    /// The model's file.
    pub file: PathBuf,
    /// Inputs.
    pub observations: usize,
    /// Outputs.
    pub actions: usize,
}

/// Loads a peer's library for the rest of the process: its functions are called until the end.
pub fn library(path: &Path) -> Outcome<&'static Library> {
    // SAFETY: the user names the library of a peer; running its initialisers is what that asks for.
    let library = unsafe { Library::new(path) };
    let library = library.map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(Box::leak(Box::new(library)))
}

/// A function of a library; `F` must be its type.
///
/// # Safety
/// The library's function must have the type `F`.
pub unsafe fn function<F: Copy + 'static>(library: &'static Library, name: &str) -> Outcome<F> {
    // SAFETY: the caller vouches for the type.
    let symbol: Symbol<'static, F> = unsafe { library.get(name.as_bytes()) }?;
    Ok(*symbol)
}

/// A path as C wants it.
pub fn c_path(path: &Path) -> Outcome<CString> {
    Ok(CString::new(<Path as AsRef<OsStr>>::as_ref(path).as_encoded_bytes())?)
}

/// `length` zeros that stay where they are for the rest of the process, on a boundary of 64 bytes:
/// a peer reads its observation from there or leaves its action there.
pub fn buffer(length: usize) -> &'static mut [f32] {
    use lacewing_runtime::learn::Block;
    let blocks = vec![Block::ZERO; (length * size_of::<f32>()).div_ceil(Block::BYTES)];
    &mut bytemuck::cast_slice_mut(Box::leak(blocks.into_boxed_slice()))[..length]
}
