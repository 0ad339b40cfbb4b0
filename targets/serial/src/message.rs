//! What is asked and answered.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Most bytes of a policy file in one [`Request::Chunk`].
pub const MOST_CHUNK: usize = 512;
/// Most control steps of one [`Request::Tune`], which answers nothing before it is done.
pub const MOST_STEPS: u32 = 100;
/// Most numbers of an action.
pub const MOST_ACTIONS: usize = 64;

/// A message with the number of its request; 0 in answers to what could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Numbered<M> {
    /// Above all before it.
    pub number: u32,
    /// What is asked or answered.
    pub message: M,
}

/// What the host asks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request<'a> {
    /// What runs: [`Answer::Info`].
    Info,
    /// One control step: [`Answer::Action`].
    Act {
        /// f32 `[observations]`, little-endian, in the environment's units.
        observation: &'a [u8],
    },
    /// Counts what a control step takes, on the file's probes: [`Answer::Measured`] or [`Answer::Cycles`].
    Measure,
    /// A new policy comes: erases the slot that is not running. A policy that waits there is given up. Refused while the
    /// one that runs is on trial, as that slot has what it gives way to.
    Begin {
        /// Bytes of its file.
        bytes: u32,
    },
    /// The next bytes of the file, a multiple of 32 but at its end.
    Chunk {
        /// Where in the file: where the chunk before ended.
        offset: u32,
        /// At most [`MOST_CHUNK`].
        bytes: &'a [u8],
    },
    /// The file is whole: it is checked, its probes replayed, and from the next start on it is on trial.
    Finish,
    /// The policy that runs is good: it stays.
    Confirm {
        /// CRC-32 of its file, as [`Info`] says: a request that comes late confirms no other.
        crc: u32,
    },
    /// Starts afresh, after the answer.
    Restart,
    /// Goes on learning on what the chip itself has, a plant or a robot, with so many control steps, all updates that
    /// they are worth included: [`Answer::Tuned`]. The policy that runs stays what it is.
    Tune {
        /// Control steps, at most [`MOST_STEPS`].
        steps: u32,
    },
    /// What was learned becomes a policy in the slot that is not running, from the next start on on trial.
    Save,
    /// What learning has told and nobody has taken away yet, as far as it fits: [`Answer::Log`].
    Log,
    /// Bytes of the file of the policy that runs: [`Answer::Bytes`].
    Read {
        /// From which on.
        offset: u32,
    },
    /// The policy that runs is on trial and bad: it is given up, and the chip starts afresh with the one before it.
    Revert,
}

/// What the chip answers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Answer<'a> {
    /// It is done.
    Done,
    /// See [`Request::Info`].
    Info(Info),
    /// f32 `[actions]`, little-endian, in the environment's units.
    Action(&'a [u8]),
    /// See [`Request::Measure`].
    Measured {
        /// Of the file.
        probes: u32,
        /// Of a control step, the mean of them; with those of the loop around it.
        instructions: u32,
    },
    /// It is not done, and nothing else was.
    Refused(Refusal),
    /// See [`Request::Tune`].
    Tuned(Tuned),
    /// Frames of [`lacewing_runtime::telemetry`], the oldest first; none where nothing is left.
    Log(&'a [u8]),
    /// See [`Request::Read`]; none behind the end.
    Bytes(&'a [u8]),
    /// [`Answer::Measured`] where the board counts cycles instead of instructions.
    Cycles {
        /// Of the file.
        probes: u32,
        /// Of a control step, the mean of them; with those of the loop around it.
        cycles: u32,
    },
}

/// How far learning is since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tuned {
    /// Control steps.
    pub steps: u32,
    /// Updates.
    pub updates: u32,
    /// Episodes that ended.
    pub episodes: u32,
    /// Return of the last of them.
    pub last: f32,
}

/// What runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// From where.
    pub running: Running,
    /// Numbers of an observation; 0 where nothing runs, as all below.
    pub observations: u32,
    /// Numbers of an action.
    pub actions: u32,
    /// Live links.
    pub links: u32,
    /// Bytes of the policy file.
    pub bytes: u32,
    /// CRC-32 of the policy file.
    pub crc: u32,
    /// Bytes of stack in use at most so far.
    pub stack: u32,
}

