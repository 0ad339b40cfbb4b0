//! The chip's end of the line.

use crate::frame::{Broken, Frame, Receiver, frame};
use crate::incoming::{Chunks, FILE_AT, Incoming};
use crate::message::{
    Answer, Info, MOST_ACTIONS, MOST_CHUNK, MOST_STEPS, Numbered, Refusal, Request, Running, Tuned,
};
use crate::tuning::{RunningFile, Tuning};
use core::fmt::{Debug, Display};
use core::hint::black_box;
use lacewing_formats::artifact::{PolicyView, leading_file};
use lacewing_formats::policy::{Contract, Signal};
use lacewing_runtime::act::Policy;
use lacewing_runtime::store::{Slot, Standing, Storage, Trial, UNIT};

/// Numbers of an observation that fit into a frame.
const MOST_OBSERVATIONS: usize = MOST_CHUNK / size_of::<f32>();
/// How often every probe is run for a count.
const ROUNDS: u32 = 4;

/// What differs from board to board.
pub trait Board<'p> {
    /// A slot as it lies in the memory map. It is asked for when nothing is written to that slot, and kept
    /// only while nothing is.
    fn mapped(&self, slot: Slot) -> &'p [u8];

    /// A counter of executed instructions, or of cycles, that wraps; the same always where there is none.
    fn count(&self) -> u32;

    /// Whether it counts cycles.
    fn counts_cycles(&self) -> bool {
        false
    }

    /// Bytes of stack in use at most so far.
    fn stack(&self) -> u32;

    /// What there is to learn on.
    fn tuning(&mut self) -> Option<&mut dyn Tuning> {
        None
    }
}

/// A policy that runs, two slots for the next one, and the line.
#[derive(Debug)]
pub struct Device<'p, 'm, S, B> {
    receiver: Receiver,
    desk: Desk<'p, 'm, S, B>,
    /// Number of the last request that was answered.
    last: u32,
    answer: Frame,
}

/// What is asked for things.
#[derive(Debug)]
struct Desk<'p, 'm, S, B> {
    board: B,
    /// Absent where the flash cannot be read.
    slots: Option<Incoming<S>>,
    policy: Option<(Policy<'p>, &'p [u8])>,
    running: Running,
    scratch: &'m mut [f32],
    restart: bool,
}

impl<'p, 'm, S: Storage<Error: Debug + Display>, B: Board<'p>> Device<'p, 'm, S, B> {
    /// Starts what is to run: the newest policy of `storage`, or else the one that `factory` begins with.
    /// `scratch` is for policies of any size that it is large enough for.
    pub fn start(storage: S, board: B, factory: &'p [u8], scratch: &'m mut [f32]) -> Self {
        let mut slots = Trial::start(storage, &mut [0; MOST_CHUNK]).ok();
        let mut desk_policy = None;
        let mut running = Running::Nothing;
        if let Some(trial) = &mut slots
            && let (Some((slot, standing)), Some(entry)) =
                (trial.running(), trial.newest().copied())
        {
            let file = file_of(board.mapped(slot), entry.length.saturating_sub(UNIT as u32));
            match load(file, scratch) {
                Ok(policy) => {
                    desk_policy = Some((policy, file));
                    running = match standing {
                        Standing::Confirmed => Running::Confirmed,
                        Standing::OnTrial(starts) => Running::OnTrial { starts },
                    };
                }
                // If that fails too, its starts end it.
                Err(_) => drop(trial.give_up()),
            }
        }
        if desk_policy.is_none()
            && let Ok(file) = leading_file(factory)
            && let Ok(policy) = load(file, scratch)
        {
            (desk_policy, running) = (Some((policy, file)), Running::Factory);
        }
        let desk = Desk {
            board,
            slots: slots.map(Incoming::new),
            policy: desk_policy,
            running,
            scratch,
            restart: false,
        };
        Self { receiver: Receiver::new(), desk, last: 0, answer: Frame::new() }
    }

    /// Takes a byte from the line; the answer to send where a frame ends with it.
    pub fn receive(&mut self, byte: u8) -> Option<Frame> {
        let message = match self.receiver.push(byte)? {
            Ok(message) => message,
            Err(Broken::Damaged) => return Some(refused(0, Refusal::Damaged)),
            Err(Broken::TooLong) => return Some(refused(0, Refusal::TooLong)),
        };
        // By itself, as an unknown request has one too.
        let Ok((number, request)) = postcard::take_from_bytes::<u32>(message) else {
            return Some(refused(0, Refusal::Unknown));
        };
        if number < self.last || number == 0 {
            return Some(refused(number, Refusal::Stale { last: self.last }));
        }
        if number > self.last {
            self.answer = match postcard::take_from_bytes::<Request<'_>>(request) {
                Ok((request, [])) => self.desk.answer(number, request),
                _ => refused(number, Refusal::Unknown),
            };
            self.last = number;
        }
        Some(self.answer.clone())
    }

    /// Whether a restart was asked for and answered.
    pub fn restarts(&self) -> bool {
        self.desk.restart
    }
}

