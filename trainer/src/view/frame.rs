//! Pictures, and where they go.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use super::ViewError;

/// Pixels of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// In a row.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

/// Sides that a picture may have.
const SIDES: RangeInclusive<u16> = 16..=2048;

impl FromStr for Size {
    type Err = ViewError;

    fn from_str(text: &str) -> Result<Self, ViewError> {
        let side = |side: &str| side.parse().ok().filter(|side| SIDES.contains(side));
        let sides = text.split_once('x');
        let size = sides
            .and_then(|(width, height)| Some(Self { width: side(width)?, height: side(height)? }));
        size.ok_or_else(|| ViewError::Size { given: text.to_owned() })
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

/// A picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its size.
    pub size: Size,
    /// Red, green and blue of each pixel, rows from the top.
    pub rgb: Vec<u8>,
}

/// A file that pictures become.
pub trait Sink {
    /// Adds a picture; all are of one size.
    ///
    /// # Errors
    /// [`ViewError::Ffmpeg`].
    fn add(&mut self, frame: &Frame) -> Result<(), ViewError>;

    /// Writes the file: it is there whole or not at all.
    ///
    /// # Errors
    /// [`ViewError::File`], [`ViewError::Ffmpeg`].
    fn finish(self: Box<Self>) -> Result<(), ViewError>;
}
