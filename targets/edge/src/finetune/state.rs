//! The saved session of a fine-tuning: what it takes to go on after a kill or a power cut.

use super::{Options, tell};
use crate::EdgeError;
use lacewing_formats::artifact::{AlignedBytes, PolicyView};
use lacewing_runtime::learn::session::Position;
use lacewing_runtime::learn::{
    Adapt, AnyAgent, Learner, Replay, ReplayValues, Score, TuningTopology,
};
use lacewing_runtime::store::{
    Entry, Folder, FolderError, Image, Layout, MOST_OWN, State, Store, StoreError,
};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What the slots hold: a fine-tuning of this layout.
const KIND: u16 = 1;
/// Bytes that are written at once: the memory that saving takes.
pub const PIECE: usize = 1 << 14;

/// What decides, beside the policy and the environment, what comes out of a session.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Agreed {
    /// CRC-32 of the policy file.
    policy: u32,
    seed: u64,
    replay: u64,
    warm_up: u64,
    noise: Option<f32>,
    topology: TuningTopology,
    replay_values: ReplayValues,
    replay_half_life: Option<u32>,
    adapt: Adapt,
    episodes: u64,
    evaluate_every: u64,
}

impl Agreed {
    /// Those of this command line, and of a policy file's bytes.
    pub fn new(options: &Options, policy: &[u8]) -> Self {
        Self {
            policy: crc32fast::hash(policy),
            seed: options.seed,
            replay: options.replay as u64,
            warm_up: options.warm_up,
            noise: options.noise,
            topology: options.topology,
            replay_values: options.replay_values,
            replay_half_life: options.replay_half_life,
            adapt: options.adapt(),
            episodes: options.episodes,
            evaluate_every: options.evaluate_every,
        }
    }

    /// CRC-32 of the policy file.
    pub fn policy(&self) -> u32 {
        self.policy
    }

    /// What of it another session has otherwise.
    fn difference(&self, other: &Self) -> Option<&'static str> {
        let differs = [
            (self.policy != other.policy, "policy file"),
            (self.seed != other.seed, "--seed"),
            (self.replay != other.replay, "--replay"),
            (self.warm_up != other.warm_up, "--warm-up"),
            (self.noise != other.noise, "--noise"),
            (self.topology != other.topology, "--topology"),
            (self.replay_values != other.replay_values, "--replay-values"),
            (self.replay_half_life != other.replay_half_life, "--replay-half-life"),
            (self.adapt.policy_after != other.adapt.policy_after, "--critics-first"),
            (self.adapt.stay_near != other.adapt.stay_near, "--stay-near"),
            (self.adapt != other.adapt, "--adapt"),
            (self.episodes != other.episodes, "--episodes"),
            (self.evaluate_every != other.evaluate_every, "--evaluate-every"),
        ];
        differs.into_iter().find_map(|(differs, what)| differs.then_some(what))
    }
}

/// How far a session is.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Progress {
    /// Steps of learning.
    pub step: u64,
    /// Finished episodes of learning.
    pub episodes: u64,
    /// Whether it was saved within an episode, whose rest is then lost.
    pub within: bool,
    /// How well the policy did that it began from.
    pub frozen: Score,
    /// Mean return of the best evaluation, whose policy is in the output file.
    pub best: Option<f64>,
    /// Step from which on the next evaluation is due.
    pub due: u64,
    /// Step of the last one.
    pub evaluated: Option<u64>,
}

impl Progress {
    /// Nothing has been learned yet by a policy that does so well.
    pub fn new(frozen: Score) -> Self {
        let (step, episodes, within, best, due, evaluated) = (0, 0, false, None, 0, None);
        Self { step, episodes, within, frozen, best, due, evaluated }
    }

    /// Where the learning loop stands.
    pub fn position(&self) -> Position {
        Position { step: self.step, episodes: self.episodes }
    }
}

/// A folder of saves for one session.
pub struct Saves {
    folder: PathBuf,
    store: Store<Folder>,
    piece: Vec<u8>,
    agreed: Agreed,
    every: u64,
    /// Step from which on the next save is due.
    due: u64,
    /// Bytes of the last save.
    pub bytes: u64,
}

impl Saves {
    /// The saves in `folder`, of which one is made every so many steps.
    ///
    /// # Errors
    /// [`EdgeError::Store`].
    pub fn open(folder: &Path, agreed: Agreed, every: u64) -> Result<Self, EdgeError> {
        let mut piece = vec![0; PIECE];
        let storage = Folder::open(folder).map_err(StoreError::Storage)?;
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
        let folder = folder.to_path_buf();
        Ok(Self { folder, store, piece, agreed, every, due: every, bytes: 0 })
    }

