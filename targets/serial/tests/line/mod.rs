//! A chip in memory behind a bad line: what a property test and a fuzz target do to it.

mod nor;

use lacewing_formats::artifact::{AlignedBytes, LayerSpec, PolicySpec};
use lacewing_formats::codec::Encoding;
use lacewing_formats::policy::{ActionHead, Activation, Contract, Probe, Provenance};
use lacewing_formats::topology::Csr;
use lacewing_runtime::store::{Flash, Slot, UNIT};
use lacewing_serial::{
    Answer, Board, Device, Frame, Info, Numbered, Receiver, Refusal, Request, Running, RunningFile,
    Tuned, Tuning, frame,
};
use nor::Nor;
use std::cell::OnceCell;

const SLOT: usize = 2048;
/// Bytes of a policy file that fit into a slot: beside them are its header, the place before the file, and marks.
pub const ROOM: usize = SLOT - 6 * UNIT;

/// Flash of two slots.
pub fn flash() -> Nor {
    Nor::of(2 * SLOT)
}

/// Pictures of slots, taken when they are asked for.
pub struct Pictures([OnceCell<AlignedBytes>; 64]);

impl Pictures {
    pub fn new() -> Self {
        Self([const { OnceCell::new() }; 64])
    }

    fn keep(&self, bytes: &[u8]) -> &[u8] {
        let free = self.0.iter().find(|picture| picture.get().is_none());
        free.map_or(&[], |free| free.get_or_init(|| AlignedBytes::from(bytes)))
    }
}

/// Learns one policy, whatever runs, and can save it once it was told to learn.
#[derive(Default)]
pub struct Pupil {
    steps: u32,
}

/// What it learns to do.
pub const LEARNED: f32 = 0.75;

impl Tuning for Pupil {
    fn tune(&mut self, _: RunningFile<'_>, steps: u32) -> Result<Tuned, Refusal> {
        self.steps += steps;
        Ok(Tuned { steps: self.steps, ..Tuned::default() })
    }

    fn bytes(&mut self, _: RunningFile<'_>) -> Result<u32, Refusal> {
        if self.steps == 0 {
            Err(Refusal::NothingLearned)
        } else {
            Ok(policy(LEARNED).len() as u32)
        }
    }

    fn write(
        &mut self,
        _: RunningFile<'_>,
        sink: &mut dyn FnMut(&[u8]) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        policy(LEARNED).chunks(100 + self.steps as usize % 700).try_for_each(sink)
    }

    fn saved(&mut self, _: Option<u32>) {}

    fn log(&mut self, out: &mut [u8]) -> usize {
        out.fill(1);
        core::mem::take(&mut self.steps).min(out.len() as u32) as usize
    }
}

/// The board around it.
pub struct Emulated<'p> {
    flash: Nor,
    pictures: &'p Pictures,
    pupil: Pupil,
}

impl<'p> Board<'p> for Emulated<'p> {
    fn mapped(&self, slot: Slot) -> &'p [u8] {
        self.pictures.keep(&self.flash.slot(slot))
    }

    fn count(&self) -> u32 {
        0
    }

    fn stack(&self) -> u32 {
        0
    }

    fn tuning(&mut self) -> Option<&mut dyn Tuning> {
        Some(&mut self.pupil)
    }
}

/// A policy of one layer that gives `action` whatever it sees.
pub fn policy(action: f32) -> AlignedBytes {
    agreed(action, None)
}

