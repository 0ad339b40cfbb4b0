//! Saves of a fine-tuning: what it takes to go on after a kill or a power cut.

use super::agreed::Agreed;
use super::tell;
use crate::EdgeError;
use lacewing_formats::artifact::check_folder;
use lacewing_runtime::learn::{AnyAgent, Learner, Replay, Resume};
use lacewing_runtime::store::{
    Entry, Folder, FolderError, Image, Layout, MOST_OWN, State, Store, StoreError,
};
use lacewing_runtime::telemetry::Event;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// Bytes that are written at once: the memory that saving takes.
pub const PIECE: usize = 1 << 14;
/// Between two looks whether the disk has done what it was asked for.
const NAP: Duration = Duration::from_millis(1);

/// What kind of session the slots hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// In episodes, with a `Progress`.
    Episodes = 1,
    /// Live, with a `Position`.
    Live = 2,
}

/// A folder of saves for one session.
pub struct Saves {
    folder: PathBuf,
    store: Store<Folder>,
    kind: Kind,
    piece: Vec<u8>,
    agreed: Agreed,
    every: u64,
    /// Step from which on the next save is due.
    due: u64,
    /// Bytes of the last save.
    bytes: u64,
    /// The save on its way.
    writing: Option<Writing>,
}

/// A save on its way.
struct Writing {
    image: Image,
    /// Whether the slot is erased, and its pieces are being written.
    erased: bool,
}

/// What has become of a save after a step of it.
pub enum Step {
    /// The next piece can be written.
    More,
    /// The disk has not yet done what it was asked for.
    Wait,
    /// It is whole.
    Done,
}

impl Saves {
    /// The saves in `folder`, of which one is made every so many steps.
    ///
    /// # Errors
    /// [`EdgeError::Store`], [`EdgeError::Save`].
    pub fn open(folder: &Path, kind: Kind, agreed: Agreed, every: u64) -> Result<Self, EdgeError> {
        check_folder(folder)?;
        let mut piece = vec![0; PIECE];
        let storage = Folder::open(folder).map_err(StoreError::Storage)?;
        // A control loop does not wait for the disk.
        let storage = if kind == Kind::Live { storage.in_background() } else { storage };
        let store = Store::open(storage, &mut piece)?;
        let whole = store.newest().is_some();
        for (name, state) in ["slot-a", "slot-b"].into_iter().zip(store.found()) {
            if state == State::Damaged {
                let then =
                    if whole { "going on from the save before" } else { "no other is whole" };
                tell(format_args!("{} is damaged: {then}", folder.join(name).display()));
            }
        }
        if !whole {
            tell(format_args!(
                "{} holds no session: starting from the policy file",
                folder.display()
            ));
        }
        let (folder, writing) = (folder.to_path_buf(), None);
        Ok(Self { folder, store, kind, piece, agreed, every, due: every, bytes: 0, writing })
    }

