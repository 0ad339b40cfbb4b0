//! What training counts of itself, and looks at its networks that leave no trace.

use lacewing_formats::topology::Amount;
use lacewing_runtime::cost::step_flops;
use lacewing_runtime::learn::{
    ActionSpace, AgentShape, AlgorithmKind, AnyAgent, Block, DqnConfig, Growth, LearnError,
    Learner, Method, Mlp, PpoConfig, Replay, SacConfig, Settings, Td3Config, Training, Work,
};
use lacewing_tests::learner::{
    every_seventh, full_replay, replay_memory, seeds, sparsity, written,
};

const OBSERVATIONS: usize = 5;
const UPDATES: u64 = 20;
const BATCH: u32 = 40;

fn all() -> [Settings; 4] {
    [
        Td3Config { batch: BATCH, ..Td3Config::default() }.into(),
        SacConfig { batch: BATCH, ..SacConfig::default() }.into(),
        DqnConfig { batch: BATCH, ..DqnConfig::default() }.into(),
        // As many updates as there are from one iteration's steps.
        PpoConfig { steps: 80, batch: BATCH, epochs: 10, ..PpoConfig::default() }.into(),
    ]
}

fn actions(settings: Settings) -> ActionSpace {
    match settings.kind() {
        AlgorithmKind::Dqn => ActionSpace::Discrete(3),
        _ => ActionSpace::Continuous(2),
    }
}

/// Shows `what` an agent, whose hidden layers are 24 and 16 wide, and 80 transitions for it.
fn with_agent<T>(
    settings: Settings,
    method: Method,
    what: impl FnOnce(&mut AnyAgent<'_>, &mut Replay<'_>) -> T,
) -> T {
    let actions = actions(settings);
    let hidden: [&[usize]; 2] = [&[24, 16]; 2];
    let shape =
        AgentShape::new(settings.kind(), OBSERVATIONS, actions, hidden, &sparsity(0.7)).unwrap();
    let training = Training { method, ..Training::default() };
    let mut memory = vec![Block::ZERO; AnyAgent::blocks(&shape, &settings, &training)];
    let mut agent = AnyAgent::new(shape, settings, training, &mut memory, seeds(3)).unwrap();
    let mut memory = replay_memory(80, OBSERVATIONS, actions.numbers());
    what(&mut agent, &mut full_replay(&mut memory, OBSERVATIONS, actions.numbers()))
}

/// The work of [`UPDATES`] updates.
fn work(agent: &mut AnyAgent<'_>, data: &mut Replay<'_>) -> Work {
    for _ in 0..UPDATES {
        agent.update(data).unwrap();
    }
    agent.take_work()
}

/// Links of a network, and those of its first layer.
fn links(network: &Mlp<'_>) -> [u64; 2] {
    let mut links = network.layers().map(|layer| layer.topology.links() as u64);
    let first = links.next().unwrap();
    [first + links.sum::<u64>(), first]
}

#[test]
fn a_look_changes_nothing_of_learning() {
    for settings in all() {
        let run = |look: bool| {
            with_agent(settings, every_seventh(), |agent, data| {
                for update in 0..UPDATES {
                    if look {
                        let [policy, critic] = agent.diagnose(data, 0.0, update).unwrap();
                        let health = policy.expect("there is data");
                        assert!((0.0..1.0).contains(&health.dormant), "{health:?}");
                        let snr = health.gradient_snr;
                        assert!(snr.is_finite() && snr > 0.0, "{health:?}");
                        assert_eq!(critic.is_some(), settings.kind() != AlgorithmKind::Dqn);
                    }
                    agent.update(data).unwrap();
                }
                (written(|sink| agent.save(sink)), agent.take_work())
            })
        };
        assert!(run(false) == run(true), "{settings:?}");
    }
}

#[test]
fn a_look_depends_on_its_seed_and_needs_the_agents_own_data() {
    with_agent(all()[0], Method::STATIC, |agent, data| {
        let first = agent.diagnose(data, 0.0, 1).unwrap();
        assert_eq!(first, agent.diagnose(data, 0.0, 1).unwrap());
        assert_ne!(first, agent.diagnose(data, 0.0, 2).unwrap());
        // Every unit is at most so active.
        let [policy, _] = agent.diagnose(data, 1e9, 1).unwrap();
        assert_eq!(policy.unwrap().dormant, 1.0);
        data.clear();
        assert_eq!(agent.diagnose(data, 0.0, 1), Ok([None; 2]));
        let mut memory = replay_memory(8, OBSERVATIONS + 1, 2);
        let other = full_replay(&mut memory, OBSERVATIONS + 1, 2);
        assert_eq!(agent.diagnose(&other, 0.0, 1), Err(LearnError::OtherReplay));
    });
}

#[test]
fn td3_counts_every_pass_that_it_makes() {
    with_agent(all()[0], Method::STATIC, |agent, data| {
        let [actor, first_of_actor] = links(&agent.networks()[0].online);
        let [critic, first_of_critic] = links(&agent.networks()[1].online);
        let found = work(agent, data);
        // Both targets; forward, weights and inputs of all but the first layer, of both critics.
        let critics = actor + 2 * critic + 2 * (3 * critic - first_of_critic);
        // There and back through one critic; then the actor as the critics before.
        let actors = 2 * critic + 3 * actor - first_of_actor;
        let of_updates = u64::from(BATCH) * 2 * (UPDATES * critics + UPDATES / 2 * actors);
        assert_eq!(found.flops.done, of_updates);
        // By the convention: three passes each, the actor at every second update.
        let convention = u64::from(BATCH) * 6 * (UPDATES * 2 * critic + UPDATES / 2 * actor);
        assert_eq!(found.flops.convention, convention);
        assert_eq!(found.changed.dropped, 0);
        assert_eq!(agent.take_work(), Work::default());

        // Acting while learning counts, evaluating does not.
        let (observation, action) = (&[0.1; OBSERVATIONS], &mut [0.0; 2]);
        agent.explore(1, observation, action).unwrap();
        agent.act(observation, action).unwrap();
        assert_eq!(agent.take_work().flops.done, 2 * actor);
    });
}

#[test]
fn rigl_counts_the_gradients_of_links_that_are_not_there() {
    let rigl = Method { amount: Amount::Constant(0.2), grow: Growth::Gradient, ..every_seventh() };
    with_agent(all()[2], rigl, |agent, data| {
        let network = &agent.networks()[0].online;
        let [live, first] = links(network);
        let layers = network.layers().map(|layer| layer.topology);
        let free: Vec<u64> = layers
            .map(|layer| (layer.rows() * layer.cols() - layer.links()) as u64)
            .filter(|&free| free > 0)
            .collect();
        let dense = live + free.iter().sum::<u64>();
        let found = work(agent, data);
        let a_step = f64::from(BATCH) * step_flops(live, dense, Some(7.0));
        assert_eq!(found.flops.convention, UPDATES * a_step.round() as u64);
        assert!(found.changed.dropped > 0);
        // The target; forward and back. At each of two changes once more for every sparse layer, whose
        // free places are those before and those just dropped.
        let gradients = live + 3 * live - first;
        let once_more = free.len() as u64 * gradients + free.iter().sum::<u64>();
        let places = UPDATES * gradients + 2 * once_more + found.changed.dropped as u64;
        assert_eq!(found.flops.done, 2 * u64::from(BATCH) * places);
    });
}
