//! A still: the last picture as a PNG.

use std::path::PathBuf;

use png::{BitDepth, ColorType, Compression, Encoder};

use super::{Frame, Sink, ViewError};
use crate::lab::files::{FileError, write_atomic};

/// Keeps the last picture.
pub struct Png {
    path: PathBuf,
    last: Option<Frame>,
}

impl Png {
    /// For a file.
    pub fn new(path: PathBuf) -> Self {
        Self { path, last: None }
    }
}

impl Sink for Png {
    fn add(&mut self, frame: &Frame) -> Result<(), ViewError> {
        self.last = Some(frame.clone());
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), ViewError> {
        let Some(Frame { size, rgb }) = self.last else { return Ok(()) };
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, size.width.into(), size.height.into());
        encoder.set_color(ColorType::Rgb);
        encoder.set_depth(BitDepth::Eight);
        encoder.set_compression(Compression::High);
        let written = encoder.write_header().and_then(|mut writer| {
            writer.write_image_data(&rgb)?;
            writer.finish()
        });
        written.map_err(|error| FileError::write(&self.path, error.into()))?;
        Ok(write_atomic(&self.path, &bytes)?)
    }
}
