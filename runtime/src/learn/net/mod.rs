//! Sparse networks: layers, what a pass through them leaves behind, and their gradients.

mod float8;
mod follower;
mod gradients;
mod layer;
mod learning;
mod mlp;
mod record;
mod shape;
mod trace;

pub use crate::learn::error::MAX_LAYERS;
pub(super) use float8::Float8;
pub(super) use follower::Follower;
pub use gradients::Gradients;
pub use layer::{Changed, Init, LayerRef, Start};
pub(super) use layer::{Layer, Links, TopologyScratch};
pub use learning::LayerMemory;
pub(super) use learning::{Moments, SmallPair};
pub use mlp::{Head, Mlp, Target, Wanted};
pub(super) use record::Record;
pub use shape::{NetworkShape, Norm};
pub use trace::Trace;
