//! A compact replay holds what a replay of rows does, within what its numbers can express.

use lacewing_formats::artifact::PolicyView;
use lacewing_formats::codec::Encoding;
use lacewing_formats::policy::{ContractSpec, Signal};
use lacewing_runtime::learn::{
    ActionSpace, Arena, Block, Learner, OutOfMemory, Range, Replay, ReplayError, ReplayShape,
    ReplayValues, Stored, Transition, observation_range,
};
use lacewing_runtime::random::Xoshiro256PlusPlus;
use lacewing_tests::actor;
use lacewing_tests::learner::replay_memory;
use lacewing_tests::methods::{OBSERVATIONS, bytes, cases};
use lacewing_tests::policy_file::Owned;
use rand_core::{Rng, SeedableRng};

const ACTIONS: usize = 2;
const AROUND: Range = Range { low: -4.0, high: 4.0 };

fn shape(values: ReplayValues, transitions: usize, ends: usize) -> ReplayShape {
    let action_values = values;
    let (observations, actions) = (OBSERVATIONS, ACTIONS);
    ReplayShape { observations, actions, transitions, ends, values, action_values }
}

fn range(_: usize) -> Option<Range> {
    Some(AROUND)
}

/// One step of a world, and what becomes of its episode.
struct Walk {
    rng: Xoshiro256PlusPlus,
    observation: Vec<f32>,
    next: Vec<f32>,
    action: Vec<f32>,
    steps: u32,
}

impl Walk {
    fn new(seed: u64, actions: usize) -> Self {
        let rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let observation = vec![0.0; OBSERVATIONS];
        Self { rng, next: observation.clone(), observation, action: vec![0.0; actions], steps: 0 }
    }

    fn unit(&mut self) -> f32 {
        (self.rng.next_u32() >> 8) as f32 / (1 << 24) as f32
    }

    /// Pushes a step into all of `rings`; about one in `length` ends an episode, and one in three times
    /// as many is lost.
    fn push(&mut self, rings: &mut [&mut Replay<'_>], actions: ActionSpace, length: f32) {
        for at in 0..OBSERVATIONS {
            self.observation[at] = self.next[at];
            self.next[at] = 3.9 * (2.0 * self.unit() - 1.0);
        }
        for at in 0..self.action.len() {
            self.action[at] = match actions {
                ActionSpace::Continuous(_) => 2.0 * self.unit() - 1.0,
                ActionSpace::Discrete(count) => (self.unit() * count as f32).floor(),
            };
        }
        let (ends, terminated) = (self.unit() * length < 1.0, self.unit() < 0.5);
        self.steps += 1;
        let step = Transition {
            observation: &self.observation,
            action: &self.action,
            reward: self.steps as f32,
            next_observation: &self.next,
            terminated: ends && terminated,
            truncated: ends && !terminated,
        };
        rings.iter_mut().for_each(|ring| ring.push(step).unwrap());
        if ends {
            self.next.fill(0.5);
        }
        if self.unit() * 3.0 * length < 1.0 {
            rings.iter_mut().for_each(|ring| ring.cut());
            self.next.fill(-0.5);
        }
    }
}

/// Both hold the same transitions under the same indices.
fn assert_same(rows: &Replay<'_>, compact: &Replay<'_>) {
    assert_eq!(rows.len(), compact.len());
    for index in 0..rows.len() {
        let (a, b) = (rows.get(index), compact.get(index));
        let all = |step: &Stored<'_>| {
            let parts = [step.observation, step.action, step.next_observation];
            parts.iter().flat_map(|part| part.iter()).map(f32::to_bits).collect::<Vec<_>>()
        };
        assert_eq!(all(&a), all(&b), "transition {index}");
        let ends = (a.reward.to_bits(), a.terminated, a.truncated);
        assert_eq!(ends, (b.reward.to_bits(), b.terminated, b.truncated), "transition {index}");
        let run = |ring: &Replay<'_>| ring.run(index as u32, 5).collect::<Vec<_>>();
        assert_eq!(run(rows), run(compact));
    }
    assert!(rows.oldest(9).eq(compact.oldest(9)));
}