    /// The newest save, if there is any; how far it was.
    ///
    /// # Errors
    /// [`EdgeError::OtherSession`] if it is of another policy or of other options.
    pub fn newest(&mut self) -> Result<Option<Saved<'_>>, EdgeError> {
        let Some(&entry) = self.store.newest() else { return Ok(None) };
        if entry.kind != KIND {
            return Err(self.other("kind of save"));
        }
        let mut head = [0; Layout::HEAD_BYTES];
        self.store.read(&entry, 0, &mut head, &mut self.piece)?;
        let layout = Layout::new(&head, entry.length as usize)?;
        let mut own = [0; MOST_OWN];
        let own = &mut own[..layout.own.len()];
        self.store.read(&entry, layout.own.start, own, &mut self.piece)?;
        let (agreed, progress): (Agreed, Progress) =
            postcard::from_bytes(own).map_err(|_| self.other("layout"))?;
        if let Some(what) = agreed.difference(&self.agreed) {
            return Err(self.other(what));
        }
        self.due = progress.step + self.every;
        Ok(Some(Saved { saves: self, entry, layout, progress }))
    }

    fn other(&self, what: &'static str) -> EdgeError {
        EdgeError::OtherSession { folder: self.folder.clone(), what }
    }

    /// Saves in all.
    pub fn sequence(&self) -> u64 {
        self.store.newest().map_or(0, |newest| newest.sequence)
    }

    /// Whether it is time for a save after `step` steps: at an episode's end, or anywhere if there was none for
    /// long.
    pub fn is_due(&self, step: u64, within: bool) -> bool {
        step >= if within { self.due + self.every } else { self.due }
    }

    /// Saves; what was saved before stays until this is whole.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn save(
        &mut self,
        progress: &Progress,
        agent: &AnyAgent<'_>,
        replay: &Replay<'_>,
    ) -> Result<(), StoreError<FolderError>> {
        // Also where it fails: the next try is not before its time.
        self.due = progress.step + self.every;
        let mut own = [0; MOST_OWN];
        // A dozen numbers of at most 10 bytes.
        let own = postcard::to_slice(&(self.agreed, progress), &mut own).unwrap_or_default();
        let image = Image::new(own, replay, agent);
        let fill = |offset, bytes: &mut [u8]| image.read(replay, agent, offset as usize, bytes);
        self.store.save(KIND, image.bytes(), &mut self.piece, fill)?;
        self.bytes = image.bytes() as u64;
        Ok(())
    }
}

/// A save that is to be gone on from.
pub struct Saved<'s> {
    saves: &'s mut Saves,
    entry: Entry,
    layout: Layout,
    progress: Progress,
}

impl Saved<'_> {
    /// The learner's resume section.
    ///
    /// # Errors
    /// [`EdgeError::Store`].
    pub fn resume(&mut self) -> Result<Vec<u8>, EdgeError> {
        let mut section = vec![0; self.layout.resume.len()];
        self.read(self.layout.resume.start, &mut section)?;
        Ok(section)
    }

    /// Fills the replay.
    ///
    /// # Errors
    /// [`EdgeError::Store`], [`EdgeError::Replay`].
    pub fn replay(&mut self, replay: &mut Replay<'_>) -> Result<(), EdgeError> {
        let start = self.layout.replay.start;
        replay.load(self.layout.replay.len(), |offset, bytes| self.read(start + offset, bytes))
    }

    /// Ends the episode in which it was saved, if it was within one, and looks whether the best policy is
    /// still in `out`; returns how far the session is.
    pub fn go_on(&self, agent: &mut AnyAgent<'_>, replay: &mut Replay<'_>, out: &Path) -> Progress {
        let mut progress = self.progress;
        tell(format_args!(
            "going on from step {}, save {} in {}",
            progress.step,
            self.entry.sequence,
            self.saves.folder.display()
        ));
        if core::mem::take(&mut progress.within) {
            // What happened between the save and now, nobody knows.
            replay.cut();
            agent.reward(0.0, true);
            progress.episodes += 1;
        }
        let best = AlignedBytes::read(out).ok();
        if best.is_none_or(|bytes| PolicyView::parse(&bytes).is_err()) {
            tell(format_args!(
                "{} is not there any more: the best policy is looked for from here on",
                out.display()
            ));
            (progress.best, progress.evaluated) = (None, None);
        }
        progress
    }

    fn read(&mut self, offset: usize, bytes: &mut [u8]) -> Result<(), EdgeError> {
        let Saves { store, piece, .. } = &mut *self.saves;
        Ok(store.read(&self.entry, offset, bytes, piece)?)
    }
}
