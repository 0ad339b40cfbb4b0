//! Finding the newest save and writing the next one, step by step.

use super::header::{Entry, Head, State, VERSION};
use super::{Slot, Storage, UNIT};
use core::fmt::{Debug, Display};
use crc32fast::Hasher;
use thiserror::Error;

/// Why saves cannot be read or written; what was saved before is as good as it was.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum StoreError<E: Debug + Display> {
    /// The storage's own.
    #[error("{0}")]
    Storage(E),
    /// A slot was written by another version.
    #[error(
        "slot {} is of layout {found}, this program has {VERSION}: use the program that wrote it, or \
         another place for saves",
        slot.name()
    )]
    Version {
        /// Which.
        slot: Slot,
        /// The layout it claims.
        found: u16,
    },
    /// A save is larger than a slot.
    #[error(
        "a save takes {needed} bytes and a slot has {capacity}: give it more or keep a smaller replay"
    )]
    Room {
        /// Bytes of the save, its header included.
        needed: u64,
        /// Bytes of a slot.
        capacity: u32,
    },
    /// What runs is on trial, and the other slot has what runs if it fails.
    #[error("what runs is on trial: confirm it or give it up before another comes")]
    OnTrial,
}

impl<E: Debug + Display> From<E> for StoreError<E> {
    fn from(error: E) -> Self {
        Self::Storage(error)
    }
}

/// Where a save is on its way.
#[derive(Debug)]
enum Phase {
    /// Nothing is being saved.
    Idle,
    /// The slot is erased up to here.
    Erasing(u32),
    /// So many bytes of payload are written.
    Payload(u32, Hasher),
    /// The payload is whole, but may not last yet.
    Lasting(Hasher),
    /// The header is written, but may not last yet.
    Closing(Entry),
}

/// Two slots of saves, and at most one save under way.
#[derive(Debug)]
pub struct Store<S> {
    storage: S,
    found: [State; 2],
    /// The whole save of each slot.
    good: [Option<Entry>; 2],
    newest: Option<Entry>,
    phase: Phase,
    /// Payload and kind of the save under way.
    next: (u32, u16),
}

impl<S: Storage<Error: Debug + Display>> Store<S> {
    /// Looks for the newest whole save in `storage`, reading all of it by way of `piece`. A slot that cannot
    /// be read counts as damaged where the other one is good.
    ///
    /// # Errors
    /// [`StoreError`]: of another version, or nothing good was found and not all could be read.
    ///
    /// # Panics
    /// If the length of `piece` is 0 or no multiple of [`UNIT`].
    pub fn open(mut storage: S, piece: &mut [u8]) -> Result<Self, StoreError<S::Error>> {
        assert_piece(piece);
        let mut found = [State::Empty; 2];
        let mut unread = None;
        for (slot, state) in Slot::ALL.into_iter().zip(&mut found) {
            *state = match look(&mut storage, slot, piece) {
                Err(StoreError::Storage(error)) => {
                    unread = Some(error);
                    State::Damaged
                }
                looked => looked?,
            };
        }
        let good = found.map(|state| match state {
            State::Good(entry) => Some(entry),
            _ => None,
        });
        let newest = newest(&good);
        match unread {
            Some(error) if newest.is_none() => Err(StoreError::Storage(error)),
            _ => Ok(Self { storage, found, good, newest, phase: Phase::Idle, next: (0, 0) }),
        }
    }

    /// What each slot held when it was opened.
    pub fn found(&self) -> [State; 2] {
        self.found
    }

    /// The newest save.
    pub fn newest(&self) -> Option<&Entry> {
        self.newest.as_ref()
    }

    /// The storage behind it.
    pub fn storage(&self) -> &S {
        &self.storage
    }

    /// The same, for what its owner keeps beside the saves.
    pub(super) fn storage_mut(&mut self) -> &mut S {
        &mut self.storage
    }

