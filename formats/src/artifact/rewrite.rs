//! A policy file anew, with the same links and other numbers: piece by piece, without memory for it.

use super::error::FileError;
use super::header::Header;
use super::preamble::{CRC_BYTES, MAX_FILE_BYTES, Preamble, VERSION};
use super::section::Section;
use super::view::PolicyView;
use crate::policy::Provenance;
use heapless::Vec;

/// More than any header takes: texts of 96 bytes, 16 layers of some 40 bytes.
const MOST_HEADER_BYTES: usize = 1536;

/// A file as another is but for its provenance, the length of its resume section and the numbers of some of its
/// sections.
#[derive(Clone, Debug)]
pub struct Rewrite<'a> {
    before: &'a [u8],
    before_header: Header<'a>,
    before_bytes: u32,
    header: Header<'a>,
    head: Vec<u8, MOST_HEADER_BYTES>,
    bytes: usize,
}

impl<'a> Rewrite<'a> {
    /// Of the file `before`, whose view is `view`. Where that has no resume section, neither has the new one.
    ///
    /// # Errors
    /// [`FileError::NotAPolicy`] if `view` is not of `before`; [`FileError::TooLarge`].
    pub fn new(
        before: &'a [u8],
        view: &PolicyView<'a>,
        provenance: Provenance<'a>,
        resume_bytes: u64,
    ) -> Result<Self, FileError> {
        let before_bytes = view.header_bytes();
        let before_header = view.header().clone();
        if before_header.sections(before_bytes).last().map(|last| last.end())
            != Some(before.len() as u64)
        {
            return Err(FileError::NotAPolicy);
        }
        let resume_bytes = before_header.resume_bytes.map(|_| resume_bytes);
        let header = Header { provenance, resume_bytes, ..before_header.clone() };
        let mut head = Vec::new();
        head.resize_default(MOST_HEADER_BYTES).map_err(|_| FileError::Header)?;
        let mut length = postcard::to_slice(&(header.head, &header), &mut head)
            .map_err(|_| FileError::Header)?
            .len();
        if let Some(bytes) = header.contract_bytes {
            let rest = postcard::to_slice(&bytes, &mut head[length..]);
            length += rest.map_err(|_| FileError::Header)?.len();
        }
        head.truncate(length);
        let end = header.sections(length as u32).last().map_or(0, |last| last.end());
        if end > MAX_FILE_BYTES {
            return Err(FileError::TooLarge { bytes: end });
        }
        Ok(Self { before, before_header, before_bytes, header, head, bytes: end as usize })
    }

    /// Bytes of the new file.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Hands the file to `sink`, piece by piece. Of each section `fill` is asked for its bytes, which it hands to
    /// its sink, all of them; where it returns `false` it must not have handed on any, and they are those of the file
    /// before. It is asked twice, as the checksum comes first, and must give the same both times.
    ///
    /// # Errors
    /// The first of `sink`.
    ///
    /// # Panics
    /// If `fill` gives more or fewer bytes than the section has.
    pub fn write<E>(
        &self,
        mut fill: impl FnMut(Section, &mut dyn FnMut(&[u8])) -> bool,
        mut sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let preamble = Preamble { version: VERSION, header_bytes: self.head.len() as u32 };
        let mut hasher = crc32fast::Hasher::new();
        let (before_crc, after_crc) = preamble.around_crc(self.bytes as u64);
        hasher.update(&before_crc);
        hasher.update(&after_crc);
        self.rest(&mut fill, &mut |bytes| hasher.update(bytes));
        let crc: [u8; CRC_BYTES] = hasher.finalize().to_le_bytes();
        sink(&before_crc)?;
        sink(&crc)?;
        sink(&after_crc)?;
        let mut result = Ok(());
        self.rest(&mut fill, &mut |bytes| {
            if result.is_ok() {
                result = sink(bytes);
            }
        });
        result
    }

    /// All behind the preamble.
    fn rest(
        &self,
        fill: &mut impl FnMut(Section, &mut dyn FnMut(&[u8])) -> bool,
        sink: &mut dyn FnMut(&[u8]),
    ) {
        let mut at = Preamble::BYTES;
        let mut put = |bytes: &[u8]| {
            at += bytes.len();
            sink(bytes);
        };
        put(&self.head);
        pad(&mut put, super::header::header(self.head.len() as u32).padding());
        // The same sections in the same order; resume sections come last and may differ in length.
        let sections = self.header.sections(self.head.len() as u32);
        for (new, old) in sections.zip(self.before_header.sections(self.before_bytes)) {
            let mut given = 0;
            let filled = fill(new.section, &mut |bytes| {
                given += bytes.len() as u64;
                put(bytes);
            });
            if !filled {
                let there = &self.before[old.offset as usize..][..old.bytes as usize];
                given = there.len() as u64;
                put(there);
            }
            assert_eq!(given, new.bytes, "the {} is as long as it was", new.section);
            pad(&mut put, new.padding());
        }
        debug_assert_eq!(at, self.bytes);
    }
}

/// Zeros up to the next section.
fn pad(put: &mut impl FnMut(&[u8]), bytes: usize) {
    put(&[0; super::preamble::ALIGNMENT][..bytes]);
}
