//! What a fine-tuning may move moves, and nothing else.

use lacewing_runtime::learn::{
    Adapt, AlgorithmKind, AnyAgent, LearnError, Learner, Learns, Replay, Seeds,
};
use lacewing_tests::learner::{fill, replay_memory};
use lacewing_tests::methods::{Case, OBSERVATIONS, bytes, cases, saved};
use lacewing_tests::saved::Saved;

const UPDATES: usize = 8;

/// The agent before and after some updates with `adapt`.
fn tuned(case: &Case, adapt: Adapt, updates: usize) -> [Saved; 2] {
    let mut case = case.clone();
    case.training.adapt = adapt;
    let actions = case.shape.actions;
    let mut memory = replay_memory(100, OBSERVATIONS, actions.numbers());
    let mut data = Replay::new(&mut memory, OBSERVATIONS, actions.numbers()).unwrap();
    case.with(|mut agent| {
        let before = saved(&agent);
        for _ in 0..updates {
            if data.is_empty() {
                fill(&mut data, actions);
            }
            agent.update(&mut data).unwrap();
        }
        [before, saved(&agent)]
    })
}

/// Of each layer of a network, whether weights and biases moved.
fn moved(before: &Saved, after: &Saved, network: usize) -> Vec<[bool; 2]> {
    let layers = before.online[network].iter().zip(&after.online[network]);
    let differs = |a: &[f32], b: &[f32]| a != b;
    layers
        .map(|(before, after)| {
            let (before, after) = (&before.links, &after.links);
            [differs(&before.weights, &after.weights), differs(&before.bias, &after.bias)]
        })
        .collect()
}

fn with_critics(case: &Case) -> bool {
    case.settings.kind() != AlgorithmKind::Dqn
}

#[test]
fn of_the_policy_only_what_learns_moves_and_its_links_stay() {
    for case in cases().iter().filter(|case| !case.name.contains("prune")) {
        let all = Adapt::default();
        for (policy, expected) in [
            (Learns::OutputLayer, [[false; 2], [false; 2], [true; 2]]),
            (Learns::Biases, [[false, true]; 3]),
        ] {
            let [before, after] = tuned(case, Adapt { policy, ..all }, UPDATES);
            assert_eq!(moved(&before, &after, 0), expected, "{}", case.name);
            for (before, after) in before.online[0].iter().zip(&after.online[0]) {
                assert!(before.links.places(24) == after.links.places(24), "{}", case.name);
            }
            if with_critics(case) {
                assert_eq!(moved(&before, &after, 1), [[true; 2]; 3], "{}", case.name);
            }
        }
    }
}

#[test]
fn critics_learn_first_or_not_at_all() {
    for case in cases().iter().filter(|case| with_critics(case)) {
        let all = Adapt::default();
        let first = Adapt { policy_after: UPDATES as u64, ..all };
        let [before, after] = tuned(case, first, UPDATES);
        assert_eq!(moved(&before, &after, 0), [[false; 2]; 3], "{}", case.name);
        assert_eq!(moved(&before, &after, 1), [[true; 2]; 3], "{}", case.name);
        let [before, after] = tuned(case, first, UPDATES + 2);
        assert_eq!(moved(&before, &after, 0), [[true; 2]; 3], "{}", case.name);
        let [before, after] = tuned(case, Adapt { critics: false, ..all }, UPDATES);
        assert_eq!(moved(&before, &after, 0), [[true; 2]; 3], "{}", case.name);
        assert_eq!(moved(&before, &after, 1), [[false; 2]; 3], "{}", case.name);
    }
}

/// Whether a case is of an algorithm that can be pulled and imitate, with links that stay.
fn has_pull(case: &Case) -> bool {
    let of = |name| case.name.starts_with(name);
    (of("td3") || of("sac")) && case.name.ends_with(" static")
}

/// Squares of how far the policy's actions went from those of the fresh agent.
fn distance(case: &Case, stay_near: f32) -> f32 {
    let mut case = case.clone();
    case.training.adapt.stay_near = stay_near;
    let actions = case.shape.actions.numbers();
    let mut memory = replay_memory(100, OBSERVATIONS, actions);
    let mut data = Replay::new(&mut memory, OBSERVATIONS, actions).unwrap();
    fill(&mut data, case.shape.actions);
    case.with(|mut agent| {
        let act = |agent: &mut AnyAgent<'_>, at: usize| {
            let mut action = vec![0.0; actions];
            let observation: Vec<f32> = data.get(at).observation.iter().collect();
            agent.act(&observation, &mut action).unwrap();
            action
        };
        let before: Vec<_> = (0..100).map(|at| act(&mut agent, at)).collect();
        let mut again = replay_memory(100, OBSERVATIONS, actions);
        let mut learned = Replay::new(&mut again, OBSERVATIONS, actions).unwrap();
        fill(&mut learned, case.shape.actions);
        (0..300).for_each(|_| {
            agent.update(&mut learned).unwrap();
        });
        let after = (0..100).map(|at| act(&mut agent, at));
        let squares = before.iter().zip(after).map(|(before, after)| {
            before.iter().zip(after).map(|(a, b)| (a - b) * (a - b)).sum::<f32>()
        });
        squares.sum()
    })
}