    /// Makes an end of the newest save: what is in the other slot, if it is whole, is the newest then. A save
    /// under way is given up.
    ///
    /// # Errors
    /// The storage's own.
    pub(super) fn give_up_newest(&mut self) -> Result<(), StoreError<S::Error>> {
        self.phase = Phase::Idle;
        if let Some(entry) = self.newest {
            self.storage.erase(entry.slot, 0)?;
            self.good[entry.slot as usize] = None;
            self.newest = newest(&self.good);
        }
        Ok(())
    }

    /// Fills `bytes` from the payload of `entry`, from `offset` on, by way of `piece`.
    ///
    /// # Errors
    /// The storage's own.
    ///
    /// # Panics
    /// If the length of `piece` is 0 or no multiple of [`UNIT`].
    pub fn read(
        &mut self,
        entry: &Entry,
        mut offset: usize,
        mut bytes: &mut [u8],
        piece: &mut [u8],
    ) -> Result<(), StoreError<S::Error>> {
        assert_piece(piece);
        while !bytes.is_empty() {
            let skip = offset % UNIT;
            let count = bytes.len().min(piece.len() - skip);
            let piece = &mut piece[..(skip + count).next_multiple_of(UNIT)];
            self.storage.read(entry.slot, (UNIT + offset - skip) as u32, piece)?;
            let (now, rest) = bytes.split_at_mut(count);
            now.copy_from_slice(&piece[skip..][..count]);
            (offset, bytes) = (offset + count, rest);
        }
        Ok(())
    }

    /// Erases a part of the slot that the next save goes into; `true` once there is room for `length` bytes
    /// of payload. What is saved may still change: the picture is taken after this, by
    /// [`Store::begin`]. A save under way is given up.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn erase(&mut self, length: usize) -> Result<bool, StoreError<S::Error>> {
        let needed = self.needed(length)?;
        let slot = self.spare();
        let erased = match self.phase {
            Phase::Erasing(erased) => erased,
            _ => 0,
        };
        if erased >= needed {
            return Ok(true);
        }
        // If this fails, erasing starts afresh.
        self.phase = Phase::Idle;
        self.good[slot as usize] = None;
        let erased = self.storage.erase(slot, erased)?;
        self.phase = Phase::Erasing(erased);
        Ok(erased >= needed)
    }

    /// Begins a save of `length` bytes of payload of this kind. From now on until it is done the payload must
    /// not change.
    ///
    /// # Errors
    /// [`StoreError::Room`].
    ///
    /// # Panics
    /// If [`Store::erase`] has not made room for it.
    pub fn begin(&mut self, kind: u16, length: usize) -> Result<(), StoreError<S::Error>> {
        let needed = self.needed(length)?;
        let ready = matches!(self.phase, Phase::Erasing(erased) if erased >= needed);
        assert!(ready, "the slot is not erased yet");
        self.next = (length as u32, kind);
        self.phase = Phase::Payload(0, Hasher::new());
        Ok(())
    }

    /// Whether a save has begun and is not done.
    pub fn is_saving(&self) -> bool {
        matches!(self.phase, Phase::Payload(..) | Phase::Lasting(_) | Phase::Closing(_))
    }

    /// Does the next step of a save that has begun: writes at most as much as `piece` holds, which `fill`
    /// is asked to fill with the payload from an offset on. `true` once the save is done and would survive
    /// a power cut.
    ///
    /// # Errors
    /// The storage's own. The save is given up then, and the one before it is still the newest.
    ///
    /// # Panics
    /// If no save has begun, or the length of `piece` is 0 or no multiple of [`UNIT`].
    pub fn step(
        &mut self,
        piece: &mut [u8],
        fill: impl FnOnce(u32, &mut [u8]),
    ) -> Result<bool, StoreError<S::Error>> {
        assert_piece(piece);
        let (length, kind) = self.next;
        let slot = self.spare();
        self.phase = match core::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Idle | Phase::Erasing(_) => panic!("no save has begun"),
            Phase::Payload(written, mut hasher) if written < length => {
                let count = piece.len().min((length - written) as usize);
                let piece = &mut piece[..count.next_multiple_of(UNIT)];
                let (payload, padding) = piece.split_at_mut(count);
                fill(written, payload);
                padding.fill(0xFF);
                hasher.update(payload);
                self.storage.write(slot, UNIT as u32 + written, piece)?;
                Phase::Payload(written + count as u32, hasher)
            }
            Phase::Payload(_, hasher) | Phase::Lasting(hasher) => {
                // The header must not be there before the payload is.
                if self.storage.sync(slot)? {
                    let sequence = self.newest.map_or(0, |newest| newest.sequence) + 1;
                    let crc = hasher.finalize();
                    let entry = Entry { slot, kind, length, sequence, crc };
                    self.storage.write(slot, 0, &entry.encode())?;
                    Phase::Closing(entry)
                } else {
                    Phase::Lasting(hasher)
                }
            }
            Phase::Closing(entry) => {
                if self.storage.sync(slot)? {
                    self.newest = Some(entry);
                    self.good[slot as usize] = Some(entry);
                    return Ok(true);
                }
                Phase::Closing(entry)
            }
        };
        Ok(false)
    }

    /// Whether the next [`Store::step`] only asks the storage whether it has done what it was asked for.
    pub fn waits(&self) -> bool {
        matches!(self.phase, Phase::Lasting(_) | Phase::Closing(_))
    }

    /// Saves in one go.
    ///
    /// # Errors
    /// [`StoreError`].
    ///
    /// # Panics
    /// If the length of `piece` is 0 or no multiple of [`UNIT`].
    pub fn save(
        &mut self,
        kind: u16,
        length: usize,
        piece: &mut [u8],
        mut fill: impl FnMut(u32, &mut [u8]),
    ) -> Result<(), StoreError<S::Error>> {
        while !self.erase(length)? {}
        self.begin(kind, length)?;
        while !self.step(piece, &mut fill)? {}
        Ok(())
    }

    /// The slot that the next save goes into: never the newest.
    pub(super) fn spare(&self) -> Slot {
        self.newest.map_or(Slot::A, |newest| newest.slot.other())
    }

    /// Bytes of a slot that a payload takes.
    fn needed(&self, length: usize) -> Result<u32, StoreError<S::Error>> {
        let (needed, capacity) = (padded(length as u64), self.storage.capacity());
        if needed > u64::from(capacity) {
            return Err(StoreError::Room { needed, capacity });
        }
        Ok(needed as u32)
    }
}

