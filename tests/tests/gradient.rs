//! Two engines, one meaning: the sparse learner's hand-written passes against burn's autodiff, on
//! the same topology, weights and minibatch.
use lacewing_burn::{BurnError, BurnTd3, Device, LayerGradient};
use lacewing_runtime::learn::{
    AgentShape, AnyAgent, Block, Gradients, Learner, Method, Replay, Resume, Rewire, Td3,
    Td3Config, Training, policy_hash,
};
use lacewing_tests::learner::{full_replay, replay_memory, save, seeds, sparsity, td3_shape};

const OBSERVATIONS: usize = 17;
const ACTIONS: usize = 6;

fn shape(share: f64, hidden: usize) -> AgentShape {
    td3_shape(OBSERVATIONS, ACTIONS as u32, &[hidden, hidden], &sparsity(share)).unwrap()
}

fn memory(shape: &AgentShape, config: &Td3Config, training: &Training) -> Vec<Block> {
    vec![Block::ZERO; Td3::blocks(shape, config, training)]
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
            batch: 250,
            policy_delay: 1,
            // Too small to move any weight: actor and critic gradients belong to the same weights.
            learning_rate: 1e-30,
            ..Td3Config::default()
        };
        let training = Training { method: Method::Static, ..Training::default() };
        let mut memory = memory(&shape, &config, &training);
        let mut sparse = Td3::new(shape, config, training, &mut memory, seeds(42)).unwrap();
        let mut noise = [0.0; ACTIONS];
        let burn = BurnTd3::new(Device::Cpu, &save(&sparse), &mut noise).unwrap();
        with_replay(|replay| {
            let ours = sparse.update(replay).unwrap();
            let theirs = burn.gradients(replay).unwrap();
            for (at, theirs) in [theirs.critic_loss, theirs.actor_loss].into_iter().enumerate() {
                let ours = ours.get(at).unwrap();
                assert!((ours - theirs).abs() <= 1e-5 * theirs.abs(), "{ours} {theirs}");
            }
            let [actor, critics @ ..] = sparse.gradients() else { panic!("no gradients") };
            assert_eq!(critics.len(), theirs.critics.len());
            for (critic, burn) in critics.iter().zip(&theirs.critics) {
                compare("critic", critic, burn);
            }
            compare("actor", actor, &theirs.actor);
        });
    }
}

/// Small enough that no rounding decides which link is the weakest.
fn learning() -> (AgentShape, Td3Config, Training) {
    let rewire = Rewire { interval: 9, fraction: 0.1, drop: Default::default() };
    let training = Training { method: Method::Set(rewire), ..Training::default() };
    (shape(0.7, 32), Td3Config { noise_correlation: 0.5, ..Td3Config::default() }, training)
}

#[test]
fn engines_learn_the_same_through_changes_of_topology() {
    let (shape, config, training) = learning();
    let mut own = memory(&shape, &config, &training);
    let mut sparse = Td3::new(shape.clone(), config, training, &mut own, seeds(7)).unwrap();
    let start = save(&sparse);
    let mut noise = [0.0; ACTIONS];
    let mut burn = BurnTd3::new(Device::Cpu, &start, &mut noise).unwrap();
    assert_eq!(burn.save(), start, "an agent that did nothing is saved as it was");
    with_replay(|replay| {
        for update in 0..60 {
            let (ours, theirs) = (sparse.update(replay).unwrap(), burn.update(replay).unwrap());
            for (ours, theirs) in ours.iter().zip(theirs.iter()) {
                assert_eq!(ours.is_some(), theirs.is_some());
                let Some((ours, theirs)) = ours.zip(theirs) else { continue };
                let apart = (ours - theirs).abs();
                assert!(apart <= 1e-4 * theirs.abs().max(0.1), "{update}: {ours} {theirs}");
            }
        }
    });
    let saved = burn.save();
    assert_eq!(saved.len(), start.len(), "no network gains or loses links");
    // What burn learned, the sparse engine goes on from: targets and moments are compared too.
    let mut memory = memory(&shape, &config, &training);
    let resumed = Resume::parse(&saved).unwrap();
    assert_eq!(
        resumed.header().policy_hash,
        policy_hash(burn.policy().iter().map(|layer| {
            let layer = layer.view();
            (layer.topology.row_ptr(), layer.topology.col_idx(), layer.bias)
        })),
        "the section is of the policy as it is now"
    );
    let AnyAgent::Td3(mut resumed) = resumed.restore(config.into(), training, &mut memory).unwrap();
    assert_eq!(resumed.updates(), 60);
    for (ours, theirs) in sparse.networks().iter().zip(resumed.networks()) {
        for (ours, theirs) in ours.online.layers().zip(theirs.online.layers()) {
            assert_eq!(ours.topology, theirs.topology);
            assert!(difference(ours.weights, theirs.weights) < 1e-3);
            assert!(difference(ours.bias, theirs.bias) < 1e-3);
        }
    }
    with_replay(|replay| {
        let (ours, theirs) = (sparse.update(replay).unwrap(), resumed.update(replay).unwrap());
        let [ours, theirs] = [ours, theirs].map(|losses| losses.get(0).unwrap());
        assert!((ours - theirs).abs() <= 1e-3 * theirs.abs());
    });
}

