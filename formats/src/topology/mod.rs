//! Which links of a layer are alive, and how that may change.

mod allocation;
mod csr;
mod csr_mut;
mod follow;
mod grid;
mod rewire;
mod structure;

pub use allocation::{Allocation, AllocationError, LayerShape, densities};
pub use csr::{Csr, TopologyError, random_topology};
pub use csr_mut::CsrMut;
pub use follow::{FollowScratch, follow};
pub use rewire::{Drop, GROWN, RewireScratch, carry, rewire};
pub use structure::{Structure, UnknownStructure};