fn newest(good: &[Option<Entry>; 2]) -> Option<Entry> {
    good.iter().flatten().max_by_key(|entry| entry.sequence).copied()
}

fn assert_piece(piece: &[u8]) {
    assert!(!piece.is_empty() && piece.len().is_multiple_of(UNIT), "a piece of whole units");
}

/// Bytes of a slot with so many of payload.
fn padded(length: u64) -> u64 {
    (length + UNIT as u64).next_multiple_of(UNIT as u64)
}

fn look<S: Storage<Error: Debug + Display>>(
    storage: &mut S,
    slot: Slot,
    piece: &mut [u8],
) -> Result<State, StoreError<S::Error>> {
    let mut head = [0; UNIT];
    storage.read(slot, 0, &mut head)?;
    let entry = match Head::decode(slot, &head) {
        Head::Empty => return Ok(State::Empty),
        Head::Damaged => return Ok(State::Damaged),
        Head::Foreign(found) => return Err(StoreError::Version { slot, found }),
        Head::Good(entry) => entry,
    };
    if padded(entry.length.into()) > storage.capacity().into() {
        return Ok(State::Damaged);
    }
    let (mut read, mut hasher) = (0, Hasher::new());
    while read < entry.length {
        let count = piece.len().min((entry.length - read) as usize);
        let piece = &mut piece[..count.next_multiple_of(UNIT)];
        storage.read(slot, UNIT as u32 + read, piece)?;
        hasher.update(&piece[..count]);
        read += count as u32;
    }
    let whole = hasher.finalize() == entry.crc;
    Ok(if whole { State::Good(entry) } else { State::Damaged })
}
