//! Transitions that travel in a policy file are those a replay held, and what is damaged is refused.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use lacewing_formats::artifact::{AlignedBytes, PolicyView};
use lacewing_runtime::learn::session::Buffers;
use lacewing_runtime::learn::{
    ActionSpace, Arena, Block, Replay, ReplayShape, ReplayValues, Resume, Shipped, ShippedError,
    Transition,
};
use lacewing_tests::edge;
use lacewing_tests::program::lacewing;
use lacewing_tests::runs::{SHORT, succeed, train};
use proptest::prelude::*;

const OBSERVATIONS: usize = 3;
const CONTINUOUS: ActionSpace = ActionSpace::Continuous(2);

fn shape(actions: ActionSpace, transitions: usize) -> ReplayShape {
    ReplayShape {
        observations: OBSERVATIONS,
        actions: actions.numbers(),
        transitions,
        ends: transitions,
        values: ReplayValues::F32,
        action_values: ReplayValues::F32,
    }
}

/// A step from `before` to `before` + 1: whether its episode ends there, and how.
fn step(replay: &mut Replay<'_>, before: u32, (terminated, truncated): (bool, bool)) {
    let [observation, next] = [before, before + 1].map(|at| [at as f32, -(at as f32), 0.5]);
    let action = [(before % 9) as f32 / 9.0, -0.25];
    replay
        .push(Transition {
            observation: &observation,
            action: &action,
            reward: 10.0 * before as f32,
            next_observation: &next,
            terminated,
            truncated,
        })
        .unwrap();
}

fn shipped(replay: &Replay<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let append = |piece: &[u8]| {
        bytes.extend_from_slice(piece);
        Ok::<_, ()>(())
    };
    replay.ship(append).unwrap();
    bytes
}

fn store(bytes: &[u8], actions: ActionSpace, replay: &mut Replay<'_>) {
    let mut buffers = Buffers {
        observation: &mut [0.0; OBSERVATIONS],
        next_observation: &mut [0.0; OBSERVATIONS],
        action: &mut vec![0.0; actions.numbers()],
    };
    Shipped::parse(bytes, OBSERVATIONS, actions).unwrap().store(replay, &mut buffers).unwrap();
}

proptest! {
    #[test]
    fn what_was_held_is_held_again(ends in prop::collection::vec(0u8..6, 1..60), places in 1usize..40) {
        let kept = shape(CONTINUOUS, places);
        let mut memory = vec![vec![Block::ZERO; kept.blocks()]; 2];
        let [one, other] = memory.as_mut_slice() else { unreachable!() };
        let mut before = Replay::compact(&mut Arena::new(one), kept, |_| None).unwrap();
        for (at, end) in ends.iter().enumerate() {
            step(&mut before, at as u32, (*end == 0, *end == 1));
            if *end == 2 {
                before.cut();
            }
        }
        // What is shipped ends with the newest.
        let bytes = shipped(&before);
        before.cut();
        let mut after = Replay::compact(&mut Arena::new(other), kept, |_| None).unwrap();
        store(&bytes, CONTINUOUS, &mut after);
        prop_assert_eq!(after.len(), before.len());
        let all = |replay: &Replay<'_>| -> Vec<(Vec<f32>, bool, bool)> {
            replay.oldest(replay.len()).map(|index| {
                let step = replay.get(index);
                let parts = [step.observation, step.action, step.next_observation];
                let numbers = parts.iter().flat_map(|part| part.iter()).chain([step.reward]);
                (numbers.collect(), step.terminated, step.truncated)
            }).collect()
        };
        prop_assert_eq!(all(&after), all(&before));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Shipped::parse(&bytes, OBSERVATIONS, CONTINUOUS);
    }
}

