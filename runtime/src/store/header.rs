//! What a slot says of its payload.

use super::{Slot, UNIT};

const MAGIC: [u8; 8] = *b"LACESLOT";
/// Layout of a slot.
pub(super) const VERSION: u16 = 1;

/// A whole save.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it is.
    pub slot: Slot,
    /// What the payload is; the caller's numbers.
    pub kind: u16,
    /// Bytes of payload.
    pub length: u32,
    /// How many saves there were, with this one.
    pub sequence: u64,
    /// CRC-32 of the payload.
    pub(super) crc: u32,
}

/// What was found in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No save, or one that a power cut ended.
    Empty,
    /// Something, but no save that is whole.
    Damaged,
    /// A save.
    Good(Entry),
}

/// A slot's first bytes, as far as they can be judged by themselves.
pub(super) enum Head {
    Empty,
    Damaged,
    /// Of another layout.
    Foreign(u16),
    Good(Entry),
}

impl Entry {
    pub(super) fn encode(&self) -> [u8; UNIT] {
        let mut bytes = [0; UNIT];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..10].copy_from_slice(&VERSION.to_le_bytes());
        bytes[10..12].copy_from_slice(&self.kind.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.length.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.crc.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..28]);
        bytes[28..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }
}

impl Head {
    pub(super) fn decode(slot: Slot, bytes: &[u8; UNIT]) -> Self {
        // Erased flash, and the hole that a file has until its header is written.
        if bytes.iter().all(|&byte| byte == 0xFF) || *bytes == [0; UNIT] {
            return Self::Empty;
        }
        let word = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| bytes[at + byte]));
        if bytes[..8] != MAGIC || word(28) != crc32fast::hash(&bytes[..28]) {
            return Self::Damaged;
        }
        let (version, kind) = (word(8) as u16, (word(8) >> 16) as u16);
        if version != VERSION {
            return Self::Foreign(version);
        }
        let sequence = u64::from(word(16)) | u64::from(word(20)) << 32;
        Self::Good(Entry { slot, kind, length: word(12), sequence, crc: word(24) })
    }
}