#[test]
fn engines_act_the_same() {
    let (shape, config, training) = learning();
    let mut memory = memory(&shape, &config, &training);
    let mut sparse = Td3::new(shape, config, training, &mut memory, seeds(3)).unwrap();
    let mut noise = [0.0; ACTIONS];
    let burn = BurnTd3::new(Device::Cpu, &save(&sparse), &mut noise).unwrap();
    let (mut ours, mut theirs) = ([0.0; ACTIONS], [0.0; ACTIONS]);
    let observation = [0.3; OBSERVATIONS];
    sparse.act(&observation, &mut ours).unwrap();
    burn.act(&observation, &mut theirs).unwrap();
    assert!(difference(&ours, &theirs) < 1e-5, "{ours:?} {theirs:?}");

    let wrong = burn.act(&observation[1..], &mut theirs).unwrap_err();
    assert!(matches!(wrong, BurnError::Length { expected: OBSERVATIONS, found: 16, .. }));
    let wrong = burn.act(&observation, &mut theirs[1..]).unwrap_err();
    assert!(matches!(wrong, BurnError::Length { expected: ACTIONS, found: 5, .. }));
}

#[test]
fn engines_explore_the_same() {
    let (shape, config, training) = learning();
    let mut memory = memory(&shape, &config, &training);
    let mut sparse = Td3::new(shape, config, training, &mut memory, seeds(3)).unwrap();
    let mut noise = [0.0; ACTIONS];
    let mut burn = BurnTd3::new(Device::Cpu, &save(&sparse), &mut noise).unwrap();
    let (mut ours, mut theirs) = ([0.0; ACTIONS], [0.0; ACTIONS]);
    for _ in 0..3 {
        sparse.begin_episode();
        burn.begin_episode();
        sparse.random(&mut ours);
        burn.random(&mut theirs);
        assert_eq!(ours, theirs);
        for step in 0..5 {
            let observation = [0.1 * step as f32; OBSERVATIONS];
            sparse.explore(&observation, &mut ours).unwrap();
            burn.explore(&observation, &mut theirs).unwrap();
            assert!(difference(&ours, &theirs) < 1e-5, "{ours:?} {theirs:?}");
        }
    }
    // All that the steps changed.
    assert_eq!(burn.save(), save(&sparse));
}

#[test]
fn bad_input_is_an_error() {
    let (shape, config, training) = learning();
    let mut memory = memory(&shape, &config, &training);
    let bytes = save(&Td3::new(shape, config, training, &mut memory, seeds(3)).unwrap());
    let mut noise = [0.0; ACTIONS];
    for length in [0, 3, 40, bytes.len() / 2, bytes.len() - 1] {
        let error = BurnTd3::new(Device::Cpu, &bytes[..length], &mut noise).unwrap_err();
        assert!(matches!(error, BurnError::Resume(_)), "{error}");
    }
    let mut damaged = bytes.clone();
    let end = damaged.len();
    damaged[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    let refused = BurnTd3::new(Device::Cpu, &damaged, &mut noise);
    assert!(matches!(refused, Err(BurnError::Resume(_))));

    let mut burn = BurnTd3::new(Device::Cpu, &bytes, &mut noise).unwrap();
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
