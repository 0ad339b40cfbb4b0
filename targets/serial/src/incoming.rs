//! A policy on its way into the slot that does not run.

use crate::message::{MOST_CHUNK, Refusal};
use core::fmt::{Debug, Display};
use lacewing_runtime::store::{Slot, Standing, Storage, StoreError, Trial, UNIT};

/// What a slot's payload is, for [`Storage`].
const KIND: u16 = 1;
/// A policy file begins at a multiple of 64, behind a slot's header and as many bytes of nothing.
pub const FILE_AT: usize = 2 * UNIT;

/// The slots, and a policy file on its way into one of them.
#[derive(Debug)]
pub struct Incoming<S> {
    slots: Trial<S>,
    receiving: Option<Receiving>,
}

#[derive(Clone, Copy, Debug)]
struct Receiving {
    slot: Slot,
    bytes: u32,
    written: u32,
}

impl<S: Storage<Error: Debug + Display>> Incoming<S> {
    pub fn new(slots: Trial<S>) -> Self {
        Self { slots, receiving: None }
    }

    /// A policy of so many bytes comes.
    pub fn begin(&mut self, bytes: u32) -> Result<(), Refusal> {
        self.receiving = None;
        let most = self.slots.most() - UNIT as u32;
        if bytes > most {
            return Err(Refusal::Room { most });
        }
        let slot = self.slots.begin(KIND, UNIT as u32 + bytes).map_err(failed)?;
        self.slots.write(&mut [0; UNIT], |_, bytes| bytes.fill(0)).map_err(failed)?;
        self.receiving = Some(Receiving { slot, bytes, written: 0 });
        Ok(())
    }

    /// The next bytes of it.
    pub fn chunk(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Refusal> {
        let receiving = self.receiving.as_mut().ok_or(Refusal::NotReceiving)?;
        let Receiving { written, bytes: total, .. } = *receiving;
        if offset != written {
            return Err(Refusal::Offset { expected: written });
        }
        let (length, left) = (bytes.len(), (total - written) as usize);
        let whole = length.is_multiple_of(UNIT) || length == left;
        if bytes.is_empty() || length > left.min(MOST_CHUNK) || !whole {
            return Err(Refusal::ChunkLength);
        }
        let mut piece = [0; MOST_CHUNK];
        let piece = &mut piece[..length.next_multiple_of(UNIT)];
        let fill = |_, to: &mut [u8]| to.copy_from_slice(bytes);
        if let Err(error) = self.slots.write(piece, fill) {
            self.receiving = None;
            return Err(failed(error));
        }
        receiving.written += length as u32;
        Ok(())
    }

    /// It is whole, and `check` finds it good.
    pub fn finish(
        &mut self,
        check: impl FnOnce(Slot, u32) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let Receiving { slot, bytes, written } = self.receiving.ok_or(Refusal::NotReceiving)?;
        if written < bytes {
            return Err(Refusal::Offset { expected: written });
        }
        self.receiving = None;
        check(slot, bytes)?;
        self.slots.finish(&mut [0; UNIT]).map_err(failed)
    }

    /// The policy that runs, which is on trial, is given up; from the next start on the one before it runs.
    pub fn revert(&mut self) -> Result<(), Refusal> {
        match self.slots.running() {
            Some((_, Standing::OnTrial(_))) => self.slots.give_up().map_err(failed),
            _ => Err(Refusal::NotOnTrial),
        }
    }

    /// The policy that runs stays.
    pub fn confirm(&mut self) -> Result<(), Refusal> {
        self.slots.confirm().map(|_| ()).map_err(failed)
    }
}

fn failed<E: Debug + Display>(error: StoreError<E>) -> Refusal {
    match error {
        StoreError::OnTrial => Refusal::OnTrial,
        _ => Refusal::Flash,
    }
}

/// Bytes in pieces of any length as chunks.
#[derive(Debug)]
pub struct Chunks {
    bytes: heapless::Vec<u8, MOST_CHUNK>,
    at: u32,
}

impl Chunks {
    pub fn new() -> Self {
        Self { bytes: heapless::Vec::new(), at: 0 }
    }

    /// Takes some, and writes what is a chunk.
    pub fn put<S: Storage<Error: Debug + Display>>(
        &mut self,
        mut bytes: &[u8],
        into: &mut Incoming<S>,
    ) -> Result<(), Refusal> {
        while !bytes.is_empty() {
            let (now, rest) = bytes.split_at(bytes.len().min(MOST_CHUNK - self.bytes.len()));
            // As many as there is room for.
            self.bytes.extend_from_slice(now).map_err(|_| Refusal::ChunkLength)?;
            bytes = rest;
            if self.bytes.is_full() {
                self.flush(into)?;
            }
        }
        Ok(())
    }

    /// Writes what is left.
    pub fn flush<S: Storage<Error: Debug + Display>>(
        &mut self,
        into: &mut Incoming<S>,
    ) -> Result<(), Refusal> {
        if !self.bytes.is_empty() {
            into.chunk(self.at, &self.bytes)?;
            self.at += self.bytes.len() as u32;
            self.bytes.clear();
        }
        Ok(())
    }
}
