//! Bytes that lie where a policy can be read in place.

use alloc::vec;
use alloc::vec::Vec;
use bytemuck::{Pod, Zeroable};
use core::fmt;
use core::ops::{Deref, DerefMut};

/// Owned bytes that start at a multiple of 64: what [`super::PolicyView::parse`] wants.
#[derive(Clone, Default)]
pub struct AlignedBytes {
    blocks: Vec<Block>,
    len: usize,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
struct Block([u8; 64]);

impl AlignedBytes {
    /// `len` zeros.
    pub fn zeroed(len: usize) -> Self {
        Self { blocks: vec![Block::zeroed(); len.div_ceil(size_of::<Block>())], len }
    }
}

impl From<&[u8]> for AlignedBytes {
    fn from(bytes: &[u8]) -> Self {
        let mut aligned = Self::zeroed(bytes.len());
        aligned.copy_from_slice(bytes);
        aligned
    }
}

impl Deref for AlignedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.blocks)[..self.len]
    }
}

impl DerefMut for AlignedBytes {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.blocks)[..self.len]
    }
}

impl PartialEq for AlignedBytes {
    fn eq(&self, other: &Self) -> bool {
        self[..] == other[..]
    }
}

impl Eq for AlignedBytes {}

impl fmt::Debug for AlignedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AlignedBytes({} bytes)", self.len)
    }
}

#[cfg(feature = "std")]
pub use read::ReadError;

#[cfg(feature = "std")]
mod read {
    use super::AlignedBytes;
    use crate::artifact::{FileError, MAX_FILE_BYTES};
    use std::fs::File;
    use std::io::{self, Read};
    use std::path::{Path, PathBuf};
    use thiserror::Error;

    /// Why a policy file cannot be read.
    #[derive(Debug, Error)]
    pub enum ReadError {
        /// It cannot be opened or read.
        #[error("cannot read {path}: {source}; give the path of a policy file", path = path.display())]
        Io {
            /// Its path.
            path: PathBuf,
            /// What the system says.
            source: io::Error,
        },
        /// It is too large to be a policy; see [`FileError::TooLarge`].
        #[error("{path}: {source}", path = path.display())]
        File {
            /// Its path.
            path: PathBuf,
            /// What is wrong with it.
            source: FileError,
        },
    }

    impl AlignedBytes {
        /// The bytes of a file or a pipe (`/dev/stdin`), not parsed yet.
        ///
        /// # Errors
        /// [`ReadError`]; a file beyond [`MAX_FILE_BYTES`] is refused before it is read, a pipe once it
        /// has given more.
        pub fn read(path: impl AsRef<Path>) -> Result<Self, ReadError> {
            let path = path.as_ref();
            let failed = |source| ReadError::Io { path: path.to_path_buf(), source };
            let too_large = |bytes| {
                let source = FileError::TooLarge { bytes };
                ReadError::File { path: path.to_path_buf(), source }
            };
            let mut file = File::open(path).map_err(failed)?;
            let there = file.metadata().map_err(failed)?;
            if !there.is_file() {
                // What is no file does not know how long it is.
                let mut bytes = Vec::new();
                file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
                let read = bytes.len() as u64;
                return if read > MAX_FILE_BYTES {
                    Err(too_large(read))
                } else {
                    Ok((&*bytes).into())
                };
            }
            let bytes = there.len();
            if bytes > MAX_FILE_BYTES {
                return Err(too_large(bytes));
            }
            let mut aligned = Self::zeroed(bytes as usize);
            file.read_exact(&mut aligned).map_err(failed)?;
            Ok(aligned)
        }
    }
}
