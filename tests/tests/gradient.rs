//! Two engines, one meaning: the sparse learner's hand-written passes against burn's autodiff, on
//! the same topology, weights and minibatch.
use lacewing_burn::{BurnError, BurnTd3, Device, LayerGradient};
use lacewing_formats::topology::{Allocation, Structure};
use lacewing_runtime::learn::{
    AgentShape, Block, Gradients, Method, Replay, Resume, Rewire, Sparsity, Td3, Td3Config,
};
use lacewing_tests::learner::{full_replay, replay_memory, save};

const OBSERVATIONS: usize = 17;
const ACTIONS: usize = 6;

fn shape(sparsity: f64, hidden: usize) -> AgentShape {
    let (allocation, dense_output) = (Allocation::Er, true);
    let structure = Structure::Unstructured;
    let spread =
        Sparsity { actor: sparsity, critic: sparsity, allocation, dense_output, structure };
    AgentShape::new(OBSERVATIONS, ACTIONS, &[hidden, hidden], &spread).unwrap()
}

fn with_replay<T>(run: impl FnOnce(&Replay<'_>) -> T) -> T {
    let mut memory = replay_memory(500, OBSERVATIONS, ACTIONS);
    run(&full_replay(&mut memory, OBSERVATIONS, ACTIONS))
}

/// ‖a − b‖ / ‖b‖.
fn difference<'a>(
    ours: impl IntoIterator<Item = &'a f32>,
    theirs: impl IntoIterator<Item = &'a f32>,
) -> f64 {
    let (mut apart, mut size) = (0.0, 0.0);
    for (a, b) in ours.into_iter().zip(theirs) {
        apart += (f64::from(*a) - f64::from(*b)).powi(2);
        size += f64::from(*b).powi(2);
    }
    assert!(size > 0.0, "there is nothing to compare with");
    (apart / size).sqrt()
}

fn compare(name: &str, sparse: &Gradients<'_>, burn: &[LayerGradient]) {
    assert_eq!(sparse.layers().len(), burn.len());
    for (layer, ((weights, bias), burn)) in sparse.layers().zip(burn).enumerate() {
        assert_eq!((weights.len(), bias.len()), (burn.weights.len(), burn.bias.len()));
        for (what, ours, theirs) in
            [("weights", weights, &burn.weights), ("bias", bias, &burn.bias)]
        {
            let apart = difference(ours, theirs);
            assert!(apart <= 1e-5, "{name}, layer {layer}, {what}: {apart:e} apart");
        }
    }
}

#[test]
fn gradients_are_those_of_autodiff() {
    for sparsity in [0.0, 0.5, 0.9] {
        let shape = shape(sparsity, 256);
        let config = Td3Config {
            batch_size: 250,
            policy_delay: 1,
            // Too small to move any weight: actor and critic gradients belong to the same weights.
            learning_rate: 1e-30,
            method: Method::Static,
            ..Td3Config::default()
        };
        let mut memory = vec![Block::ZERO; Td3::blocks(&shape, &config)];
        let mut sparse = Td3::new(shape, config, &mut memory, 42).unwrap();
        let burn = BurnTd3::new(Device::Cpu, &save(&sparse)).unwrap();
        with_replay(|replay| {
            let ours = sparse.update(replay).unwrap();
            let theirs = burn.gradients(replay).unwrap();
            let actor_loss = ours.actor.unwrap();
            for (ours, theirs) in
                [(ours.critic, theirs.critic_loss), (actor_loss, theirs.actor_loss)]
            {
                assert!((ours - theirs).abs() <= 1e-5 * theirs.abs(), "{ours} {theirs}");
            }
            for (critic, burn) in sparse.critic_gradients().iter().zip(&theirs.critics) {
                compare("critic", critic, burn);
            }
            compare("actor", sparse.actor_gradients(), &theirs.actor);
        });
    }
}

/// Small enough that no rounding decides which link is the weakest.
fn learning() -> (AgentShape, Td3Config) {
    let rewire = Rewire { interval: 9, fraction: 0.1, drop: Default::default() };
    let config = Td3Config { batch_size: 100, method: Method::Set(rewire), ..Td3Config::default() };
    (shape(0.7, 32), config)
}

