//! TensorBoard event files: TFRecord frames around `tensorflow.Event` messages with scalars.
//!
//! Two dozen fixed bytes a message do not pay for a protobuf stack, so the three message kinds are
//! written by hand (field numbers from tensorflow/core/util/event.proto and framework/summary.proto).

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use super::files;

/// Appends scalars to one event file.
pub struct EventWriter {
    file: File,
    bytes: u64,
}

impl EventWriter {
    /// Opens a file at the length a checkpoint remembers (0: a new file), dropping what follows.
    ///
    /// # Errors
    /// Any failure of the file system.
    pub fn open(path: &Path, bytes: u64, wall_time: f64) -> io::Result<Self> {
        let (file, bytes) = files::open_log(path, bytes)?;
        let mut writer = Self { file, bytes };
        if bytes == 0 {
            let mut event = double_field(1, wall_time);
            event.extend(bytes_field(3, b"brain.Event:2"));
            writer.frame(&event)?;
        }
        Ok(writer)
    }

    /// Writes several scalars of one step. `wall_time` is in seconds since 1970.
    ///
    /// # Errors
    /// Any failure of the file system.
    pub fn scalars(&mut self, step: u64, wall_time: f64, values: &[(&str, f64)]) -> io::Result<()> {
        let mut summary = Vec::new();
        for &(tag, value) in values {
            let mut entry = bytes_field(1, tag.as_bytes());
            entry.push(2 << 3 | 5); // Summary.Value.simple_value: a 32-bit float
            entry.extend((value as f32).to_le_bytes());
            summary.extend(bytes_field(1, &entry));
        }
        let mut event = double_field(1, wall_time);
        event.push(2 << 3); // Event.step: a varint
        event.extend(varint(step));
        event.extend(bytes_field(5, &summary));
        self.frame(&event)
    }

    /// Length of the file so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Makes what was written durable.
    ///
    /// # Errors
    /// Any failure of the file system.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// One TFRecord: length, its masked CRC, the data, its masked CRC.
    fn frame(&mut self, data: &[u8]) -> io::Result<()> {
        let length = (data.len() as u64).to_le_bytes();
        let mut record = Vec::with_capacity(data.len() + 16);
        record.extend(length);
        record.extend(masked_crc(&length).to_le_bytes());
        record.extend(data);
        record.extend(masked_crc(data).to_le_bytes());
        self.file.write_all(&record)?;
        self.bytes += record.len() as u64;
        Ok(())
    }
}

fn masked_crc(data: &[u8]) -> u32 {
    crc32c::crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

fn double_field(field: u8, value: f64) -> Vec<u8> {
    let mut out = vec![field << 3 | 1];
    out.extend(value.to_le_bytes());
    out
}

fn bytes_field(field: u8, value: &[u8]) -> Vec<u8> {
    let mut out = vec![field << 3 | 2];
    out.extend(varint(value.len() as u64));
    out.extend(value);
    out
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_record_is_what_tensorboard_writes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        EventWriter::open(&path, 0, 0.0).unwrap();
        let bytes = std::fs::read(path).unwrap();
        // Length 24 and its masked CRC as in every event file TensorFlow writes.
        assert_eq!(bytes[..12], [0x18, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22]);
        assert_eq!(bytes[21..36], *b"\x1a\x0dbrain.Event:2");
    }

    #[test]
    fn reopening_drops_what_follows_the_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        let mut writer = EventWriter::open(&path, 0, 1.0).unwrap();
        writer.scalars(300, 2.0, &[("eval/return", -1.5)]).unwrap();
        let (kept, before) = (writer.bytes(), std::fs::read(&path).unwrap());
        writer.scalars(600, 3.0, &[("eval/return", -1.0)]).unwrap();
        let again = EventWriter::open(&path, kept, 9.0).unwrap();
        assert_eq!((again.bytes(), std::fs::read(&path).unwrap()), (kept, before));

        // A deleted file has nothing to go on from: it starts as a new one does.
        std::fs::remove_file(&path).unwrap();
        let anew = EventWriter::open(&path, kept, 9.0).unwrap();
        assert!(anew.bytes() < kept);
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(
            (bytes.len() as u64, &bytes[21..36]),
            (anew.bytes(), &b"\x1a\x0dbrain.Event:2"[..])
        );
    }
}
