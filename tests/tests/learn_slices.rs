//! An update that is made in slices is the update, whatever the slices.

use lacewing_runtime::learn::{AnyAgent, LearnError, Learner, Losses, Replay, Settings};
use lacewing_tests::learner::{fill, replay_memory};
use lacewing_tests::methods::{Case, OBSERVATIONS, bytes, cases};
use proptest::prelude::*;
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Long enough that every method has changed the topology.
const UPDATES: usize = 12;

/// Minibatches of more than a tile, so that there is something to slice.
fn larger(mut case: Case) -> Case {
    match &mut case.settings {
        Settings::Td3(td3) => td3.batch = 150,
        Settings::Sac(sac) => sac.batch = 150,
        Settings::Dqn(dqn) => dqn.batch = 150,
        Settings::Ppo(ppo) => ppo.batch = 70,
    }
    case
}

/// What `UPDATES` updates, each made by `update`, leave behind.
fn learned(
    case: &Case,
    mut update: impl FnMut(&mut AnyAgent<'_>, &mut Replay<'_>) -> Losses,
) -> (Vec<u8>, Vec<Losses>) {
    let actions = case.shape.actions;
    let mut memory = replay_memory(100, OBSERVATIONS, actions.numbers());
    let mut data = Replay::new(&mut memory, OBSERVATIONS, actions.numbers()).unwrap();
    case.with(|mut agent| {
        let mut losses = Vec::new();
        for _ in 0..UPDATES {
            if data.is_empty() {
                fill(&mut data, actions);
            }
            losses.push(update(&mut agent, &mut data));
        }
        (bytes(&agent), losses)
    })
}

/// One update in slices of random length; now and then the rest of it is made at once.
fn in_slices(agent: &mut AnyAgent<'_>, data: &mut Replay<'_>, rng: &mut impl Rng) -> Losses {
    loop {
        let mut left = rng.next_u32() % 5;
        let mut more = || {
            left = left.saturating_sub(1);
            left > 0
        };
        if let Some(losses) = agent.learn(data, &mut more).unwrap() {
            assert!(!agent.is_learning());
            return losses;
        }
        if rng.next_u32().is_multiple_of(16) {
            return agent.update(data).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, ..ProptestConfig::default() })]
    #[test]
    fn slices_change_no_bit(seed: u64, threads in 1_u32..=3) {
        for case in cases() {
            let mut case = larger(case);
            case.training.threads = threads;
            let whole = learned(&case, |agent, data| agent.update(data).unwrap());
            let rng = &mut Xoshiro256PlusPlus::seed_from_u64(seed);
            let sliced = learned(&case, |agent, data| in_slices(agent, data, rng));
            prop_assert!(whole == sliced, "{}, {threads} threads", case.name);
        }
    }
}

#[test]
fn a_slice_is_a_tile_a_step_or_a_change() {
    for case in cases().into_iter().map(larger) {
        let mut slices = Vec::new();
        learned(&case, |agent, data| {
            for count in 1.. {
                let mut once = [false, true].into_iter();
                if let Some(losses) = agent.learn(data, &mut || once.next_back().unwrap()).unwrap()
                {
                    slices.push(count);
                    return losses;
                }
                assert!(agent.is_learning());
            }
            unreachable!("an update has an end")
        });
        // At the least the draw, two or three tiles, the end of the changes and one step for each network.
        let (least, most) = (slices.iter().min().unwrap(), slices.iter().max().unwrap());
        assert!((5..40).contains(least), "{}: {slices:?}", case.name);
        assert!(*most < 60, "{}: {slices:?}", case.name);
    }
}

#[test]
fn no_slice_is_made_where_there_is_no_time_and_none_without_data() {
    let case = &cases()[0];
    let mut memory = replay_memory(100, OBSERVATIONS, 2);
    let mut data = Replay::new(&mut memory, OBSERVATIONS, 2).unwrap();
    case.with(|mut agent| {
        assert_eq!(agent.learn(&mut data, &mut || true), Err(LearnError::NoData));
        fill(&mut data, case.shape.actions);
        let before = bytes(&agent);
        assert_eq!(agent.learn(&mut data, &mut || false), Ok(None));
        assert!(!agent.is_learning());
        assert!(bytes(&agent) == before);
    });
}