#[test]
fn a_pull_keeps_the_policy_near() {
    let pulled = cases().into_iter().filter(has_pull);
    let mut compared = 0;
    for case in pulled {
        let [free, near, nearer] = [0.0, 1.0, 30.0].map(|weight| distance(&case, weight));
        assert!(nearer < near && near < free && nearer < free / 20.0, "{free} {near} {nearer}");
        compared += 1;
    }
    assert_eq!(compared, 2);
}

#[test]
fn who_imitates_does_what_was_recorded_and_critics_stay() {
    let mut learned = 0;
    for mut case in cases().into_iter().filter(has_pull) {
        case.training.adapt = Adapt::IMITATE;
        case.settings.set_learning_rate(3e-3);
        let actions = case.shape.actions.numbers();
        let mut memory = replay_memory(100, OBSERVATIONS, actions);
        let mut data = Replay::new(&mut memory, OBSERVATIONS, actions).unwrap();
        fill(&mut data, case.shape.actions);
        case.with(|mut agent| {
            let before = saved(&agent);
            // Of actions that were drawn at random, as well as so small a network can know them by heart.
            let off = |agent: &mut AnyAgent<'_>, data: &Replay<'_>| {
                let squares = (0..100).map(|at| {
                    let step = data.get(at);
                    let mut action = vec![0.0; actions];
                    let observation: Vec<f32> = step.observation.iter().collect();
                    agent.act(&observation, &mut action).unwrap();
                    step.action.iter().zip(&action).map(|(a, b)| (a - b) * (a - b)).sum::<f32>()
                });
                squares.sum::<f32>()
            };
            let first = off(&mut agent, &data);
            (0..2000).for_each(|_| {
                agent.update(&mut data).unwrap();
            });
            let last = off(&mut agent, &data);
            assert!(last < 0.7 * first, "{}: {first}, then {last}", case.name);
            let after = saved(&agent);
            (1..3).for_each(|critic| assert_eq!(before.online[critic], after.online[critic]));
            learned += 1;
        });
    }
    assert_eq!(learned, 2);
}

#[test]
fn what_an_algorithm_has_not_is_refused() {
    for case in cases() {
        let mut memory = vec![lacewing_runtime::learn::Block::ZERO; 2 * case.blocks()];
        let mut refuse = |adapt: Adapt, refused: bool| {
            let mut training = case.training;
            training.adapt = adapt;
            let (shape, settings) = (case.shape.clone(), case.settings);
            let agent = AnyAgent::new(shape, settings, training, &mut memory, Seeds::default());
            assert_eq!(matches!(agent, Err(LearnError::Config(_))), refused, "{}", case.name);
        };
        let all = Adapt::default();
        let kind = case.settings.kind();
        let pull = matches!(kind, AlgorithmKind::Td3 | AlgorithmKind::Sac);
        refuse(Adapt { stay_near: 0.5, ..all }, !pull);
        refuse(Adapt { stay_near: f32::NAN, ..all }, true);
        refuse(Adapt { imitate: true, ..all }, !pull);
        refuse(Adapt { critics: false, ..all }, kind == AlgorithmKind::Dqn);
        refuse(Adapt { policy_after: 5, ..all }, kind == AlgorithmKind::Dqn);
    }
}

#[test]
fn words_say_what_learns() {
    let all = Adapt::default();
    assert_eq!("all".parse(), Ok(all));
    assert_eq!("actor".parse(), Ok(Adapt { critics: false, ..all }));
    assert_eq!("biases".parse(), Ok(Adapt { policy: Learns::Biases, ..all }));
    assert_eq!("imitate".parse(), Ok(Adapt::IMITATE));
    assert!("everything".parse::<Adapt>().is_err());
}

#[test]
fn an_agent_that_adapts_in_part_saves_itself_whole() {
    let case = &cases()[0];
    let [whole, part] = [Learns::All, Learns::Biases].map(|policy| {
        let mut case = case.clone();
        case.training.adapt = Adapt { policy, stay_near: 1.0, ..Adapt::default() };
        case.with(|agent| bytes(&agent))
    });
    assert!(whole == part, "what learns is a matter of the fine-tuning");
}
