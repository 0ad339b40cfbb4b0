//! A log file that does not grow for ever.

use crate::EdgeError;
use lacewing_formats::artifact::destination;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Frames of records in a file and, before them, in the one beside it with `.old` at its end: when the
/// file has half of the bytes that both may take, it becomes the old one.
pub struct Log {
    path: PathBuf,
    file: File,
    bytes: u64,
    /// Most bytes of each file.
    most: u64,
    told: bool,
}

/// The file with what came before the records in `path`.
pub fn older(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".old");
    name.into()
}

impl Log {
    /// Goes on with the log in `path`, or begins it; it and the older one together take `most` bytes.
    ///
    /// # Errors
    /// [`EdgeError::Log`], [`EdgeError::Save`].
    pub fn open(path: &Path, most: u64) -> Result<Self, EdgeError> {
        let path = destination(path)?;
        let fail = |source| EdgeError::Log { path: path.clone(), source };
        let mut file = append_to(&path).map_err(fail)?;
        // Ends what a power cut left of a record.
        file.write_all(&[0]).map_err(fail)?;
        let bytes = file.metadata().map_err(fail)?.len();
        Ok(Self { path, file, bytes, most: most / 2, told: false })
    }

    /// Writes frames behind the others. The first failure is told.
    ///
    /// # Errors
    /// What the system says.
    pub fn append(&mut self, pieces: [&[u8]; 2]) -> io::Result<()> {
        let written = self.write(pieces);
        if let (Err(error), false) = (&written, self.told) {
            self.told = true;
            crate::warn(format_args!(
                "cannot write the log {}: {error}; learning goes on",
                self.path.display()
            ));
        }
        written
    }

    fn write(&mut self, pieces: [&[u8]; 2]) -> io::Result<()> {
        let bytes = pieces.iter().map(|piece| piece.len() as u64).sum::<u64>();
        if self.bytes > 0 && self.bytes + bytes > self.most {
            fs::rename(&self.path, older(&self.path))?;
            self.file = append_to(&self.path)?;
            self.bytes = 0;
        }
        self.bytes += bytes;
        pieces.into_iter().try_for_each(|piece| self.file.write_all(piece))
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}