impl<'p, S: Storage<Error: Debug + Display>, B: Board<'p>> Desk<'p, '_, S, B> {
    fn answer(&mut self, number: u32, request: Request<'_>) -> Frame {
        let done = match request {
            Request::Info => return answered(number, Answer::Info(self.info())),
            Request::Act { observation } => {
                let mut room = [0; MOST_ACTIONS * size_of::<f32>()];
                match self.act(observation, &mut room) {
                    Ok(action) => return answered(number, Answer::Action(action)),
                    Err(refusal) => Err(refusal),
                }
            }
            Request::Measure => match self.measure() {
                Ok((probes, count)) => {
                    let answer = if self.board.counts_cycles() {
                        Answer::Cycles { probes, cycles: count }
                    } else {
                        Answer::Measured { probes, instructions: count }
                    };
                    return answered(number, answer);
                }
                Err(refusal) => Err(refusal),
            },
            Request::Begin { bytes } => self.slots().and_then(|slots| slots.begin(bytes)),
            Request::Chunk { offset, bytes } => {
                self.slots().and_then(|slots| slots.chunk(offset, bytes))
            }
            Request::Finish => self.finish(),
            Request::Confirm { crc } => self.confirm(crc),
            Request::Revert => self.revert(),
            Request::Restart => {
                self.restart = true;
                Ok(())
            }
            Request::Tune { steps } => match self.tune(steps) {
                Ok(tuned) => return answered(number, Answer::Tuned(tuned)),
                Err(refusal) => Err(refusal),
            },
            Request::Save => self.save(),
            Request::Log => {
                let mut room = [0; MOST_CHUNK];
                match self.board.tuning() {
                    Some(tuning) => {
                        let length = tuning.log(&mut room);
                        return answered(number, Answer::Log(&room[..length]));
                    }
                    None => Err(Refusal::NoPlant),
                }
            }
            Request::Read { offset } => match &self.policy {
                Some((_, file)) => {
                    let rest = file.get(offset as usize..).unwrap_or_default();
                    return answered(number, Answer::Bytes(&rest[..rest.len().min(MOST_CHUNK)]));
                }
                None => Err(Refusal::NoPolicy),
            },
        };
        match done {
            Ok(()) => answered(number, Answer::Done),
            Err(refusal) => refused(number, refusal),
        }
    }

    fn info(&self) -> Info {
        let (running, stack) = (self.running, self.board.stack());
        let Some((policy, file)) = &self.policy else {
            let (observations, actions, links, bytes, crc) = (0, 0, 0, 0, 0);
            return Info { running, observations, actions, links, bytes, crc, stack };
        };
        Info {
            running,
            observations: policy.observations() as u32,
            actions: policy.actions() as u32,
            links: policy.view().layers().map(|layer| layer.links() as u32).sum(),
            bytes: file.len() as u32,
            crc: crc32fast::hash(file),
            stack,
        }
    }

