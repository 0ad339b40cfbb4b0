//! Values as frames in a stream of bytes: postcard, a CRC-32 (little-endian) and, behind COBS, a zero that
//! nothing else in a frame is. So a reader finds the next frame behind any damage.

use serde::Serialize;

/// Bytes of the CRC.
pub const CRC_BYTES: usize = 4;

/// Most bytes of a frame, its zero included, of a value of so many bytes as postcard: COBS adds a byte to the
/// first and to every 254.
pub const fn frame_bytes(value: usize) -> usize {
    let plain = value + CRC_BYTES;
    plain + plain / 254 + 2
}

/// Writes a value's frame, its zero included, to `frame`, by way of `plain`; returns its length, or none where
/// `plain` has no room for the value and its CRC.
///
/// # Panics
/// If `frame` is shorter than [`frame_bytes`] says.
pub fn seal(value: &impl Serialize, plain: &mut [u8], frame: &mut [u8]) -> Option<usize> {
    let room = plain.len().checked_sub(CRC_BYTES)?;
    let length = postcard::to_slice(value, &mut plain[..room]).ok()?.len();
    let crc = crc32fast::hash(&plain[..length]).to_le_bytes();
    plain[length..length + CRC_BYTES].copy_from_slice(&crc);
    let coded = cobs::encode(&plain[..length + CRC_BYTES], frame);
    frame[coded] = 0;
    Some(coded + 1)
}

/// The value's bytes in a frame without its zero, decoded in its place; none where it is damaged.
pub fn open(frame: &mut [u8]) -> Option<&[u8]> {
    let length = cobs::decode_in_place(frame).ok()?;
    let (value, crc) = frame.get(..length)?.split_last_chunk::<CRC_BYTES>()?;
    (crc32fast::hash(value) == u32::from_le_bytes(*crc)).then_some(value)
}
