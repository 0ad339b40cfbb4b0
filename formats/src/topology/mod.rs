//! Which links of a layer are alive, and how that may change.

mod allocation;
mod carry;
mod csr;
mod csr_mut;
mod densities;
mod drop;
mod follow;
mod grid;
mod grow;
mod prune;
mod rewire;
mod schedule;
mod structure;

pub use allocation::{Allocation, AllocationError, LayerShape, LayerSparsities, MAX_SPARSITIES};
pub use carry::{GROWN, age, carry};
pub use csr::{Csr, TopologyError, random_topology};
pub use csr_mut::CsrMut;
pub use densities::densities;
pub use drop::{Drop, Protect};
pub use follow::{FollowScratch, TargetRule, follow};
pub use grow::{Grow, Score, Scores};
pub use prune::prune;
pub use rewire::{Change, RewireScratch, rewire};
pub use schedule::{Amount, Schedule, Step};
pub use structure::{Structure, UnknownStructure};
