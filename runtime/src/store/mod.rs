//! Saves that a power cut at any instant cannot lose: two slots, of which the newest valid one counts.
//!
//! A save goes into the slot that is not the newest: the slot is erased, the payload written and made to
//! last, and only then the header is written. So whenever the power goes, the newest slot is whole, and the
//! other one is whole or does not count:
//!
//! | bytes | hold |
//! |---|---|
//! | 0..8 | `LACESLOT` |
//! | 8..10 | layout of the slot, 1 |
//! | 10..12 | kind of payload, the caller's |
//! | 12..16 | bytes of payload |
//! | 16..24 | sequence number: the newer save has the larger one |
//! | 24..28 | CRC-32 of the payload |
//! | 28..32 | CRC-32 of bytes 0..28 |
//! | 32.. | payload, padded with 0xFF to a multiple of [`UNIT`] |
//!
//! All little-endian. [`Store`] does it step by step, so that a save fits into the slack of a control loop:
//! first one block erased a step, then one piece written a step. What is saved is told by a
//! closure that fills a piece, such as [`Image::read`]; it must not change on the way. So learning pauses
//! while the pieces are written (the slack goes to the save) and the control loop goes on acting.
//!
//! [`Trial`] puts policies into the same slots, and what is new there must be confirmed.
//!
//! | [`Storage`] | is |
//! |---|---|
//! | [`Flash`] | pages of raw flash, behind `embedded_storage`'s `NorFlash` |
//! | `Folder` (feature `std`) | two files in a folder |

mod flash;
#[cfg(feature = "std")]
mod folder;
mod header;
mod image;
mod saving;
mod trial;

pub use flash::{Flash, FlashError};
#[cfg(feature = "std")]
pub use folder::{Folder, FolderError};
pub use header::{Entry, State};
pub use image::{Image, ImageError, Layout, MOST_OWN};
pub use saving::{Store, StoreError};
pub use trial::{Standing, TRIAL_STARTS, Trial};

/// Reads and writes begin at, and are long, multiples of this many bytes: a whole number of words of every
/// flash there is.
pub const UNIT: usize = 32;

/// One of the two slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// The first.
    A,
    /// The second.
    B,
}

impl Slot {
    /// Both.
    pub const ALL: [Self; 2] = [Self::A, Self::B];

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// Its letter.
    pub fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
        }
    }
}

/// Memory of two slots that outlives a power cut. Offsets are from a slot's start; they and lengths are
/// multiples of [`UNIT`].
pub trait Storage {
    /// Why it may fail.
    type Error;

    /// Bytes of a slot.
    fn capacity(&self) -> u32;

    /// Fills `bytes` from a slot; 0xFF where nothing was written.
    ///
    /// # Errors
    /// The storage's own.
    fn read(&mut self, slot: Slot, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error>;

    /// Makes the slot writable from `offset` up to the offset that it returns, which is the least that
    /// can be erased at once. What was there is gone.
    ///
    /// # Errors
    /// The storage's own.
    fn erase(&mut self, slot: Slot, offset: u32) -> Result<u32, Self::Error>;

    /// Writes where it was erased, once.
    ///
    /// # Errors
    /// The storage's own.
    fn write(&mut self, slot: Slot, offset: u32, bytes: &[u8]) -> Result<(), Self::Error>;

    /// Whether all that was written to the slot would by now survive a power cut; if not, it is under
    /// way.
    ///
    /// # Errors
    /// The storage's own.
    fn sync(&mut self, slot: Slot) -> Result<bool, Self::Error>;
}
