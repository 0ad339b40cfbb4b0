//! Whatever a line does to frames, each is answered and the chip runs a policy that is whole.

mod line;

use lacewing_formats::policy::{Contract, ContractSpec, Signal};
use lacewing_serial::{Numbered, Refusal, Request, Running, frame};
use line::{
    CHUNK, Event, Pictures, ROOM, agreed, ask_as, device, flash, next_request, play, policy, read,
};
use proptest::prelude::*;

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        12 => Just(Event::Next),
        2 => (any::<u8>(), any::<u32>()).prop_map(|(kind, argument)| Event::Any(kind, argument)),
        2 => (0_usize..12).prop_map(Event::Again),
        1 => any::<usize>().prop_map(Event::Cut),
        1 => any::<usize>().prop_map(Event::Flip),
        1 => prop::collection::vec(any::<u8>(), 0..80).prop_map(Event::Noise),
        1 => (0_usize..3000).prop_map(Event::Long),
        1 => Just(Event::PowerCut),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn every_frame_is_answered_and_a_whole_policy_runs(
        events in prop::collection::vec(event(), 0..120),
    ) {
        play(&events);
    }
}

/// What is above says nothing if no frame gets through.
#[test]
fn on_a_good_line_a_policy_is_sent_tried_and_confirmed() {
    let sent = policy(0.5);
    // Begin, chunks, finish, restart, act, measure, confirm.
    let events = vec![Event::Next; sent.len().div_ceil(CHUNK) + 6];
    let played = play(&events);
    assert_eq!(played.answers, events.len());
    assert_eq!(played.info.running, Running::Confirmed);
    assert_eq!(played.info.crc, crc32fast::hash(&sent));
    let kept = play(&[events, vec![Event::PowerCut; 9]].concat());
    assert_eq!(kept.info.running, Running::Confirmed);
}

#[test]
fn what_is_not_confirmed_goes() {
    let sent = policy(0.5);
    let events = vec![Event::Next; sent.len().div_ceil(CHUNK) + 2];
    for (starts, running) in [
        (0, Running::Factory),
        (1, Running::OnTrial { starts: 2 }),
        (3, Running::OnTrial { starts: 0 }),
        (4, Running::Factory),
    ] {
        let played = play(&[events.clone(), vec![Event::PowerCut; starts]].concat());
        assert_eq!(played.info.running, running, "after {starts} starts");
    }
}

/// What runs if a trial fails is not overwritten, and a trial can be ended at once.
#[test]
fn a_trial_ends_before_another_begins() {
    let (flash, pictures, factory) = (flash(), Pictures::new(), policy(0.25));
    let sent = policy(0.5);
    let mut memory = [[0.0; 512]; 4];
    let [first, second, third, fourth] = &mut memory;
    let send = |device: &mut _, first: u32| {
        let requests = 0..sent.len().div_ceil(CHUNK) + 2;
        (first..)
            .zip(requests)
            .try_for_each(|(number, mut at)| ask_as(device, number, next_request(&mut at, &sent)))
    };
    let mut first = device(&flash, &pictures, &factory, first);
    assert_eq!(ask_as(&mut first, 1, Request::Revert), Err(Refusal::NotOnTrial));
    assert_eq!(send(&mut first, 2), Ok(()));

    let mut second = device(&flash, &pictures, &factory, second);
    assert_eq!(send(&mut second, 1), Err(Refusal::OnTrial));
    assert_eq!(ask_as(&mut second, 20, Request::Confirm { crc: crc32fast::hash(&sent) }), Ok(()));
    assert_eq!(ask_as(&mut second, 21, Request::Revert), Err(Refusal::NotOnTrial));
    assert_eq!(send(&mut second, 22), Ok(()));

    let mut third = device(&flash, &pictures, &factory, third);
    assert_eq!(ask_as(&mut third, 1, Request::Revert), Ok(()));
    assert!(third.restarts());
    // The one before runs, confirmed as it was.
    let mut fourth = device(&flash, &pictures, &factory, fourth);
    assert_eq!(ask_as(&mut fourth, 1, Request::Revert), Err(Refusal::NotOnTrial));
    assert_eq!(ask_as(&mut fourth, 2, Request::Confirm { crc: crc32fast::hash(&sent) }), Ok(()));
}

