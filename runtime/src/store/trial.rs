//! Two slots of what must never be lost by a bad replacement: what is new is on trial until it is confirmed.
//!
//! A new payload goes into the slot that does not run. From the next start on it runs, and each start is counted in
//! flash before it; confirmed in time it stays, else its slot is given up and the one before it runs again. So
//! a payload that crashes, hangs or cannot be talked to ends by itself, and a power cut at any instant leaves one of
//! both. Marks are units that are written once, at the end of a slot:
//!
//! | unit from the end | when written |
//! |---|---|
//! | 1 | confirmed |
//! | 2 to 4 | a start on trial |

use super::{Entry, Slot, Storage, Store, StoreError, UNIT};
use core::fmt::{Debug, Display};

/// Starts that a payload has to be confirmed in.
pub const TRIAL_STARTS: u8 = 3;
const CONFIRMED: u32 = 1;
const MARKS: u32 = CONFIRMED + TRIAL_STARTS as u32;
const MARK: [u8; UNIT] = [0; UNIT];
const ERASED: [u8; UNIT] = [0xFF; UNIT];

/// How far the payload that runs is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It stays.
    Confirmed,
    /// It has so many more starts to be confirmed in.
    OnTrial(u8),
}

/// Two slots, the newest of which runs.
#[derive(Debug)]
pub struct Trial<S> {
    store: Store<S>,
    running: Option<(Slot, Standing)>,
}

impl<S: Storage<Error: Debug + Display>> Trial<S> {
    /// Decides what runs, and counts the start of what is on trial. Both of [`Trial::running`] are for this start.
    ///
    /// # Errors
    /// [`StoreError`].
    ///
    /// # Panics
    /// If the length of `piece` is 0 or no multiple of [`UNIT`].
    pub fn start(storage: S, piece: &mut [u8]) -> Result<Self, StoreError<S::Error>> {
        let mut trial = Self { store: Store::open(storage, piece)?, running: None };
        while let Some(Entry { slot, .. }) = trial.store.newest().copied() {
            let standing = trial.count(slot)?;
            trial.running = standing.map(|standing| (slot, standing));
            if standing.is_some() {
                break;
            }
            trial.store.give_up_newest()?;
        }
        Ok(trial)
    }

    /// What runs since the start, if anything does, and how far it is trusted.
    pub fn running(&self) -> Option<(Slot, Standing)> {
        self.running
    }

    /// Gives up what was to run, as it cannot; what is in the other slot runs from the next start on.
    ///
    /// # Errors
    /// The storage's own.
    pub fn give_up(&mut self) -> Result<(), StoreError<S::Error>> {
        match self.running.take() {
            Some((slot, _)) if self.store.newest().is_some_and(|newest| newest.slot == slot) => {
                self.store.give_up_newest()
            }
            _ => Ok(()),
        }
    }

    /// Where the newest payload is; behind its first [`UNIT`] bytes.
    pub fn newest(&self) -> Option<&Entry> {
        self.store.newest()
    }

    /// Most bytes of a payload.
    pub fn most(&self) -> u32 {
        self.store.storage().capacity().saturating_sub((1 + MARKS) * UNIT as u32)
    }

    /// Makes room for a payload of `length` bytes in the slot that does not run, and begins it. One that waits
    /// there for the next start is given up. Returns the slot.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Room`] beyond [`Trial::most`], [`StoreError::OnTrial`] while what runs is not
    /// confirmed, as the other slot has what it gives way to.
    pub fn begin(&mut self, kind: u16, length: u32) -> Result<Slot, StoreError<S::Error>> {
        let (most, capacity) = (self.most(), self.store.storage().capacity());
        if length > most {
            let needed = u64::from(length) + u64::from(capacity - most);
            return Err(StoreError::Room { needed, capacity });
        }
        if matches!(self.running, Some((_, Standing::OnTrial(_)))) {
            return Err(StoreError::OnTrial);
        }
        let waits = |newest: &Entry| self.running.is_none_or(|(slot, _)| slot != newest.slot);
        while self.store.newest().is_some_and(waits) {
            self.store.give_up_newest()?;
        }
        // All of the slot, marks included.
        while !self.store.erase((capacity - UNIT as u32) as usize)? {}
        self.store.begin(kind, length as usize)?;
        Ok(self.store.spare())
    }

    /// Writes the next bytes of the payload, as many as fit into `piece`; see [`Store::step`].
    ///
    /// # Errors
    /// The storage's own; the payload is given up then.
    ///
    /// # Panics
    /// If none has begun.
    pub fn write(
        &mut self,
        piece: &mut [u8],
        fill: impl FnOnce(u32, &mut [u8]),
    ) -> Result<(), StoreError<S::Error>> {
        self.store.step(piece, fill).map(|_| ())
    }

    /// Ends a payload that is written: it runs from the next start on.
    ///
    /// # Errors
    /// The storage's own; the payload is given up then.
    ///
    /// # Panics
    /// If none is whole.
    pub fn finish(&mut self, piece: &mut [u8]) -> Result<(), StoreError<S::Error>> {
        while !self.store.step(piece, |_, _| panic!("the payload is not whole"))? {}
        Ok(())
    }

    /// What runs stays. `false` where nothing does.
    ///
    /// # Errors
    /// The storage's own.
    pub fn confirm(&mut self) -> Result<bool, StoreError<S::Error>> {
        let Some((slot, standing)) = self.running else { return Ok(false) };
        if standing != Standing::Confirmed {
            let at = self.mark(CONFIRMED);
            self.store.storage_mut().write(slot, at, &MARK)?;
            self.running = Some((slot, Standing::Confirmed));
        }
        Ok(true)
    }

    /// How far the payload of `slot` is trusted in the start that is counted by this; `None` where all of its
    /// starts are used up.
    fn count(&mut self, slot: Slot) -> Result<Option<Standing>, StoreError<S::Error>> {
        // Torn, it is as good as not there.
        if self.read(slot, CONFIRMED)? == MARK {
            return Ok(Some(Standing::Confirmed));
        }
        for start in 1..=TRIAL_STARTS {
            let number = CONFIRMED + u32::from(start);
            if self.read(slot, number)? == ERASED {
                let at = self.mark(number);
                self.store.storage_mut().write(slot, at, &MARK)?;
                return Ok(Some(Standing::OnTrial(TRIAL_STARTS - start)));
            }
        }
        Ok(None)
    }

    fn read(&mut self, slot: Slot, number: u32) -> Result<[u8; UNIT], StoreError<S::Error>> {
        let (at, mut mark) = (self.mark(number), [0; UNIT]);
        self.store.storage_mut().read(slot, at, &mut mark)?;
        Ok(mark)
    }

    /// Where the `number`-th unit from a slot's end is.
    fn mark(&self, number: u32) -> u32 {
        self.store.storage().capacity() - number * UNIT as u32
    }
}