/// The same with a contract.
pub fn agreed(action: f32, contract: Option<Contract<'_>>) -> AlignedBytes {
    let layers = [LayerSpec {
        topology: Csr::new(2, &[0, 1], &[1]).expect("a topology"),
        weights: &[0.0],
        bias: &[action],
        norm: None,
        activation: Activation::Identity,
    }];
    let (low, high) = ([-1.0], [1.0]);
    let probes = [Probe { observation: &[0.5, -0.5], action: &[action] }];
    PolicySpec {
        layers: &layers,
        normaliser: None,
        action_head: ActionHead::Clamped { low: &low, high: &high },
        control_period_s: 0.02,
        provenance: Provenance {
            environment: "none",
            algorithm: "none",
            method: "none",
            program: "none",
            commit: "none",
            seed: 0,
            steps: 0,
            evaluation: None,
        },
        probes: &probes,
        contract,
        resume: None,
    }
    .to_bytes(Encoding::PLAIN)
    .expect("a policy")
}

/// What may happen on a line.
#[derive(Clone, Debug)]
pub enum Event {
    /// The next request that a good host would send.
    Next,
    /// Any request, by its number and an argument.
    Any(u8, u32),
    /// The frame so many before the last once more: replayed, or late.
    Again(usize),
    /// The next request, cut after so many bytes; its zero is lost too.
    Cut(usize),
    /// The next request with a bit flipped.
    Flip(usize),
    /// Bytes that are no frame.
    Noise(Vec<u8>),
    /// As many bytes without a zero.
    Long(usize),
    /// The chip loses its power.
    PowerCut,
}

/// What came of events.
pub struct Played {
    /// Frames that were answered.
    pub answers: usize,
    /// What runs in the end.
    pub info: Info,
}

/// Plays `events`. Every frame must be answered by a typed answer and the chip must go on and run a policy
/// that is whole, after any start too.
pub fn play(events: &[Event]) -> Played {
    let (flash, pictures) = (flash(), Pictures::new());
    let (factory, sent) = (policy(0.25), policy(0.5));
    let crcs = [&factory, &sent, &policy(LEARNED)].map(|file| crc32fast::hash(file));
    let mut answers = 0;
    let mut at = 0;
    let mut number = 0_u32;
    let mut history: Vec<Frame> = Vec::new();
    let mut events = events.iter();
    loop {
        let mut on = false;
        let mut scratch = [0.0; 512];
        let mut device = device(&flash, &pictures, &factory, &mut scratch);
        for event in events.by_ref() {
            let next = next_request(&mut at, &sent);
            let framed = |message, number: &mut u32| {
                *number += 1;
                frame(&Numbered { number: *number, message }).expect("a frame")
            };
            let bytes: Vec<u8> = match event {
                Event::Next => {
                    at += 1;
                    let request = framed(next, &mut number);
                    history.push(request.clone());
                    request.to_vec()
                }
                Event::Any(kind, argument) => {
                    let request = framed(any_request(*kind, *argument, &sent), &mut number);
                    history.push(request.clone());
                    request.to_vec()
                }
                Event::Again(back) => match history.len().checked_sub(1 + back) {
                    Some(index) => history[index].to_vec(),
                    None => continue,
                },
                Event::Cut(length) => {
                    let request = framed(next, &mut number);
                    request[..length % request.len()].to_vec()
                }
                Event::Flip(bit) => {
                    let mut request = framed(next, &mut number).to_vec();
                    let bit = bit % (8 * request.len());
                    request[bit / 8] ^= 1 << (bit % 8);
                    request
                }
                Event::Noise(bytes) => bytes.clone(),
                Event::Long(length) => vec![7; *length],
                Event::PowerCut => {
                    on = true;
                    break;
                }
            };
            for byte in bytes {
                if let Some(answer) = device.receive(byte) {
                    let _: Result<_, Refusal> = read(&answer);
                    answers += 1;
                }
            }
            if device.restarts() {
                on = true;
                break;
            }
        }
        // Whatever it has heard, it can still be asked.
        let heard = device.receive(0);
        answers += usize::from(heard.is_some());
        let info = loop {
            number += 1;
            let request = frame(&Numbered { number, message: Request::Info }).expect("a frame");
            let mut answered = request.iter().filter_map(|&byte| device.receive(byte));
            match read(&answered.next().expect("every frame is answered")) {
                Ok(Some(info)) => break info,
                Err(Refusal::Stale { last }) => number = last,
                // To a request before that had the same number.
                _ => {}
            }
        };
        assert!(info.running != Running::Nothing && crcs.contains(&info.crc), "{info:?}");
        if !on {
            return Played { answers, info };
        }
        number = 0;
    }
}

