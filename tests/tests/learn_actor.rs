//! A published copy acts as the agent did when it was copied, whatever the agent does since.

use lacewing_runtime::learn::{Actor, AnyAgent, Arena, Block, Explorer, Learner, Replay};
use lacewing_tests::learner::{fill, replay_memory};
use lacewing_tests::methods::{Case, OBSERVATIONS, cases};

const OBSERVATION: [f32; OBSERVATIONS] = [0.3, -0.8, 0.1, 1.5, -0.2];

fn room(case: &Case) -> Vec<Block> {
    let blocks = Actor::blocks(&case.shape, &case.settings, &case.training);
    vec![Block::ZERO; 2 * blocks]
}

fn copies<'m>(agent: &AnyAgent<'_>, memory: &'m mut [Block]) -> [Actor<'m>; 2] {
    let mut arena = Arena::new(memory);
    let copies = [(); 2].map(|()| Actor::new(&mut arena, agent).unwrap());
    assert_eq!(arena.left(), 0, "what is stated is what is used");
    copies
}

fn agents_action(agent: &mut AnyAgent<'_>, numbers: usize) -> Vec<f32> {
    let mut action = vec![0.0; numbers];
    agent.act(&OBSERVATION, &mut action).unwrap();
    action
}

fn actors_action(actor: &mut Actor<'_>, numbers: usize) -> Vec<f32> {
    let mut action = vec![0.0; numbers];
    actor.act(&OBSERVATION, &mut action).unwrap();
    action
}

/// Kernels add in different orders.
fn same(a: &[f32], b: &[f32]) -> bool {
    a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5)
}

#[test]
fn a_copy_acts_as_the_agent_did_until_it_is_published_again() {
    let mut moved = 0;
    for mut case in cases() {
        case.training.normalise_observations = true;
        let actions = case.shape.actions;
        let numbers = actions.numbers();
        let mut memory = replay_memory(100, OBSERVATIONS, numbers);
        let mut data = Replay::new(&mut memory, OBSERVATIONS, numbers).unwrap();
        fill(&mut data, actions);
        case.with(|mut agent| {
            for index in 0..data.len() {
                agent.observe(&data.get(index).observation.iter().collect::<Vec<_>>());
            }
            let before = agents_action(&mut agent, numbers);
            let mut blocks = room(&case);
            let [mut actor, kept] = copies(&agent, &mut blocks);
            assert!(same(&actors_action(&mut actor, numbers), &before), "{}", case.name);
            for _ in 0..8 {
                if data.is_empty() {
                    fill(&mut data, actions);
                }
                agent.update(&mut data).unwrap();
            }
            let after = agents_action(&mut agent, numbers);
            moved += usize::from(!same(&before, &after));
            assert!(same(&actors_action(&mut actor, numbers), &before), "{}", case.name);
            actor.publish(&agent).unwrap();
            assert!(same(&actors_action(&mut actor, numbers), &after), "{}", case.name);
            assert_eq!((actor.updates(), kept.updates()), (8, 0));
        });
    }
    // Of discrete actions not every one becomes another.
    assert!(moved >= 30, "{moved}");
}

#[test]
fn it_explores_as_the_agent_does() {
    for case in cases() {
        let numbers = case.shape.actions.numbers();
        case.with(|mut agent| {
            let (mut noise, mut theirs) = (vec![0.0; numbers], vec![0.0; numbers]);
            let mut explorer = Explorer::new(&mut noise, 9);
            agent.seed_exploration(9);
            let mut blocks = room(&case);
            let [mut actor, _] = copies(&agent, &mut blocks);
            let mut ours = vec![0.0; numbers];
            for step in 0..20 {
                actor.explore(step, &OBSERVATION, &mut explorer, &mut ours).unwrap();
                agent.explore(step, &OBSERVATION, &mut theirs).unwrap();
                assert!(same(&ours, &theirs), "{} at {step}: {ours:?} {theirs:?}", case.name);
            }
        });
    }
}

#[test]
fn an_agent_goes_back_to_a_copy_of_what_it_was() {
    for case in cases() {
        let actions = case.shape.actions;
        let numbers = actions.numbers();
        let mut memory = replay_memory(100, OBSERVATIONS, numbers);
        let mut data = Replay::new(&mut memory, OBSERVATIONS, numbers).unwrap();
        fill(&mut data, actions);
        case.with(|mut agent| {
            let before = agents_action(&mut agent, numbers);
            let mut blocks = room(&case);
            let [good, mut bad] = copies(&agent, &mut blocks);
            for _ in 0..2 {
                agent.update(&mut data).unwrap();
            }
            bad.publish(&agent).unwrap();
            agent.roll_back(&good).unwrap();
            assert!(same(&agents_action(&mut agent, numbers), &before), "{}", case.name);
            bad.copy_from(&good).unwrap();
            assert!(same(&actors_action(&mut bad, numbers), &before), "{}", case.name);
            // It can learn on from there.
            agent.update(&mut data).unwrap();
        });
    }
}
