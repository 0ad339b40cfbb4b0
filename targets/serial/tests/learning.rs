//! A chip that learns on its own plant: what it learned is a policy that is tried, confirmed, read and told about.

#[path = "line/nor.rs"]
mod nor;

use lacewing_formats::artifact::{AlignedBytes, PolicyView, Section};
use lacewing_runtime::act::Policy;
use lacewing_runtime::learn::session::{Outcome, World};
use lacewing_runtime::learn::{Adapt, Block, Learner, Resume, Rewritten, Training, TuningTopology};
use lacewing_runtime::store::{Flash, Slot};
use lacewing_runtime::telemetry::{Event, Found, Frames, Guarded};
use lacewing_serial::{
    Answer, Bench, Board, Device, MOST_STEPS, NoPlant, Numbered, Receiver, Refusal, Request, Rules,
    Running, Tuned, Tuning, frame,
};
use nor::Nor;
use std::convert::Infallible;

const SLOT: usize = 128 << 10;
const TUNED: u32 = 500;

fn pendulum() -> AlignedBytes {
    AlignedBytes::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../cortex-m/pendulum.lace")).unwrap()
}

/// Of another task, and with nothing to go on learning from.
fn other() -> AlignedBytes {
    let path = "/../../tests/records/halfcheetah-td3-90/seed1/policy.lace";
    AlignedBytes::read([env!("CARGO_MANIFEST_DIR"), path].concat()).unwrap()
}

/// Something with a pendulum's three observations and one action, the 77th step of which nobody knows.
#[derive(Debug, Default)]
struct Plant {
    state: f32,
    steps: u32,
}

impl World for Plant {
    type Error = Infallible;

    fn reset(&mut self, episode: u64, observation: &mut [f32]) -> Result<(), Infallible> {
        self.state = (episode % 7) as f32 / 7.0;
        observation.copy_from_slice(&[self.state.cos(), self.state.sin(), 0.0]);
        Ok(())
    }

    fn step(
        &mut self,
        action: &[f32],
        observation: &mut [f32],
    ) -> Result<Option<Outcome>, Infallible> {
        self.steps += 1;
        self.state += 0.1 * action[0];
        observation.copy_from_slice(&[self.state.cos(), self.state.sin(), action[0]]);
        let (terminated, truncated) = (false, self.steps.is_multiple_of(50));
        let reward = f64::from(self.state.cos());
        let outcome = Outcome { reward, terminated, truncated, learnable: true };
        Ok((self.steps != 77).then_some(outcome))
    }
}

/// A board of which the slots are copied where they are looked at.
struct Emulated<T> {
    flash: Nor,
    tuning: Option<T>,
}

impl<T: Tuning> Board<'static> for Emulated<T> {
    fn mapped(&self, slot: Slot) -> &'static [u8] {
        let copy = Box::new(AlignedBytes::from(&*self.flash.slot(slot)));
        Box::leak(copy)
    }

    fn count(&self) -> u32 {
        0
    }

    fn stack(&self) -> u32 {
        0
    }

    fn tuning(&mut self) -> Option<&mut dyn Tuning> {
        self.tuning.as_mut().map(|tuning| tuning as _)
    }
}

type Chip<T> = Device<'static, 'static, Flash<Nor>, Emulated<T>>;

fn memory<T: Clone>(zero: T, count: usize) -> &'static mut [T] {
    vec![zero; count].leak()
}

fn bench(learner: usize) -> Bench<'static, Plant> {
    let rules = Rules { transitions: 400, warm_up: 100, episode: 3, period_ms: 50 };
    let (learner, replay) = (memory(Block::ZERO, learner), memory(Block::ZERO, 1024));
    Bench::new(Plant::default(), rules, learner, replay, memory(0, 4096))
}

fn chip<T: Tuning>(flash: &Nor, factory: AlignedBytes, tuning: Option<T>) -> Chip<T> {
    let board = Emulated { flash: flash.clone(), tuning };
    let storage = Flash::new(flash.clone(), 0..2 * SLOT as u32).unwrap();
    let factory = Box::leak(Box::new(factory));
    Device::start(storage, board, factory, memory(0.0, 1024))
}