#[test]
fn damage_is_refused() {
    let kept = shape(CONTINUOUS, 8);
    let mut memory = vec![Block::ZERO; kept.blocks()];
    let mut replay = Replay::compact(&mut Arena::new(&mut memory), kept, |_| None).unwrap();
    for at in 0..8 {
        step(&mut replay, at, (at == 3, false));
    }
    let whole = shipped(&replay);
    let parse = |bytes: &[u8]| Shipped::parse(bytes, OBSERVATIONS, CONTINUOUS).map(|it| it.count());
    assert_eq!(parse(&whole), Ok(8));
    for length in 0..whole.len() {
        assert_eq!(parse(&whole[..length]), Err(ShippedError::Shape), "{length} bytes");
    }
    let with = |word: usize, to: [u8; 4]| {
        let mut bytes = whole.clone();
        bytes[4 * word..][..4].copy_from_slice(&to);
        parse(&bytes)
    };
    for count in [0, 7, 9, u32::MAX] {
        assert_eq!(with(0, count.to_le_bytes()), Err(ShippedError::Shape), "{count} transitions");
        assert_eq!(with(1, count.to_le_bytes()), Err(ShippedError::Shape), "{count} ends");
    }
    // The ends: behind nothing, behind the last but one, behind more than there are.
    for (word, end) in [(2, 0u32), (2, 16), (3, 14), (3, 18)] {
        assert_eq!(with(word, end.to_le_bytes()), Err(ShippedError::Shape), "end {end}");
    }
    // The first frame: an observation, then an action.
    let number = |word: usize, number: f32| with(word, number.to_le_bytes());
    assert_eq!(number(4, f32::NAN), Err(ShippedError::Number));
    assert_eq!(number(4, 1e30), Ok(8));
    assert_eq!(number(7, 1.5), Err(ShippedError::Number));
    // Of discrete actions there are whole ones only.
    let one = ActionSpace::Discrete(2);
    let mut memory = vec![Block::ZERO; shape(one, 1).blocks()];
    let mut replay =
        Replay::compact(&mut Arena::new(&mut memory), shape(one, 1), |_| None).unwrap();
    let (observation, next_observation) = (&[0.0; OBSERVATIONS], &[1.0; OBSERVATIONS]);
    for (action, is_one) in [(0.0, true), (1.0, true), (2.0, false), (0.5, false), (-1.0, false)] {
        let (reward, terminated, truncated) = (1.0, false, false);
        let action = &[action];
        let step =
            Transition { observation, action, reward, next_observation, terminated, truncated };
        replay.push(step).unwrap();
        let parsed = Shipped::parse(&shipped(&replay), OBSERVATIONS, one).map(|it| it.count());
        assert_eq!(parsed, if is_one { Ok(1) } else { Err(ShippedError::Number) }, "{action:?}");
    }
}

fn run(arguments: &[&str], files: [&Path; 2]) -> Output {
    let [from, to] = files;
    let mut command = Command::new(lacewing());
    command.args(arguments).arg(from).arg("--out").arg(to).arg("--force").output().unwrap()
}

fn count(policy: &Path) -> Option<usize> {
    let bytes = AlignedBytes::read(policy).unwrap();
    let view = PolicyView::parse(&bytes).unwrap();
    Resume::parse(view.resume()?).unwrap().shipped().map(Shipped::count)
}

#[test]
fn fine_tuning_begins_with_what_the_file_brings() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    succeed(&mut train(&SHORT, &path("run")));
    let (policy, laden, tuned) = (path("run/policy.lace"), path("laden.lace"), path("tuned.lace"));
    let export = run(&["export", "--transitions=700"], [&policy, &laden]);
    assert!(export.status.success(), "{export:?}");
    assert_eq!((count(&policy), count(&laden)), (None, Some(700)));
    let inspected = succeed(Command::new(lacewing()).arg("inspect").arg(&laden));
    let text = String::from_utf8_lossy(&inspected.stdout).into_owned();
    assert!(text.contains("with 700 transitions to begin with"), "{text}");

    // It learns from them, and they go on travelling.
    let options = ["finetune", "--shift=gear=0.5", "--steps=100", "--warm-up=0", "--episodes=1"];
    let learned = [&policy, &laden].map(|from| {
        let options = [&options[..], &["--evaluate-every=50"]].concat();
        let told = run(&options, [from, &tuned]);
        assert!(told.status.success(), "{told:?}");
        let told = String::from_utf8_lossy(&told.stdout).into_owned()
            + &String::from_utf8_lossy(&told.stderr);
        let at_last = told.rsplit("step 100: ").next().and_then(|rest| rest.lines().next());
        (count(&tuned), at_last.expect("it is evaluated").to_owned())
    });
    assert_eq!((learned[0].0, learned[1].0), (None, Some(700)));
    assert_ne!(learned[0].1, learned[1].1, "what they brought changed nothing");

    let driver = format!("exec '{}' env serve Pendulum-v1", lacewing().display());
    let on_device = |policy: &Path| {
        let mut command = Command::new(edge::program());
        command.arg("finetune").arg(policy).args([
            "--env-command",
            &driver,
            "--steps=60",
            "--force",
        ]);
        let told =
            command.args(["--warm-up=0", "--episodes=1", "--out"]).arg(&tuned).output().unwrap();
        assert!(told.status.success(), "{told:?}");
        String::from_utf8_lossy(&told.stdout).into_owned()
    };
    let told = on_device(&laden);
    assert!(told.contains("begins with 700 transitions"), "{told}");
    assert_eq!(count(&tuned), Some(700));
    assert!(!on_device(&policy).contains("begins with"));

    // They can be left behind, and go where the learner goes.
    let without = run(&["export", "--transitions=0"], [&laden, &tuned]);
    assert!(without.status.success() && count(&tuned).is_none());
    assert_eq!(fs::read(&tuned).unwrap(), fs::read(&policy).unwrap());
    let frozen = run(&["export", "--no-resume-section"], [&laden, &tuned]);
    assert!(frozen.status.success() && count(&tuned).is_none());
    let refused = run(&["export", "--transitions=9"], [&tuned, &path("no.lace")]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("no resume section"), "{refused:?}");
}
