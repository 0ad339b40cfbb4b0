//! The first 32 bytes.

use super::error::FileError;

/// Version of the format that this crate writes; it reads this and all before it.
pub const VERSION: u32 = 2;
/// Every section starts at a multiple of this, in the file and in memory.
pub const ALIGNMENT: usize = 64;
/// No policy file is longer; so every offset fits 32-bit devices.
pub const MAX_FILE_BYTES: u64 = 1 << 31;

/// Like PNG's: a high bit, a name, and line ends, so that a transfer as text is noticed.
const MAGIC: [u8; 8] = *b"\x89LACE\r\n\x1a";
const CRC_AT: core::ops::Range<usize> = 12..16;
/// Bytes of the checksum.
pub(super) const CRC_BYTES: usize = CRC_AT.end - CRC_AT.start;

/// What the preamble says, once the checksum has been checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Preamble {
    pub version: u32,
    pub header_bytes: u32,
}

impl Preamble {
    pub const BYTES: usize = 32;

    /// Checks magic, version, length and checksum of the whole file.
    pub fn parse(file: &[u8]) -> Result<Self, FileError> {
        let (version, total, word) = claimed(file)?;
        let found = file.len() as u64;
        if found > total {
            return Err(FileError::Trailing { bytes: found - total });
        }
        if word(CRC_AT.start) != checksum(file) {
            return Err(FileError::Damaged);
        }
        if word(28) != 0 {
            return Err(FileError::Padding { offset: 28 });
        }
        Ok(Self { version, header_bytes: word(24) })
    }

    /// Writes the preamble of a file that is complete but for it.
    ///
    /// # Panics
    /// If `file` is shorter than a preamble.
    #[cfg(feature = "alloc")]
    pub fn write(self, file: &mut [u8]) {
        let (before, after) = self.around_crc(file.len() as u64);
        file[..CRC_AT.start].copy_from_slice(&before);
        file[CRC_AT.end..Self::BYTES].copy_from_slice(&after);
        let crc = checksum(file);
        file[CRC_AT].copy_from_slice(&crc.to_le_bytes());
    }

    /// What stands before and behind the checksum of a file of `total` bytes.
    pub fn around_crc(self, total: u64) -> ([u8; CRC_AT.start], [u8; Self::BYTES - CRC_AT.end]) {
        let (mut before, mut after) = ([0; CRC_AT.start], [0; Self::BYTES - CRC_AT.end]);
        before[..8].copy_from_slice(&MAGIC);
        before[8..].copy_from_slice(&self.version.to_le_bytes());
        after[..8].copy_from_slice(&total.to_le_bytes());
        after[8..12].copy_from_slice(&self.header_bytes.to_le_bytes());
        (before, after)
    }
}

/// The policy file that `memory` begins with, by the length that it claims: for flash, the end of which is
/// not the file's. Whether it is one is for [`PolicyView::parse`](super::PolicyView::parse) to say.
///
/// # Errors
/// [`FileError::NotAPolicy`], [`FileError::Version`], [`FileError::TooLarge`], or [`FileError::Truncated`] where
/// `memory` ends before the file.
pub fn leading_file(memory: &[u8]) -> Result<&[u8], FileError> {
    let (_, total, _) = claimed(memory)?;
    Ok(&memory[..total as usize])
}

/// The version and the length that a file claims, which is not longer than `file`, and a reader of the words
/// of its preamble.
fn claimed(file: &[u8]) -> Result<(u32, u64, impl Fn(usize) -> u32), FileError> {
    let found = file.len() as u64;
    let magic = &file[..file.len().min(MAGIC.len())];
    // An empty file is what a failed download leaves; call it truncated.
    if magic != &MAGIC[..magic.len()] {
        return Err(FileError::NotAPolicy);
    }
    let Some(preamble) = file.first_chunk::<{ Preamble::BYTES }>() else {
        return Err(FileError::Truncated { expected: Preamble::BYTES as u64, found });
    };
    let word = |at: usize| {
        u32::from_le_bytes([preamble[at], preamble[at + 1], preamble[at + 2], preamble[at + 3]])
    };
    let version = word(8);
    if !(1..=VERSION).contains(&version) {
        return Err(FileError::Version { version });
    }
    let total = u64::from(word(16)) | u64::from(word(20)) << 32;
    if total > MAX_FILE_BYTES {
        return Err(FileError::TooLarge { bytes: total });
    }
    if found < total {
        return Err(FileError::Truncated { expected: total, found });
    }
    Ok((version, total, word))
}

/// CRC-32 (IEEE 802.3) of everything but the checksum itself.
fn checksum(file: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&file[..CRC_AT.start]);
    hasher.update(&file[CRC_AT.end..]);
    hasher.finalize()
}