/// A chip that starts.
pub fn device<'p, 'm>(
    flash: &Nor,
    pictures: &'p Pictures,
    factory: &'p [u8],
    scratch: &'m mut [f32],
) -> Device<'p, 'm, Flash<Nor>, Emulated<'p>> {
    let board = Emulated { flash: flash.clone(), pictures, pupil: Pupil::default() };
    let storage = Flash::new(flash.clone(), 0..2 * SLOT as u32).expect("two slots");
    Device::start(storage, board, factory, scratch)
}

/// The chip's answer to a request of this number.
pub fn ask_as<'p>(
    device: &mut Device<'p, '_, Flash<Nor>, Emulated<'p>>,
    number: u32,
    message: Request<'_>,
) -> Result<(), Refusal> {
    let request = frame(&Numbered { number, message }).expect("a frame");
    let mut answers = request.iter().filter_map(|&byte| device.receive(byte));
    read(&answers.next().expect("every frame is answered")).map(|_| ())
}

/// A frame of an answer: its info, if it is one.
pub fn read(answer: &Frame) -> Result<Option<Info>, Refusal> {
    let mut receiver = Receiver::new();
    let mut read = None;
    for &byte in answer {
        let Some(bytes) = receiver.push(byte) else { continue };
        let bytes = bytes.expect("an answer is whole");
        let answer: Numbered<Answer<'_>> = postcard::from_bytes(bytes).expect("an answer");
        assert!(read.is_none(), "two answers to one frame");
        read = Some(match answer.message {
            Answer::Refused(refusal) => Err(refusal),
            Answer::Info(info) => Ok(Some(info)),
            _ => Ok(None),
        });
    }
    read.expect("an answer is a frame")
}

/// Bytes that are sent at a time.
pub const CHUNK: usize = 256;

/// Of sending a policy, starting it and confirming it, over and over.
pub fn next_request<'a>(at: &mut usize, file: &'a [u8]) -> Request<'a> {
    let chunks = file.len().div_ceil(CHUNK);
    let step = *at % (chunks + 6);
    match step {
        0 => Request::Begin { bytes: file.len() as u32 },
        _ if step <= chunks => chunk((step - 1) * CHUNK, file),
        _ => match step - chunks {
            1 => Request::Finish,
            2 => Request::Restart,
            3 => Request::Act { observation: &[0; 8] },
            4 => Request::Measure,
            _ => Request::Confirm { crc: crc32fast::hash(file) },
        },
    }
}

fn chunk(offset: usize, file: &[u8]) -> Request<'_> {
    let bytes = &file[offset.min(file.len())..];
    Request::Chunk { offset: offset as u32, bytes: &bytes[..bytes.len().min(CHUNK)] }
}

fn any_request(kind: u8, argument: u32, file: &[u8]) -> Request<'_> {
    let length = argument as usize % file.len();
    match kind % 14 {
        0 => Request::Info,
        1 => Request::Act { observation: &file[..length.min(512)] },
        2 => Request::Measure,
        3 => Request::Begin { bytes: argument },
        4 => Request::Begin { bytes: file.len() as u32 },
        5 => Request::Chunk { offset: argument % 2048, bytes: &file[..length.min(512)] },
        6 => Request::Finish,
        7 => Request::Confirm { crc: argument },
        8 => Request::Tune { steps: argument % 4 },
        9 => Request::Save,
        10 => Request::Log,
        11 => Request::Read { offset: argument % 8192 },
        12 => Request::Revert,
        _ => chunk(length / CHUNK * CHUNK, file),
    }
}