    fn act<'a>(&mut self, observation: &[u8], room: &'a mut [u8]) -> Result<&'a [u8], Refusal> {
        let (policy, _) = self.policy.as_ref().ok_or(Refusal::NoPolicy)?;
        let expected = policy.observations();
        let (numbers, rest) = observation.as_chunks::<4>();
        if numbers.len() != expected || !rest.is_empty() {
            return Err(Refusal::Observation { expected: expected as u32 });
        }
        let mut observation = [0.0; MOST_OBSERVATIONS];
        for (number, bytes) in observation.iter_mut().zip(numbers) {
            *number = f32::from_le_bytes(*bytes);
        }
        let mut action = [0.0; MOST_ACTIONS];
        // Neither is longer than what was loaded.
        let action = &mut action[..policy.actions()];
        policy
            .act(&observation[..expected], action, self.scratch)
            .map_err(|_| Refusal::NotFinite)?;
        let room = &mut room[..size_of_val(action)];
        for (bytes, number) in room.as_chunks_mut::<4>().0.iter_mut().zip(action) {
            *bytes = number.to_le_bytes();
        }
        Ok(room)
    }

    fn measure(&mut self) -> Result<(u32, u32), Refusal> {
        let (policy, _) = self.policy.as_ref().ok_or(Refusal::NoPolicy)?;
        let probes = policy.view().probes().len() as u32;
        if probes == 0 {
            return Err(Refusal::NoProbes);
        }
        let mut action = [0.0; MOST_ACTIONS];
        let action = &mut action[..policy.actions()];
        let start = self.board.count();
        for _ in 0..ROUNDS {
            for probe in policy.view().probes() {
                let observation = black_box(probe.observation);
                policy.act(observation, action, self.scratch).map_err(|_| Refusal::NotFinite)?;
            }
        }
        let count = self.board.count().wrapping_sub(start);
        Ok((probes, count / (ROUNDS * probes)))
    }

    fn slots(&mut self) -> Result<&mut Incoming<S>, Refusal> {
        self.slots.as_mut().ok_or(Refusal::Flash)
    }

    fn finish(&mut self) -> Result<(), Refusal> {
        let slots = self.slots.as_mut().ok_or(Refusal::Flash)?;
        slots.finish(|slot, bytes| {
            load(file_of(self.board.mapped(slot), bytes), self.scratch).map(|_| ())
        })
    }

    /// What runs, and what learns on with it.
    fn tuning(&mut self) -> Result<(RunningFile<'_>, &mut dyn Tuning), Refusal> {
        let (policy, file) = self.policy.as_ref().ok_or(Refusal::NoPolicy)?;
        let tuning = self.board.tuning().ok_or(Refusal::NoPlant)?;
        Ok((RunningFile { file, view: policy.view() }, tuning))
    }

    fn tune(&mut self, steps: u32) -> Result<Tuned, Refusal> {
        let (running, tuning) = self.tuning()?;
        if steps > MOST_STEPS { Err(Refusal::Steps) } else { tuning.tune(running, steps) }
    }

    fn save(&mut self) -> Result<(), Refusal> {
        let (running, tuning) = self.tuning()?;
        let bytes = tuning.bytes(running)?;
        let saved = self.save_bytes(bytes);
        if let Some(tuning) = self.board.tuning() {
            tuning.saved(saved.is_ok().then_some(bytes));
        }
        saved
    }

    fn save_bytes(&mut self, bytes: u32) -> Result<(), Refusal> {
        let (policy, file) = self.policy.as_ref().ok_or(Refusal::NoPolicy)?;
        let running = RunningFile { file, view: policy.view() };
        let tuning = self.board.tuning().ok_or(Refusal::NoPlant)?;
        let slots = self.slots.as_mut().ok_or(Refusal::Flash)?;
        slots.begin(bytes)?;
        let mut chunks = Chunks::new();
        tuning.write(running, &mut |bytes| chunks.put(bytes, slots))?;
        chunks.flush(slots)?;
        self.finish()
    }

    fn revert(&mut self) -> Result<(), Refusal> {
        self.slots()?.revert()?;
        self.restart = true;
        Ok(())
    }

    fn confirm(&mut self, crc: u32) -> Result<(), Refusal> {
        let came = matches!(self.running, Running::OnTrial { .. } | Running::Confirmed);
        if !came || self.info().crc != crc {
            return Err(Refusal::NothingToConfirm);
        }
        self.slots()?.confirm()?;
        self.running = Running::Confirmed;
        Ok(())
    }
}

/// The file of a slot, as far as the slot goes.
fn file_of(slot: &[u8], bytes: u32) -> &[u8] {
    let file = slot.get(FILE_AT..).unwrap_or_default();
    &file[..file.len().min(bytes as usize)]
}

/// A policy that is whole, fits, and does what its file records.
fn load<'p>(file: &'p [u8], scratch: &mut [f32]) -> Result<Policy<'p>, Refusal> {
    let view = PolicyView::parse(file).map_err(|_| Refusal::PolicyFile)?;
    // Commands must not leave its limits, and observations not come as they are where it converts them.
    if view.contract().is_some_and(|contract| !only_names(&contract)) {
        return Err(Refusal::Contract);
    }
    let policy = Policy::new(view).map_err(|_| Refusal::Memory)?;
    let fits = policy.actions() <= MOST_ACTIONS
        && policy.observations() <= MOST_OBSERVATIONS
        && policy.scratch_len() <= scratch.len();
    if !fits {
        return Err(Refusal::Memory);
    }
    let action = &mut [0.0; MOST_ACTIONS][..policy.actions()];
    policy.check_probes(action, scratch).map_err(|_| Refusal::Probes)?;
    Ok(policy)
}

/// Whether it makes no difference to a control step.
fn only_names(contract: &Contract<'_>) -> bool {
    let signals = contract.observations().chain(contract.actions());
    let plain = |signal: Signal<'_>| Signal { name: "", unit: "", ..signal } == Signal::default();
    contract.history() == 1 && !contract.previous_action() && { signals }.all(plain)
}

fn answered(number: u32, message: Answer<'_>) -> Frame {
    // No answer is longer than a chunk.
    frame(&Numbered { number, message }).unwrap_or_default()
}

fn refused(number: u32, refusal: Refusal) -> Frame {
    answered(number, Answer::Refused(refusal))
}