#[test]
fn frames_of_f32_are_rows() {
    for transitions in [1, 2, 7, 30] {
        let mut numbers = replay_memory(transitions, OBSERVATIONS, ACTIONS);
        let mut rows = Replay::new(&mut numbers, OBSERVATIONS, ACTIONS).unwrap();
        let shape = shape(ReplayValues::F32, transitions, transitions);
        let mut memory = vec![Block::ZERO; shape.blocks()];
        let mut compact = Replay::compact(&mut Arena::new(&mut memory), shape, |_| None).unwrap();
        let mut walk = Walk::new(transitions as u64, ACTIONS);
        for step in 0..40 * transitions {
            walk.push(&mut [&mut rows, &mut compact], ActionSpace::Continuous(2), 3.0);
            assert_same(&rows, &compact);
            match step % 23 {
                11 => [&mut rows, &mut compact].map(|ring| ring.keep_newest(transitions / 2)),
                22 if step % 2 == 0 => [&mut rows, &mut compact].map(Replay::clear),
                _ => continue,
            };
            assert_same(&rows, &compact);
        }
        let drawn = |ring: &Replay<'_>| {
            let mut indices = [0; 50];
            ring.sample(&mut Xoshiro256PlusPlus::seed_from_u64(1), &mut indices);
            indices
        };
        assert_eq!(drawn(&rows), drawn(&compact));
    }
}

#[test]
fn learning_from_frames_of_f32_gives_the_same_bits() {
    for case in cases().into_iter().filter(|case| case.name.ends_with(" rigl")) {
        let actions = case.shape.actions;
        let steps = case.settings.iteration().unwrap_or(100);
        let learned = |data: &mut Replay<'_>| {
            let mut walk = Walk::new(5, actions.numbers());
            case.with(|mut agent| {
                for _ in 0..12 {
                    if case.settings.iteration().is_none() || data.is_empty() {
                        let pushed = if data.is_empty() { steps } else { 1 };
                        for _ in 0..pushed {
                            walk.push(&mut [&mut *data], actions, 50.0);
                        }
                    }
                    agent.update(data).unwrap();
                }
                bytes(&agent)
            })
        };
        let mut numbers = replay_memory(steps, OBSERVATIONS, actions.numbers());
        let rows =
            learned(&mut Replay::new(&mut numbers, OBSERVATIONS, actions.numbers()).unwrap());
        let of = |values| {
            let shape = ReplayShape::new(&case.shape, case.settings.kind(), values, steps);
            let mut memory = vec![Block::ZERO; shape.blocks()];
            learned(&mut Replay::compact(&mut Arena::new(&mut memory), shape, range).unwrap())
        };
        assert!(rows == of(ReplayValues::F32), "{}", case.name);
        assert!(rows != of(ReplayValues::F16) && rows != of(ReplayValues::U8), "{}", case.name);
    }
}

