//! The policy file (`.lace`), version 2: `formats/SPEC.md` has the bytes.
//!
//! [`PolicyView::parse`] checks a file once, in time linear in its size and without allocating;
//! what it gives out can then be used without further checks. `alloc` adds the writer
//! ([`PolicySpec`]), `std` reading and writing of paths.

#[cfg(feature = "alloc")]
mod aligned;
mod error;
mod finish;
mod header;
mod layer;
mod preamble;
mod rewrite;
#[cfg(feature = "std")]
mod save;
mod section;
mod view;
#[cfg(feature = "alloc")]
mod writer;

#[cfg(feature = "alloc")]
pub use aligned::AlignedBytes;
#[cfg(feature = "std")]
pub use aligned::ReadError;
pub use error::FileError;
pub use header::{Header, MAX_LAYERS, MAX_PROBES, MAX_WIDTH};
pub use layer::{LayerView, Links};
pub use preamble::{ALIGNMENT, MAX_FILE_BYTES, VERSION, leading_file};
pub use rewrite::Rewrite;
#[cfg(feature = "std")]
pub use save::{SaveError, check_folder, destination, may_be_named, write_atomically};
pub use section::{Placed, Section};
pub use view::PolicyView;
#[cfg(feature = "alloc")]
pub use writer::{LayerSpec, PolicySpec, SpecError};

#[cfg(target_endian = "big")]
compile_error!("a policy file is used in place and little-endian, and so must the target be");
