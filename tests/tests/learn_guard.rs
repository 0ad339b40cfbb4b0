//! A guard over gradients changes nothing of what is usual, and lets nothing through that is not.

use lacewing_runtime::guard::GradientRules;
use lacewing_runtime::learn::{AnyAgent, LearnError, Learner, Replay, Settings};
use lacewing_tests::learner::{fill, replay_memory};
use lacewing_tests::methods::{Case, OBSERVATIONS, bytes, cases};
use lacewing_tests::saved::Saved;

/// Lets an agent learn from noise.
fn with<T>(case: &Case, learn: impl FnOnce(&mut AnyAgent<'_>, &mut Replay<'_>) -> T) -> T {
    let actions = case.shape.actions;
    let mut memory = replay_memory(100, OBSERVATIONS, actions.numbers());
    let mut data = Replay::new(&mut memory, OBSERVATIONS, actions.numbers()).unwrap();
    fill(&mut data, actions);
    case.with(|mut agent| learn(&mut agent, &mut data))
}

#[test]
fn usual_gradients_are_learned_from_bit_for_bit() {
    for mut case in cases() {
        for threads in [1, 2] {
            case.training.threads = threads;
            let learned = |rules: Option<GradientRules>| {
                with(&case, |agent, data| {
                    rules.into_iter().for_each(|rules| agent.guard_gradients(rules));
                    for _ in 0..12 {
                        if data.is_empty() {
                            fill(data, case.shape.actions);
                        }
                        agent.update(data).unwrap();
                    }
                    bytes(agent)
                })
            };
            let guarded = learned(Some(GradientRules::default()));
            assert!(guarded == learned(None), "{} {threads}", case.name);
        }
    }
}

/// A policy that waits for its critics has no gradient meanwhile, which is no size to measure its later ones by.
#[test]
fn a_policy_that_waited_for_its_critics_learns() {
    const WAITS: u64 = 150;
    let waits = |case: &Case| matches!(case.settings, Settings::Td3(_) | Settings::Sac(_));
    for mut case in cases().into_iter().filter(waits) {
        case.training.adapt.policy_after = WAITS;
        with(&case, |agent, data| {
            agent.guard_gradients(GradientRules::default());
            let weights = |agent: &AnyAgent<'_>| {
                let layers = agent.policy().layers().map(|layer| layer.weights.to_vec());
                layers.collect::<Vec<_>>()
            };
            let before = weights(agent);
            for update in 1..=2 * WAITS {
                assert!(agent.update(data).is_ok(), "{}: update {update}", case.name);
                let rests = case.training.method.is_static() && weights(agent) == before;
                assert!(rests || update > WAITS || !case.training.method.is_static());
            }
            assert!(weights(agent) != before, "{}: the policy has not moved", case.name);
        });
    }
}

#[test]
fn a_gradient_too_long_moves_nothing() {
    let rules = GradientRules { most: 1e-9, ..GradientRules::default() };
    for case in cases() {
        with(&case, |agent, data| {
            agent.guard_gradients(rules);
            let before = Saved::read(&bytes(agent));
            for _ in 0..12 {
                if data.is_empty() {
                    fill(data, case.shape.actions);
                }
                assert_eq!(agent.update(data), Err(LearnError::Rejected), "{}", case.name);
            }
            // Updates are counted, and random numbers go on.
            let after = Saved { header: before.header.clone(), ..Saved::read(&bytes(agent)) };
            assert!(before == after, "{}", case.name);
        });
    }
}
