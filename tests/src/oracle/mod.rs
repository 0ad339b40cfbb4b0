//! The learner's mathematics a second time: plain, dense, in f64, with slopes by central differences.

mod dense;
mod ppo;
mod scene;

pub use dense::Dense;
pub use scene::{Old, Scene, Step};