#[test]
fn numbers_are_off_by_half_a_step_and_clipped_where_they_are_beyond() {
    for (values, most) in [(ReplayValues::F16, 8.0 / 8192.0), (ReplayValues::U8, 8.0 / 510.0)] {
        let shape = shape(values, 40, 40);
        let mut memory = vec![Block::ZERO; shape.blocks()];
        let mut compact = Replay::compact(&mut Arena::new(&mut memory), shape, range).unwrap();
        let mut numbers = replay_memory(40, OBSERVATIONS, ACTIONS);
        let mut rows = Replay::new(&mut numbers, OBSERVATIONS, ACTIONS).unwrap();
        let mut walk = Walk::new(3, ACTIONS);
        for _ in 0..100 {
            walk.push(&mut [&mut rows, &mut compact], ActionSpace::Continuous(2), 9.0);
        }
        let mut greatest: f32 = 0.0;
        for index in 0..40 {
            let (a, b) = (rows.get(index), compact.get(index));
            for (a, b) in a.observation.iter().zip(b.observation.iter()) {
                greatest = greatest.max((a - b).abs());
            }
            for (a, b) in a.action.iter().zip(b.action.iter()) {
                assert!((a - b).abs() < 1.01 / 255.0);
            }
            assert_eq!((a.reward, a.truncated), (b.reward, b.truncated));
        }
        assert!(greatest > 0.5 * most && greatest < 1.001 * most, "{values}: off by {greatest}");

        assert_eq!(compact.clipped(), 0);
        let beyond = [5.0, -6.0, 0.0, 1e9, 4.0];
        let step = Transition {
            observation: &beyond,
            action: &[1.0, -1.5],
            reward: 0.0,
            next_observation: &[0.0; OBSERVATIONS],
            terminated: false,
            truncated: false,
        };
        compact.cut();
        compact.push(step).unwrap();
        let newest = compact.oldest(40).last().unwrap();
        let kept: Vec<f32> = compact.get(newest).observation.iter().collect();
        if values == ReplayValues::U8 {
            assert_eq!(compact.clipped(), 4);
            let near: [f32; 5] = [4.0, -4.0, 0.0, 4.0, 4.0];
            assert!(kept.iter().zip(near).all(|(a, b)| (a - b).abs() <= most), "{kept:?}");
        } else {
            // Two bytes reach far.
            assert_eq!(compact.clipped(), 1);
            assert_eq!(kept[3], 4.0 * 65504.0);
        }
    }
}

#[test]
fn where_ends_have_few_places_the_newest_transitions_stay() {
    let shape = shape(ReplayValues::F32, 50, 3);
    let mut memory = vec![Block::ZERO; shape.blocks()];
    let mut compact = Replay::compact(&mut Arena::new(&mut memory), shape, |_| None).unwrap();
    let mut numbers = replay_memory(50, OBSERVATIONS, ACTIONS);
    let mut rows = Replay::new(&mut numbers, OBSERVATIONS, ACTIONS).unwrap();
    let mut walk = Walk::new(8, ACTIONS);
    let mut fewest = usize::MAX;
    for pushed in 1..500 {
        walk.push(&mut [&mut rows, &mut compact], ActionSpace::Continuous(2), 5.0);
        let rewards = |ring: &Replay<'_>| {
            ring.oldest(50).map(|index| ring.get(index).reward).collect::<Vec<_>>()
        };
        let (all, some) = (rewards(&rows), rewards(&compact));
        assert!(all.ends_with(&some) && !some.is_empty());
        let ends = compact.oldest(50).filter(|&index| {
            let step = compact.get(index);
            step.terminated || step.truncated
        });
        let ends = ends.count();
        // As many as there are places for, unless all that was pushed is there.
        assert!(ends == 3 || some.len() == pushed || some.len() == 50, "{ends}");
        fewest = if pushed > 100 { fewest.min(some.len()) } else { fewest };
    }
    assert!(fewest < 20);
}

