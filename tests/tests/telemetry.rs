//! Records as frames: what goes in comes out, and what is broken costs no other record.

use lacewing_runtime::guard::{Acting, Switch, Why};
use lacewing_runtime::learn::MAX_LOSSES;
use lacewing_runtime::telemetry::{Event, Found, Frames, Guarded, MOST_FRAME_BYTES, Record, Ring};
use proptest::prelude::*;

/// One of each event, with numbers as long as they get.
fn events() -> Vec<Event> {
    let (u, f) = (u64::MAX, -1.5e-300);
    let switch = Switch::RolledBack { to: Acting::Factory, why: Why::NotFinite, for_good: true };
    vec![
        Event::Start { layout: u16::MAX, policy: u32::MAX, resumed: true },
        Event::Return { episode: u, total: f },
        Event::Losses { updates: u, figures: [Some(-1.5e-30); MAX_LOSSES] },
        Event::Evaluation { mean: f, std: f64::NAN, best: true },
        Event::Guard { by: Guarded::RejectedUpdate, count: u },
        Event::Rewire { dropped: u, live: u },
        Event::Latency { steps: u, p50_ns: u, p99_ns: u, p999_ns: u, max_ns: u },
        Event::Verdict { switch, mean: f, frozen: f },
        Event::Save { sequence: u, bytes: u },
        Event::SaveFailed,
        Event::Lost,
        Event::Stop,
    ]
}

fn records() -> Vec<Record> {
    let record = |event| Record { step: u64::MAX, millis: u64::MAX, event };
    events().into_iter().map(record).collect()
}

fn found(log: &[u8]) -> Vec<Found> {
    Frames::new(log).collect()
}

/// A record as text, so that NaN is itself.
fn text(found: &Found) -> String {
    format!("{found:?}")
}

#[test]
fn every_event_comes_back_and_has_its_number_for_ever() {
    let mut log = Vec::new();
    for (number, record) in records().iter().enumerate() {
        let frame = record.frame();
        assert!(frame.len() <= MOST_FRAME_BYTES && frame.ends_with(&[0]));
        assert!(!frame[..frame.len() - 1].contains(&0));
        let mut plain = [0; MOST_FRAME_BYTES];
        cobs::decode(&frame[..frame.len() - 1], &mut plain).unwrap();
        // Behind two varints of ten bytes.
        assert_eq!(usize::from(plain[20]), number, "{record:?}");
        log.extend_from_slice(&frame);
    }
    let expected: Vec<_> = records().into_iter().map(|it| text(&Found::Record(it))).collect();
    assert_eq!(found(&log).iter().map(text).collect::<Vec<_>>(), expected);
}

#[test]
fn guards_have_the_names_that_the_log_gives_them() {
    for by in Guarded::ALL {
        assert_eq!(serde_json::to_value(by).unwrap(), by.name());
    }
}

#[test]
fn an_event_of_a_newer_program_is_told_apart_from_a_broken_one() {
    // Step 1, millisecond 2, event 99.
    let mut plain = vec![1, 2, 99];
    plain.extend(crc32fast::hash(&plain).to_le_bytes());
    let mut log = cobs::encode_vec(&plain);
    log.push(0);
    assert_eq!(found(&log), [Found::Unknown]);
    log[1] ^= 0x80;
    assert_eq!(found(&log), [Found::Broken]);
}

#[test]
fn the_oldest_give_way_and_are_counted() {
    let record =
        |step| Record { step, millis: 0, event: Event::Return { episode: step, total: 0.5 } };
    let size = record(1).frame().len();
    for room in [size, 3 * size, 3 * size + 7] {
        let mut memory = vec![0; room];
        let mut ring = Ring::new(&mut memory);
        for step in 1..=100 {
            ring.push(&record(step));
        }
        let kept = room / size;
        assert_eq!(ring.dropped(), 100 - kept as u64);
        let refused: Result<(), ()> = ring.take(|_| Err(()));
        assert!(refused.is_err() && ring.len() == kept * size);
        let mut log = Vec::new();
        let taken: Result<(), ()> = ring.take(|pieces| {
            log.extend(pieces.concat());
            Ok(())
        });
        taken.unwrap();
        let steps = found(&log);
        let expected: Vec<_> =
            (101 - kept as u64..=100).map(|it| Found::Record(record(it))).collect();
        assert_eq!(steps, expected);
        assert!(ring.is_empty());
        ring.push(&record(7));
        assert_eq!(ring.len(), size);
    }
    let mut memory = vec![0; size - 1];
    let mut ring = Ring::new(&mut memory);
    ring.push(&record(1));
    assert!(ring.is_empty() && ring.dropped() == 1);
}

proptest! {
    #[test]
    fn any_bytes_are_read_to_the_end(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let frames = found(&bytes);
        prop_assert!(frames.len() <= bytes.len().div_ceil(2));
    }

    #[test]
    fn damage_costs_no_frame_that_it_does_not_touch(
        at in any::<prop::sample::Index>(),
        garbage in proptest::collection::vec(any::<u8>(), 1..40),
    ) {
        let frames: Vec<_> = records().iter().map(Record::frame).collect();
        let mut log = frames.concat();
        let from = at.index(log.len());
        let to = log.len().min(from + garbage.len());
        log[from..to].copy_from_slice(&garbage[..to - from]);
        let found: Vec<_> = found(&log).iter().map(text).collect();
        let mut start = 0;
        for (frame, record) in frames.iter().zip(records()) {
            let end = start + frame.len();
            // The zero before a frame belongs to it too.
            if end <= from || start > to {
                prop_assert!(found.contains(&text(&Found::Record(record))));
            }
            start = end;
        }
    }
}
