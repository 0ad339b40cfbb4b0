//! Why an agent could not be shown.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::env::{EnvError, RenderError};
use crate::lab::deployed::PlayError;
use crate::lab::files::FileError;

/// Why an agent could not be shown.
#[derive(Debug, Error)]
pub enum ViewError {
    /// The environment failed.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// The policy could not be played.
    #[error(transparent)]
    Play(#[from] PlayError),
    /// A robot could not be drawn.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// A picture could not be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no such size.
    #[error("`{given}` is no size: give WIDTHxHEIGHT, each from 16 to 2048, such as 320x240")]
    Size {
        /// What was given.
        given: String,
    },
    /// There is no memory for a picture of this size.
    #[error("no room for a picture of {width}x{height}: choose a smaller --size")]
    NoRoom {
        /// Pixels in a row.
        width: u16,
        /// Rows.
        height: u16,
    },
    /// ffmpeg is not there.
    #[error(
        "a video needs the program `ffmpeg`, which cannot be started ({source}): install it, on Debian and \
         Ubuntu `apt-get install ffmpeg`, or write a --gif"
    )]
    NoFfmpeg {
        /// The system's reason.
        source: io::Error,
    },
    /// ffmpeg failed.
    #[error("ffmpeg could not write {}: {reason}; write a --gif, or try another ffmpeg", path.display())]
    Ffmpeg {
        /// The video.
        path: PathBuf,
        /// Its last words.
        reason: String,
    },
}
