//! Which links of a layer are alive, and how that may change.

mod allocation;
mod csr;

pub use allocation::{Allocation, AllocationError, LayerShape, densities};
pub use csr::{Csr, TopologyError, random_topology};
