//! A sequence of bits in bytes, from the least significant bit of each byte up.

/// Reads bits at any place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bits<'a>(pub &'a [u8]);

/// Bits that [`Bits::peek`] is sure to show.
pub(super) const SHOWN: u32 = 57;

impl Bits<'_> {
    /// The bits from `at` on, the first of them lowest, at least [`SHOWN`] of them; zeros past the
    /// last.
    #[inline]
    pub fn peek(self, at: u64) -> u64 {
        let rest = self.0.get((at / 8) as usize..).unwrap_or_default();
        let word = match rest.first_chunk() {
            Some(&word) => u64::from_le_bytes(word),
            None => rest.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)),
        };
        word >> (at % 8)
    }

    /// How many there are.
    pub fn len(self) -> u64 {
        8 * self.0.len() as u64
    }

    /// Whether from `at` on there are none but the zeros that fill the last byte.
    pub fn end_at(self, at: u64) -> bool {
        (at..at.saturating_add(8)).contains(&self.len()) && self.peek(at) == 0
    }
}

/// Sets bit `at` of bytes that are long enough.
#[cfg(feature = "alloc")]
pub(super) fn set(bytes: &mut [u8], at: u64) {
    bytes[(at / 8) as usize] |= 1 << (at % 8);
}