/// Where the policy that runs is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Running {
    /// There is none that could.
    Nothing,
    /// That which was flashed with the firmware.
    Factory,
    /// One that came by the line and was confirmed.
    Confirmed,
    /// One that came by the line and must be confirmed: after so many more starts it is gone.
    OnTrial {
        /// Starts that are left.
        starts: u8,
    },
}

/// Why a request was refused.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// The frame is cut, or a bit of it is wrong.
    #[error("the frame came damaged: send it again")]
    Damaged,
    /// The frame is longer than any request.
    #[error("the frame is longer than any request: send smaller chunks")]
    TooLong,
    /// The frame came whole, but this firmware knows no such request.
    #[error("the firmware does not know this request: bring firmware and host to the same version")]
    Unknown,
    /// A later request was answered before.
    #[error("requests up to number {last} are answered: go on behind it")]
    Stale {
        /// Number of that request.
        last: u32,
    },
    /// No policy runs.
    #[error("no policy runs: send one")]
    NoPolicy,
    /// The observation has another length.
    #[error("the policy takes {expected} numbers")]
    Observation {
        /// Numbers of an observation.
        expected: u32,
    },
    /// The observation is not finite, or the action would not be.
    #[error("the observation or what follows from it is not finite: check the sensors")]
    NotFinite,
    /// The policy has no probes.
    #[error("the policy has no probes: `lacewing export` writes some")]
    NoProbes,
    /// The file does not fit.
    #[error(
        "a policy file may have {most} bytes here: export it with smaller codecs, or with `--no-resume-section` where \
         it need not learn on"
    )]
    Room {
        /// Bytes that fit.
        most: u32,
    },
    /// No policy is on its way, or an error ended it.
    #[error("no policy is on its way: begin with its length")]
    NotReceiving,
    /// A chunk is missing, or comes again.
    #[error("the next chunk begins at byte {expected}")]
    Offset {
        /// Where it begins.
        expected: u32,
    },
    /// A chunk is empty, too long, beyond the file's end, or no multiple of 32 before it.
    #[error("chunks have 32 to {MOST_CHUNK} bytes, a multiple of 32 but at the end of the file")]
    ChunkLength,
    /// The file is no policy, or not one for this firmware.
    #[error("the policy file is damaged, or made for another version: copy or export it again")]
    PolicyFile,
    /// The policy takes more memory than the firmware has.
    #[error("the policy takes more scratch or actions than this firmware has")]
    Memory,
    /// Actions on the probes are not those of the file.
    #[error("the policy computes other actions here than its file records: export it again")]
    Probes,
    /// What runs did not come by the line, or is another policy.
    #[error("that policy did not come by the line, or does not run: look at what does")]
    NothingToConfirm,
    /// The flash failed.
    #[error("the flash failed: try again, and replace the chip if it goes on")]
    Flash,
    /// The firmware has nothing to learn on.
    #[error("this firmware has no plant to learn on: flash one that has")]
    NoPlant,
    /// So many steps would keep the line waiting.
    #[error("a request may ask for {MOST_STEPS} control steps: ask several times")]
    Steps,
    /// The policy that runs cannot be learned on with, or not on this plant.
    #[error(
        "the policy cannot go on learning here: send one of a training run (`--values f32`), for this plant, that \
         Lacewing trained"
    )]
    NothingToLearn,
    /// Learning has come to numbers that are not finite.
    #[error("learning has diverged: restart the chip, and what was saved runs as before")]
    Diverged,
    /// The plant failed.
    #[error("the plant failed: look at its sensors and motors, then restart the chip")]
    Plant,
    /// Nothing was learned since the start.
    #[error("nothing was learned since the start: tune first")]
    NothingLearned,
    /// What runs is on trial, and the other slot has what runs if it fails.
    #[error(
        "the policy that runs is on trial: confirm or revert it before another takes the other slot"
    )]
    OnTrial,
    /// There is no trial to end.
    #[error("the policy that runs is not on trial: there is nothing to revert")]
    NotOnTrial,
    /// The policy's contract is more than names, and nothing here would keep to it.
    #[error(
        "the policy's contract has scales, limits, rates or history, which this firmware does not apply: send one \
         that was exported without it, or with names and units alone"
    )]
    Contract,
}