#[test]
fn it_takes_the_memory_that_it_says_and_names_what_is_missing() {
    for values in [ReplayValues::F32, ReplayValues::F16, ReplayValues::U8] {
        let shape = shape(values, 100, 7);
        let mut memory = vec![Block::ZERO; shape.blocks()];
        let mut arena = Arena::new(&mut memory);
        Replay::compact(&mut arena, shape, range).unwrap();
        assert_eq!(arena.left(), 0);
        let mut short = vec![Block::ZERO; shape.blocks() - 1];
        let short = Replay::compact(&mut Arena::new(&mut short), shape, range);
        assert!(matches!(short, Err(ReplayError::Memory(OutOfMemory { .. }))));
    }
    let mut memory = vec![Block::ZERO; 1000];
    let mut make = |shape, range: fn(usize) -> Option<Range>| {
        Replay::compact(&mut Arena::new(&mut memory), shape, range).map(|_| ())
    };
    let bytes = shape(ReplayValues::U8, 10, 1);
    let unknown = |index| Some(AROUND).filter(|_| index != 2);
    assert_eq!(make(bytes, unknown), Err(ReplayError::NoRange { index: 2 }));
    let narrow = |_| Some(Range { low: 1.0, high: 1.0 });
    assert_eq!(make(bytes, narrow), Err(ReplayError::NoRange { index: 0 }));
    assert_eq!(make(shape(ReplayValues::F16, 10, 1), unknown), Ok(()));
    for none in [shape(ReplayValues::U8, 0, 1), shape(ReplayValues::U8, usize::MAX, 1)] {
        assert_eq!(make(none, range), Err(ReplayError::Transitions));
    }
}

#[test]
fn the_newer_is_drawn_the_more_often() {
    let shape = shape(ReplayValues::U8, 64, 64);
    let mut memory = vec![Block::ZERO; shape.blocks()];
    let mut ring = Replay::compact(&mut Arena::new(&mut memory), shape, range).unwrap();
    ring.set_half_life(Some(16.0));
    let mut walk = Walk::new(2, ACTIONS);
    for pushed in 1..150 {
        walk.push(&mut [&mut ring], ActionSpace::Continuous(2), 50.0);
        if ![1, 40, 64, 100, 149].contains(&pushed) {
            continue;
        }
        let mut indices = vec![0; 20_000];
        ring.sample(&mut Xoshiro256PlusPlus::seed_from_u64(pushed), &mut indices);
        let mut drawn = vec![0.0; ring.len()];
        for index in indices {
            let after = pushed as f32 - ring.get(index as usize).reward;
            drawn[after as usize] += 1.0 / 20_000.0;
        }
        let weight = |after: usize| 0.5_f64.powf(after as f64 / 16.0);
        let all: f64 = (0..drawn.len()).map(weight).sum();
        for (after, share) in drawn.into_iter().enumerate() {
            let expected = weight(after) / all;
            // Five standard deviations.
            let off = 5.0 * (expected * (1.0 - expected) / 20_000.0).sqrt();
            assert!((share - expected).abs() <= off + 1e-9, "{after}: {share}, not {expected}");
        }
    }
}

#[test]
fn ranges_are_those_of_the_contract_then_of_the_normaliser() {
    let mut network = actor::random(&[6, 4, 1], 0.5, 1);
    (network.low, network.high) = (vec![-2.0], vec![2.0]);
    let range = |network: &Owned, index| {
        let file = network.write(Encoding::PLAIN).unwrap();
        observation_range(&PolicyView::parse(&file).unwrap(), index)
    };
    assert_eq!(range(&network, 0), None);
    network.normaliser = Some((vec![1.0; 6], vec![2.0; 6], 10.0));
    let of_normaliser = Some(Range { low: -9.0, high: 11.0 });
    assert_eq!(range(&network, 5), of_normaliser);
    // Two frames of two sensors and the action before; the driver's units are turned.
    let limited =
        Signal { offset: 1.0, scale: -0.5, low: Some(-1.0), high: Some(3.0), ..Signal::default() };
    let contract = ContractSpec {
        history: 2,
        previous_action: true,
        observations: vec![limited, Signal { low: Some(0.0), ..Signal::default() }],
        actions: vec![Signal::default()],
        ..ContractSpec::default()
    };
    network.contract = Some(contract.to_bytes().unwrap());
    let turned = Some(Range { low: -1.0, high: 1.0 });
    let action = Some(Range { low: -2.0, high: 2.0 });
    let expected = [turned, of_normaliser, action, turned, of_normaliser, action];
    assert_eq!([0, 1, 2, 3, 4, 5].map(|index| range(&network, index)), expected);
}
