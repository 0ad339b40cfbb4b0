//! Seeing an agent: a policy plays an episode, which is drawn and written as a GIF, a video or a still.

mod canvas;
mod classic;
mod error;
mod film;
mod frame;
mod gif;
mod mp4;
mod paint;
mod png;

pub use self::gif::Gif;
pub use self::png::Png;
pub use error::ViewError;
pub use film::{Filmed, Shots, film};
pub use frame::{Frame, Sink, Size};
pub use mp4::Mp4;
pub use paint::{Painter, default_size, step_seconds};
