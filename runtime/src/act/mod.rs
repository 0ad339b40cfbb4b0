//! One control step: observation in, action within its limits out, in the caller's scratch.

mod error;
mod interface;
mod layout;
mod policy;
#[cfg(feature = "alloc")]
mod repack;

pub use error::{ActError, LoadError};
pub use interface::{Interface, InterfaceError};
pub use layout::Layout;
pub use policy::Policy;
