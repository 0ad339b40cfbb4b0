//! Devices that are not at hand: what a policy takes there, by profile and model.

mod advise;
mod drawn;
mod model;
mod profile;

pub use advise::{Advice, AdviseError, Choice, Measured, advise, measured, same_sparsity};
pub use model::{DoesNotFit, LayerModel, Model, model};
pub use profile::{Profile, ProfileError, names};