    /// The newest save, if there is any, with how far it was.
    ///
    /// # Errors
    /// [`EdgeError::OtherSession`] if it is of another policy or of other options.
    pub fn newest<P: DeserializeOwned>(&mut self) -> Result<Option<Saved<'_, P>>, EdgeError> {
        let Some(&entry) = self.store.newest() else { return Ok(None) };
        if entry.kind != self.kind as u16 {
            return Err(self.other("--learning (in episodes or live)"));
        }
        let mut head = [0; Layout::HEAD_BYTES];
        self.store.read(&entry, 0, &mut head, &mut self.piece)?;
        let layout = Layout::new(&head, entry.length as usize)?;
        let mut own = [0; MOST_OWN];
        let own = &mut own[..layout.own.len()];
        self.store.read(&entry, layout.own.start, own, &mut self.piece)?;
        let (agreed, progress): (Agreed, P) =
            postcard::from_bytes(own).map_err(|_| self.other("layout"))?;
        if let Some(what) = agreed.difference(&self.agreed) {
            return Err(self.other(what));
        }
        Ok(Some(Saved { saves: self, entry, layout, progress }))
    }

    fn other(&self, what: &'static str) -> EdgeError {
        EdgeError::OtherSession { folder: self.folder.clone(), what }
    }

    /// Whether it is time for a save after `step` steps: at an episode's end, or anywhere if there was none for
    /// long.
    pub fn is_due(&self, step: u64, within: bool) -> bool {
        step >= if within { self.due + self.every } else { self.due }
    }

    /// Whether a save is on its way: agent and replay must stay as they are.
    pub fn is_saving(&self) -> bool {
        self.writing.is_some()
    }

    /// Begins a save of a session that is so far after `step` steps.
    pub fn begin<P: Serialize>(
        &mut self,
        step: u64,
        progress: &P,
        agent: &AnyAgent<'_>,
        replay: &Replay<'_>,
    ) {
        // Also where it fails: the next try is not before its time.
        self.due = step + self.every;
        let mut own = [0; MOST_OWN];
        // A dozen numbers of at most 10 bytes.
        let own = postcard::to_slice(&(self.agreed, progress), &mut own).unwrap_or_default();
        self.writing = Some(Writing { image: Image::new(own, replay, agent), erased: false });
    }

    /// Takes a step of the save that is on its way; what was saved before stays until this is whole.
    ///
    /// # Errors
    /// [`StoreError`]; the save is given up then.
    pub fn step(
        &mut self,
        agent: &AnyAgent<'_>,
        replay: &Replay<'_>,
    ) -> Result<Step, StoreError<FolderError>> {
        let Some(mut writing) = self.writing.take() else { return Ok(Step::Done) };
        let length = writing.image.bytes();
        if !writing.erased {
            writing.erased = self.store.erase(length)?;
            if writing.erased {
                self.store.begin(self.kind as u16, length)?;
            }
        } else {
            let fill = |offset, bytes: &mut [u8]| {
                writing.image.read(replay, agent, offset as usize, bytes)
            };
            if self.store.step(&mut self.piece, fill)? {
                self.bytes = length as u64;
                return Ok(Step::Done);
            }
        }
        self.writing = Some(writing);
        Ok(if self.store.waits() { Step::Wait } else { Step::More })
    }

    /// Saves in one go.
    ///
    /// # Errors
    /// As [`Saves::step`].
    pub fn save<P: Serialize>(
        &mut self,
        step: u64,
        progress: &P,
        agent: &AnyAgent<'_>,
        replay: &Replay<'_>,
    ) -> Result<(), StoreError<FolderError>> {
        self.begin(step, progress, agent, replay);
        loop {
            match self.step(agent, replay)? {
                Step::More => {}
                Step::Wait => thread::sleep(NAP),
                Step::Done => return Ok(()),
            }
        }
    }

    /// Warns where a save failed, after which learning goes on, since the last one is still good. Returns what
    /// there is to record.
    pub fn tell(&self, saved: Result<(), StoreError<FolderError>>) -> Event {
        match saved {
            Ok(()) => {
                let sequence = self.store.newest().map_or(0, |newest| newest.sequence);
                Event::Save { sequence, bytes: self.bytes }
            }
            Err(error) => {
                crate::warn(format_args!("the session is not saved: {error}; learning goes on"));
                Event::SaveFailed
            }
        }
    }
}

/// A save that is to be gone on from.
pub struct Saved<'s, P> {
    saves: &'s mut Saves,
    entry: Entry,
    layout: Layout,
    progress: P,
}

impl<P> Saved<'_, P> {
    /// How far it was.
    pub fn progress(&self) -> &P {
        &self.progress
    }

    /// Makes agent and replay what they were, after `step` steps.
    ///
    /// # Errors
    /// [`EdgeError::Store`], [`EdgeError::Resume`], [`EdgeError::Replay`].
    pub fn restore(
        &mut self,
        step: u64,
        agent: &mut AnyAgent<'_>,
        replay: &mut Replay<'_>,
    ) -> Result<(), EdgeError> {
        let mut section = vec![0; self.layout.resume.len()];
        self.read(self.layout.resume.start, &mut section)?;
        Resume::parse(&section)?.go_on(agent)?;
        let start = self.layout.replay.start;
        replay.load(self.layout.replay.len(), |offset, bytes| self.read(start + offset, bytes))?;
        self.saves.due = step + self.saves.every;
        let (sequence, folder) = (self.entry.sequence, self.saves.folder.display());
        tell(format_args!("going on from step {step}, save {sequence} in {folder}"));
        Ok(())
    }

    fn read(&mut self, offset: usize, bytes: &mut [u8]) -> Result<(), EdgeError> {
        let Saves { store, piece, .. } = &mut *self.saves;
        Ok(store.read(&self.entry, offset, bytes, piece)?)
    }
}

/// Ends the episode in which a save was made: what happened between the save and now, nobody knows.
pub fn cut(agent: &mut AnyAgent<'_>, replay: &mut Replay<'_>) {
    replay.cut();
    agent.reward(0.0, true);
}