#[test]
fn requests_out_of_place_are_refused_by_name() {
    let (flash, pictures, factory) = (flash(), Pictures::new(), policy(0.25));
    let mut scratch = [0.0; 512];
    let mut device = device(&flash, &pictures, &factory, &mut scratch);
    let mut number = 0;
    let mut ask = |message: Request<'_>| {
        number += 1;
        ask_as(&mut device, number, message)
    };
    let bytes = &policy(0.5)[..];
    assert_eq!(
        ask(Request::Act { observation: &[0; 4] }),
        Err(Refusal::Observation { expected: 2 })
    );
    let nan = f32::NAN.to_le_bytes();
    assert_eq!(
        ask(Request::Act { observation: [nan, nan].as_flattened() }),
        Err(Refusal::NotFinite)
    );
    assert_eq!(
        ask(Request::Confirm { crc: crc32fast::hash(&factory) }),
        Err(Refusal::NothingToConfirm)
    );
    assert_eq!(ask(Request::Chunk { offset: 0, bytes: &[1] }), Err(Refusal::NotReceiving));
    assert_eq!(ask(Request::Finish), Err(Refusal::NotReceiving));
    let most = ROOM as u32;
    assert_eq!(ask(Request::Begin { bytes: most + 1 }), Err(Refusal::Room { most }));
    assert_eq!(ask(Request::Begin { bytes: u32::MAX }), Err(Refusal::Room { most }));
    assert_eq!(ask(Request::Begin { bytes: bytes.len() as u32 }), Ok(()));
    let chunk = |offset: usize, length| Request::Chunk {
        offset: offset as u32,
        bytes: &bytes[offset..offset + length],
    };
    assert_eq!(ask(chunk(0, 33)), Err(Refusal::ChunkLength));
    assert_eq!(ask(chunk(0, 0)), Err(Refusal::ChunkLength));
    assert_eq!(ask(chunk(64, 64)), Err(Refusal::Offset { expected: 0 }));
    assert_eq!(ask(chunk(0, 64)), Ok(()));
    assert_eq!(ask(chunk(0, 64)), Err(Refusal::Offset { expected: 64 }));
    assert_eq!(ask(Request::Finish), Err(Refusal::Offset { expected: 64 }));
    // A file with a byte that is not its own.
    for offset in (64..bytes.len()).step_by(CHUNK) {
        let mut bytes = bytes[offset..bytes.len().min(offset + CHUNK)].to_vec();
        bytes[0] ^= 1;
        assert_eq!(ask(Request::Chunk { offset: offset as u32, bytes: &bytes }), Ok(()));
    }
    assert_eq!(ask(Request::Finish), Err(Refusal::PolicyFile));
    assert_eq!(ask(Request::Finish), Err(Refusal::NotReceiving));

    // The same number brings the same answer, whatever is asked; a lower one none.
    assert_eq!(ask_as(&mut device, number, Request::Info), Err(Refusal::NotReceiving));
    let stale = Err(Refusal::Stale { last: number });
    assert_eq!(ask_as(&mut device, number - 1, Request::Restart), stale);
    assert!(!device.restarts());
    assert_eq!(ask_as(&mut device, u32::MAX, Request::Info), Ok(()));
}

#[test]
fn a_contract_that_nothing_here_would_keep_to_is_refused() {
    let unit = |rate| Signal { name: "arm", unit: "rad", rate, ..Signal::default() };
    for (rate, expected) in [(None, Ok(())), (Some(3.0), Err(Refusal::Contract))] {
        let contract = ContractSpec { actions: vec![unit(rate)], ..ContractSpec::default() };
        let bytes = contract.to_bytes().unwrap();
        let sent = agreed(0.5, Some(Contract::parse(&bytes).unwrap()));
        let (flash, pictures, factory) = (flash(), Pictures::new(), policy(0.25));
        let mut scratch = [0.0; 512];
        let mut device = device(&flash, &pictures, &factory, &mut scratch);
        // Begin, chunks, finish.
        let mut at = 0;
        let answers = (1..=sent.len().div_ceil(CHUNK) as u32 + 2).map(|number| {
            let request = next_request(&mut at, &sent);
            at += 1;
            ask_as(&mut device, number, request)
        });
        assert_eq!(answers.last(), Some(expected));
    }
}

#[test]
fn broken_frames_are_refused_by_name() {
    let (flash, pictures, factory) = (flash(), Pictures::new(), policy(0.25));
    let mut scratch = [0.0; 512];
    let mut device = device(&flash, &pictures, &factory, &mut scratch);
    let mut hear = |bytes: &[u8]| {
        let answers: Vec<_> = bytes.iter().filter_map(|&byte| device.receive(byte)).collect();
        assert!(answers.len() < 2);
        answers.first().map(|answer| read(answer).map(|_| ()))
    };
    assert_eq!(hear(&[0, 0, 0]), None);
    assert_eq!(hear(&[5, 1, 0]), Some(Err(Refusal::Damaged)));
    assert_eq!(hear(&vec![1; 5000]), None);
    assert_eq!(hear(&[0]), Some(Err(Refusal::TooLong)));
    // Whole, but with a request that there is none of, and one with something behind it.
    let unknown = frame(&Numbered { number: 1, message: 200_u8 }).unwrap();
    assert_eq!(hear(&unknown), Some(Err(Refusal::Unknown)));
    let longer = frame(&Numbered { number: 2, message: (Request::Info, 1_u8) }).unwrap();
    assert_eq!(hear(&longer), Some(Err(Refusal::Unknown)));
}