#[test]
fn engines_learn_the_same_through_changes_of_topology() {
    let (shape, config) = learning();
    let mut memory = vec![Block::ZERO; Td3::blocks(&shape, &config)];
    let mut sparse = Td3::new(shape.clone(), config, &mut memory, 7).unwrap();
    let start = save(&sparse);
    let mut burn = BurnTd3::new(Device::Cpu, &start).unwrap();
    assert_eq!(burn.save(), start, "an agent that did nothing is saved as it was");
    with_replay(|replay| {
        for update in 0..60 {
            let (ours, theirs) = (sparse.update(replay).unwrap(), burn.update(replay).unwrap());
            assert_eq!(ours.actor.is_some(), theirs.actor.is_some());
            let pairs =
                [(ours.critic, theirs.critic)].into_iter().chain(ours.actor.zip(theirs.actor));
            for (ours, theirs) in pairs {
                let apart = (ours - theirs).abs();
                assert!(apart <= 1e-4 * theirs.abs().max(0.1), "{update}: {ours} {theirs}");
            }
        }
    });
    let saved = burn.save();
    assert_eq!(saved.len(), start.len(), "no network gains or loses links");
    // What burn learned, the sparse engine goes on from: targets and moments are compared too.
    let mut memory = vec![Block::ZERO; Td3::blocks(&shape, &config)];
    let mut resumed = Resume::parse(&saved).unwrap().restore(config, &mut memory).unwrap();
    assert_eq!(resumed.updates(), 60);
    let pairs = [(sparse.actor(), resumed.actor())]
        .into_iter()
        .chain(sparse.critics().into_iter().zip(resumed.critics()));
    for (ours, theirs) in pairs {
        for (ours, theirs) in ours.layers().zip(theirs.layers()) {
            assert_eq!(ours.topology, theirs.topology);
            assert!(difference(ours.weights, theirs.weights) < 1e-3);
            assert!(difference(ours.bias, theirs.bias) < 1e-3);
        }
    }
    with_replay(|replay| {
        let (ours, theirs) = (sparse.update(replay).unwrap(), resumed.update(replay).unwrap());
        assert!((ours.critic - theirs.critic).abs() <= 1e-3 * theirs.critic.abs());
    });
}

#[test]
fn engines_act_the_same() {
    let (shape, config) = learning();
    let mut memory = vec![Block::ZERO; Td3::blocks(&shape, &config)];
    let mut sparse = Td3::new(shape, config, &mut memory, 3).unwrap();
    let burn = BurnTd3::new(Device::Cpu, &save(&sparse)).unwrap();
    let (mut ours, mut theirs) = ([0.0; ACTIONS], [0.0; ACTIONS]);
    let observation = [0.3; OBSERVATIONS];
    sparse.act(&observation, &mut ours);
    burn.act(&observation, &mut theirs).unwrap();
    assert!(difference(&ours, &theirs) < 1e-5, "{ours:?} {theirs:?}");

    let wrong = burn.act(&observation[1..], &mut theirs).unwrap_err();
    assert!(matches!(wrong, BurnError::Length { expected: OBSERVATIONS, found: 16, .. }));
    let wrong = burn.act(&observation, &mut theirs[1..]).unwrap_err();
    assert!(matches!(wrong, BurnError::Length { expected: ACTIONS, found: 5, .. }));
}

#[test]
fn bad_input_is_an_error() {
    let (shape, config) = learning();
    let mut memory = vec![Block::ZERO; Td3::blocks(&shape, &config)];
    let bytes = save(&Td3::new(shape, config, &mut memory, 3).unwrap());
    for length in [0, 3, 40, bytes.len() / 2, bytes.len() - 1] {
        let error = BurnTd3::new(Device::Cpu, &bytes[..length]).unwrap_err();
        assert!(matches!(error, BurnError::Resume(_)), "{error}");
    }
    let mut damaged = bytes.clone();
    let end = damaged.len();
    damaged[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    assert!(matches!(BurnTd3::new(Device::Cpu, &damaged), Err(BurnError::Resume(_))));

    let mut burn = BurnTd3::new(Device::Cpu, &bytes).unwrap();
    let mut room = [0.0; 64];
    let foreign = Replay::new(&mut room, 2, 1).unwrap();
    assert!(matches!(burn.update(&foreign), Err(BurnError::Learn(_))));
    let mut room = [0.0; 64];
    let empty = Replay::new(&mut room, OBSERVATIONS, ACTIONS).unwrap();
    assert!(matches!(burn.update(&empty), Err(BurnError::Learn(_))));
    assert_eq!(burn.save(), bytes, "an update that fails for want of data changes nothing");
}

/// Where CUDA can be used this says nothing; anywhere else one line says what to do.
#[test]
fn a_missing_gpu_is_one_clear_line() {
    if let Err(error) = Device::Cuda.check() {
        let line = error.to_string();
        assert!(line.contains("device cpu") && !line.contains('\n'), "{line}");
    }
}