/// Asks, and hands the answer to `read`.
fn ask<T: Tuning, R>(
    chip: &mut Chip<T>,
    number: &mut u32,
    message: Request<'_>,
    read: impl FnOnce(Answer<'_>) -> R,
) -> R {
    *number += 1;
    let request = frame(&Numbered { number: *number, message }).unwrap();
    let answer = request.iter().find_map(|&byte| chip.receive(byte)).unwrap();
    let mut receiver = Receiver::new();
    let (last, rest) = answer.split_last().unwrap();
    assert!(rest.iter().all(|&byte| receiver.push(byte).is_none()));
    let bytes = receiver.push(*last).unwrap().unwrap();
    let answer: Numbered<Answer<'_>> = postcard::from_bytes(bytes).unwrap();
    assert_eq!(answer.number, *number);
    read(answer.message)
}

fn refused(answer: Answer<'_>) -> Refusal {
    match answer {
        Answer::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

fn done(answer: Answer<'_>) {
    assert_eq!(answer, Answer::Done);
}

fn running<T: Tuning>(chip: &mut Chip<T>, number: &mut u32) -> Running {
    ask(chip, number, Request::Info, |answer| match answer {
        Answer::Info(info) => info.running,
        other => panic!("{other:?}"),
    })
}

#[test]
fn what_is_learned_is_saved_tried_confirmed_and_read() {
    let flash = Nor::of(2 * SLOT);
    let mut number = 0;
    let mut first = chip(&flash, pendulum(), Some(bench(1024)));
    assert_eq!(ask(&mut first, &mut number, Request::Save, refused), Refusal::NothingLearned);
    let tune = Request::Tune { steps: MOST_STEPS + 1 };
    assert_eq!(ask(&mut first, &mut number, tune, refused), Refusal::Steps);
    let mut tuned = Tuned::default();
    while tuned.steps < TUNED {
        let tune = Request::Tune { steps: MOST_STEPS };
        tuned = ask(&mut first, &mut number, tune, |answer| match answer {
            Answer::Tuned(tuned) => tuned,
            other => panic!("{other:?}"),
        });
    }
    assert_eq!((tuned.steps, tuned.episodes), (TUNED, 10));
    assert_eq!(tuned.updates, TUNED - 100);
    ask(&mut first, &mut number, Request::Save, done);
    assert_eq!(running(&mut first, &mut number), Running::Factory);

    // The log is frames that `lacewing-edge log` reads.
    let mut log = Vec::new();
    while ask(&mut first, &mut number, Request::Log, |answer| match answer {
        Answer::Log(bytes) => {
            log.extend(bytes);
            !bytes.is_empty()
        }
        other => panic!("{other:?}"),
    }) {}
    let events: Vec<_> = Frames::new(&log)
        .map(|found| match found {
            Found::Record(record) => record.event,
            other => panic!("{other:?}"),
        })
        .collect();
    let count = |is: fn(&Event) -> bool| events.iter().filter(|event| is(event)).count();
    assert!(matches!(events[0], Event::Start { .. }));
    assert_eq!(count(|event| matches!(event, Event::Return { .. })), 10);
    assert_eq!(count(|event| matches!(event, Event::Losses { .. })), 4);
    let skipped =
        |event: &Event| matches!(event, Event::Guard { by: Guarded::SkippedTransition, count: 1 });
    assert_eq!(count(skipped), 1);
    assert!(matches!(events.last(), Some(Event::Save { sequence: 1, .. })));

    // From the next start on it runs, and once it is confirmed, after any.
    let mut number = 0;
    let mut second = chip(&flash, pendulum(), None::<NoPlant>);
    assert_eq!(running(&mut second, &mut number), Running::OnTrial { starts: 2 });
    let mut file = Vec::new();
    while ask(&mut second, &mut number, Request::Read { offset: file.len() as u32 }, |answer| {
        match answer {
            Answer::Bytes(bytes) => {
                file.extend(bytes);
                !bytes.is_empty()
            }
            other => panic!("{other:?}"),
        }
    }) {}
    let (file, before) = (AlignedBytes::from(&*file), pendulum());
    let (view, before) = (PolicyView::parse(&file).unwrap(), PolicyView::parse(&before).unwrap());
    assert_eq!(view.provenance().steps, before.provenance().steps + u64::from(TUNED));
    let updates = |view| Resume::of(view).unwrap().unwrap().updates();
    assert_eq!(updates(&view), updates(&before) + u64::from(tuned.updates));
    let crc = crc32fast::hash(&file);
    ask(&mut second, &mut number, Request::Confirm { crc }, done);
    let mut third = chip(&flash, pendulum(), Some(bench(1024)));
    let mut number = 0;
    assert_eq!(running(&mut third, &mut number), Running::Confirmed);
    // And it can be learned on with.
    for updates in [0, MOST_STEPS] {
        let tune = Request::Tune { steps: MOST_STEPS };
        let made = ask(&mut third, &mut number, tune, |answer| match answer {
            Answer::Tuned(tuned) => tuned.updates,
            other => panic!("{other:?}"),
        });
        assert_eq!(made, updates);
    }
}

#[test]
fn chips_that_cannot_learn_say_why() {
    let flash = Nor::of(2 * SLOT);
    let mut number = 0;
    let mut plain = chip(&flash, pendulum(), None::<NoPlant>);
    for request in [Request::Tune { steps: 1 }, Request::Save, Request::Log] {
        assert_eq!(ask(&mut plain, &mut number, request, refused), Refusal::NoPlant);
    }
    let mut small = chip(&flash, pendulum(), Some(bench(100)));
    let mut number = 0;
    let tune = Request::Tune { steps: 1 };
    assert_eq!(ask(&mut small, &mut number, tune, refused), Refusal::Memory);
    let mut other = chip(&flash, other(), Some(bench(1024)));
    let mut number = 0;
    assert_eq!(ask(&mut other, &mut number, tune, refused), Refusal::NothingToLearn);
}

/// The chip's file beside the one that a workstation writes of the same agent, with memory for it.
#[test]
fn a_file_in_pieces_is_the_workstations() {
    let file = pendulum();
    let view = PolicyView::parse(&file).unwrap();
    let resume = Resume::of(&view).unwrap().unwrap();
    let training = resume.tuning(TuningTopology::Frozen, Adapt::default());
    let training = Training { lean: true, ..training };
    let blocks = memory(Block::ZERO, 1024);
    let mut agent = resume.restore(*resume.settings(), training, blocks).unwrap();
    let mut action = [0.0];
    // Something of it moves.
    agent.explore(1, &[0.5, 0.5, 0.5], &mut action).unwrap();
    let program = "a program of a name that is longer than the one before";
    let pieces = Rewritten::new(&mut agent, (&file, &view), (123_456, program), &mut action);
    let pieces = pieces.unwrap();
    let mut there = Vec::new();
    let Ok(()) = pieces.write(&mut agent, &mut action, |bytes| {
        there.extend_from_slice(bytes);
        Ok::<_, Infallible>(())
    });
    assert_eq!(there.len(), pieces.bytes());
    let here = agent.tuned(&view, 123_456, program).unwrap();
    let there = AlignedBytes::from(&*there);
    let (there_view, here_view) =
        (PolicyView::parse(&there).unwrap(), PolicyView::parse(&here).unwrap());
    assert_eq!(there_view.header(), here_view.header());
    for placed in here_view.sections() {
        let part = |file: &[u8]| file[placed.offset as usize..][..placed.bytes as usize].to_vec();
        match placed.section {
            // The checksum, and actions that a kernel with another order of sums gives.
            Section::Preamble | Section::ProbeActions => {}
            _ => assert_eq!(part(&there), part(&here), "{}", placed.section),
        }
    }
    let policy = Policy::new(there_view).unwrap();
    policy.check_probes(&mut [0.0], &mut vec![0.0; policy.scratch_len()]).unwrap();
}
