//! Two engines, one meaning: the sparse learner's hand-written passes against burn's autodiff, on
//! the same topology, weights and minibatch.
use lacewing_burn::{BurnAgent, BurnError, Device, LayerGradient};
use lacewing_formats::topology::{Amount, Drop, Schedule, TargetRule};
use lacewing_runtime::learn::{
    ActionSpace, Agent, AgentShape, Algorithm, AlgorithmKind, AnyAgent, Block, DqnConfig,
    Gradients, Growth, LayerRef, LearnError, Learner, Losses, Method, Network, Newborn, Norm,
    PpoConfig, Replay, Resume, ResumeError, ResumeHeader, SacConfig, Settings, Td3Config, Training,
};
use lacewing_tests::learner::{full_replay, replay_memory, save, seeds, sparsity, written};
use std::ops::Range;

const OBSERVATIONS: usize = 17;
const ACTIONS: usize = 6;

fn shape(algorithm: AlgorithmKind, share: f64, hidden: usize, norm: Norm) -> AgentShape {
    let (actions, widths) = (ActionSpace::Continuous(ACTIONS as u32), [hidden; 2]);
    let mut shape =
        AgentShape::new(algorithm, OBSERVATIONS, actions, [&widths; 2], &sparsity(share)).unwrap();
    shape.critic.as_mut().unwrap().norm = norm;
    shape
}

fn memory<A: Algorithm>(shape: &AgentShape, algorithm: &A, training: &Training) -> Vec<Block> {
    vec![Block::ZERO; Agent::blocks(shape, algorithm, training)]
}

/// Memory for burn's agent of the same.
fn room(shape: &AgentShape, training: &Training) -> Vec<Block> {
    vec![Block::ZERO; BurnAgent::blocks(shape, training)]
}

/// All that changes what a minibatch is to learning.
fn seen_otherwise() -> Training {
    Training {
        normalise_observations: true,
        scale_rewards: true,
        n_step: 3,
        fake_features: 4,
        ..Training::default()
    }
}

/// Shows a learner a few observations and rewards that are unlike those of the replay: by their
/// statistics some features of the replay are clipped.
fn look_around(learner: &mut impl Learner) {
    for step in 0..4 {
        learner.observe(&[0.4 + 0.05 * step as f32; OBSERVATIONS]);
        learner.reward(3.0 * step as f32, step == 2);
    }
}

fn with_replay<T>(run: impl FnOnce(&mut Replay<'_>) -> T) -> T {
    let mut memory = replay_memory(500, OBSERVATIONS, ACTIONS);
    run(&mut full_replay(&mut memory, OBSERVATIONS, ACTIONS))
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

/// Bytes of the statistics at the end of a resume section.
fn statistics_bytes(training: &Training) -> usize {
    usize::from(training.normalise_observations) * (8 + 16 * OBSERVATIONS)
        + usize::from(training.scale_rewards) * 32
}

/// The gradient by SAC's log α at the first update, from Adam's first moment: before the statistics the
/// section ends with value, first and second moment of this one number.
fn first_gradient_of_scalar(saved: &[u8], training: &Training) -> f32 {
    let end = saved.len() - statistics_bytes(training);
    let m = saved[end - 8..].first_chunk().unwrap();
    f32::from_le_bytes(*m) / (1.0 - 0.9)
}

/// `algorithm` must take all its steps at every update, and make them too small to move any weight:
/// all gradients then belong to the same weights.
fn compare_gradients<A: Algorithm + Into<Settings>>(
    algorithm: A,
    shape: AgentShape,
    training: Training,
) {
    let training = Training { method: Method::STATIC, ..training };
    let mut memory = memory(&shape, &algorithm, &training);
    let mut room = room(&shape, &training);
    let mut sparse = Agent::new(shape, algorithm, training, &mut memory, seeds(42)).unwrap();
    look_around(&mut sparse);
    let burn = BurnAgent::new(Device::Cpu, &save(&sparse), &mut room).unwrap();
    let (ours, theirs) =
        with_replay(|replay| (sparse.update(replay).unwrap(), burn.gradients(replay).unwrap()));
    for (at, name) in A::LOSSES.iter().enumerate() {
        let [ours, theirs] = [ours, theirs.losses].map(|losses| losses.get(at).unwrap());
        assert!((ours - theirs).abs() <= 1e-5 * theirs.abs(), "{name}: {ours} {theirs}");
    }
    assert_eq!(sparse.gradients().len(), theirs.networks.len());
    let names = ["actor", "first critic", "second critic"];
    for ((name, ours), theirs) in names.iter().zip(sparse.gradients()).zip(&theirs.networks) {
        compare(name, ours, theirs);
    }
    assert_eq!(theirs.scalars.len(), A::scalars(sparse.shape()));
    let learned = matches!(algorithm.into(), Settings::Sac(sac) if sac.automatic_temperature);
    for &theirs in &theirs.scalars {
        let ours = first_gradient_of_scalar(&save(&sparse), &training);
        let theirs = if learned { theirs } else { 0.0 };
        assert!((ours - theirs).abs() <= 1e-5 * theirs.abs(), "log α: {ours} {theirs}");
    }
}

/// Too small a step to move any weight, at every update.
fn still_td3() -> Td3Config {
    Td3Config { batch: 250, policy_delay: 1, learning_rate: 1e-30, ..Td3Config::default() }
}

/// The same.
fn still_sac() -> SacConfig {
    SacConfig { batch: 250, learning_rate: 1e-30, temperature: 0.2, ..SacConfig::default() }
}

#[test]
fn gradients_of_td3_are_those_of_autodiff() {
    for sparsity in [0.0, 0.5, 0.9] {
        for norm in [Norm::None, Norm::Layer] {
            let shape = shape(AlgorithmKind::Td3, sparsity, 256, norm);
            compare_gradients(still_td3(), shape, Training::default());
        }
    }
}

#[test]
fn gradients_of_sac_are_those_of_autodiff() {
    for sparsity in [0.0, 0.5, 0.9] {
        for (automatic_temperature, norm) in [(false, Norm::None), (true, Norm::Layer)] {
            let sac = SacConfig { automatic_temperature, ..still_sac() };
            let shape = shape(AlgorithmKind::Sac, sparsity, 256, norm);
            compare_gradients(sac, shape, Training::default());
        }
    }
}

/// One setting by itself, then all together.
#[test]
fn gradients_are_the_same_whatever_is_made_of_the_minibatch() {
    let (plain, all) = (Training::default(), seen_otherwise());
    for training in [
        Training { normalise_observations: true, ..plain },
        Training { scale_rewards: true, ..plain },
        Training { n_step: 3, ..plain },
        Training { fake_features: 4, ..plain },
        all,
    ] {
        let networks = |algorithm| shape(algorithm, 0.5, 64, Norm::Layer);
        compare_gradients(still_td3(), networks(AlgorithmKind::Td3), training);
        compare_gradients(still_sac(), networks(AlgorithmKind::Sac), training);
    }
}

fn compare_losses(update: usize, ours: Losses, theirs: Losses) {
    for (ours, theirs) in ours.iter().zip(theirs.iter()) {
        assert_eq!(ours.is_some(), theirs.is_some());
        let Some((ours, theirs)) = ours.zip(theirs) else { continue };
        let apart = (ours - theirs).abs();
        assert!(apart <= 1e-4 * theirs.abs().max(0.1), "{update}: {ours} {theirs}");
    }
}

/// Online and target networks must have the same links, with nearly the same values.
fn compare_networks(ours: &[Network<'_>], theirs: &[Network<'_>]) {
    fn layers<'n>(networks: &'n [Network<'_>]) -> Vec<LayerRef<'n>> {
        let online = networks.iter().flat_map(|network| network.online.layers());
        let targets = networks.iter().flat_map(|network| {
            network.target.iter().flat_map(|target| target.layers(&network.online))
        });
        online.chain(targets).collect()
    }
    let (ours, theirs) = (layers(ours), layers(theirs));
    assert_eq!(ours.len(), theirs.len());
    for (at, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        assert_eq!(ours.topology, theirs.topology, "layer {at}");
        for (ours, theirs) in [(ours.weights, theirs.weights), (ours.bias, theirs.bias)] {
            let apart = difference(ours, theirs);
            assert!(apart < 1e-3, "layer {at}: {apart:e} apart");
        }
    }
}

/// Shows a learner what a transition of the replay holds.
fn look(learner: &mut impl Learner, replay: &Replay<'_>, at: usize) {
    let step = replay.get(at);
    let mut observation = [0.0; OBSERVATIONS];
    step.observation.copy_to(&mut observation);
    learner.observe(&observation);
    learner.reward(step.reward, step.terminated || step.truncated);
}

/// Both engines learn for 20 updates; then the sparse engine goes on with what burn has learned, so
/// that moments and ages are compared too.
fn compare_learning<A: Algorithm + Into<Settings>>(
    algorithm: A,
    shape: AgentShape,
    training: Training,
    unwrap: impl for<'m> Fn(AnyAgent<'m>) -> Agent<'m, A>,
) {
    let mut own = memory(&shape, &algorithm, &training);
    let mut sparse = Agent::new(shape.clone(), algorithm, training, &mut own, seeds(7)).unwrap();
    let start = save(&sparse);
    let mut room = room(&shape, &training);
    let mut burn = BurnAgent::new(Device::Cpu, &start, &mut room).unwrap();
    assert_eq!(burn.save(), start, "an agent that did nothing is saved as it was");
    with_replay(|replay| {
        for update in 0..20 {
            look(&mut sparse, replay, update);
            look(&mut burn, replay, update);
            let (ours, theirs) = (sparse.update(replay).unwrap(), burn.update(replay).unwrap());
            compare_losses(update, ours, theirs);
        }
        assert_eq!(sparse.take_work().changed.dropped > 0, !training.method.is_static());
        let saved = burn.save();
        let [ours, theirs] = [save(&sparse), saved.clone()]
            .map(|bytes| Resume::parse(&bytes).unwrap().header().clone());
        let ours = ResumeHeader { policy_hash: theirs.policy_hash, ..ours };
        assert_eq!(ours, theirs, "counts, live links and random numbers");

        let mut memory = memory(&shape, &algorithm, &training);
        let resumed = Resume::parse(&saved).unwrap();
        let resumed = resumed.restore(algorithm.into(), training, &mut memory).unwrap();
        let mut resumed = unwrap(resumed);
        assert_eq!(save(&resumed), saved, "the sparse engine is all that burn was");
        compare_networks(sparse.networks(), resumed.networks());
        for update in 20..30 {
            look(&mut sparse, replay, update);
            look(&mut resumed, replay, update);
            let (ours, theirs) = (sparse.update(replay).unwrap(), resumed.update(replay).unwrap());
            compare_losses(update, ours, theirs);
        }
        compare_networks(sparse.networks(), resumed.networks());
    });
}

fn td3(agent: AnyAgent<'_>) -> Agent<'_, Td3Config> {
    let AnyAgent::Td3(agent) = agent else { panic!("not TD3") };
    agent
}

fn sac(agent: AnyAgent<'_>) -> Agent<'_, SacConfig> {
    let AnyAgent::Sac(agent) = agent else { panic!("not SAC") };
    agent
}

/// Small enough that no rounding decides which link is the weakest, or the most promising.
const HIDDEN: usize = 32;

/// A change of topology at every fifth update. The first step of a fresh link is as long as that of
/// every other, so that rounding would decide which of them a target takes over: here it is not.
fn method() -> Method {
    let schedule = Schedule { from: 5, until: 1000, every: 5 };
    let amount = Amount::Constant(0.1);
    Method { schedule, amount, newborn: Newborn::LayerMean, ..Method::DS_TD3 }
}

fn learns_as_td3(method: Method, shape: AgentShape) {
    let config = Td3Config { noise_correlation: 0.5, ..Td3Config::default() };
    compare_learning(config, shape, Training { method, ..Training::default() }, td3);
}

fn td3_shape() -> AgentShape {
    shape(AlgorithmKind::Td3, 0.7, HIDDEN, Norm::None)
}

#[test]
fn engines_learn_the_same_by_set() {
    learns_as_td3(method(), td3_shape());
}

#[test]
fn engines_learn_the_same_with_protected_links_and_the_targets_of_rlx2() {
    let method = Method {
        amount: Amount::Cosine(0.2),
        drop: Drop::Magnitude,
        protect: 2,
        newborn: Newborn::Fresh,
        target: TargetRule::OnlineTopology,
        ..method()
    };
    learns_as_td3(method, shape(AlgorithmKind::Td3, 0.7, HIDDEN, Norm::Layer));
}

#[test]
fn engines_learn_the_same_by_rigl() {
    learns_as_td3(Method { grow: Growth::Gradient, ..method() }, td3_shape());
}

#[test]
fn engines_learn_the_same_while_they_prune() {
    let grow = Growth::Nothing;
    learns_as_td3(Method { grow, ..method() }, td3_shape());
    // The end is no fifth update: pruning comes to its goal all the same.
    let schedule = Schedule { until: 18, ..method().schedule };
    let gradual = Method { schedule, amount: Amount::Cubic, grow, ..method() };
    learns_as_td3(gradual, td3_shape().from_dense());
}

#[test]
fn engines_learn_the_same_by_sac() {
    let shape = shape(AlgorithmKind::Sac, 0.7, HIDDEN, Norm::Layer);
    let copied = SacConfig { tau: 1.0, target_every: 4, ..SacConfig::default() };
    let set = Training { method: method(), ..Training::default() };
    compare_learning(copied, shape.clone(), set, sac);
    let followed = SacConfig { automatic_temperature: false, tau: 0.1, ..SacConfig::default() };
    let rigl = Training { method: Method { grow: Growth::Gradient, ..method() }, ..set };
    compare_learning(followed, shape, rigl, sac);
}

#[test]
fn engines_learn_the_same_whatever_is_made_of_the_minibatch() {
    let rigl = Method { grow: Growth::Gradient, ..method() };
    // Targets become longer on the way.
    let training = Training { method: rigl, n_step_after: 12, ..seen_otherwise() };
    let shape = |algorithm| shape(algorithm, 0.7, HIDDEN, Norm::Layer);
    compare_learning(Td3Config::default(), shape(AlgorithmKind::Td3), training, td3);
    compare_learning(SacConfig::default(), shape(AlgorithmKind::Sac), training, sac);
}

#[test]
fn a_resumed_agent_goes_on_as_if_it_had_not_stopped() {
    let (shape, algorithm) = (td3_shape(), Td3Config::default());
    let training = Training { method: method(), ..seen_otherwise() };
    let learn = |burn: &mut BurnAgent<'_>, updates: Range<usize>| {
        with_replay(|replay| {
            for update in updates {
                look(burn, replay, update);
                burn.update(replay).unwrap();
            }
        });
        burn.save()
    };
    let start = saved(algorithm, shape.clone(), training);
    let [mut one, mut other] = [0; 2].map(|_| room(&shape, &training));
    let mut whole = BurnAgent::new(Device::Cpu, &start, &mut one).unwrap();
    let half = learn(&mut whole, 0..12);
    let mut resumed = BurnAgent::new(Device::Cpu, &half, &mut other).unwrap();
    assert_eq!(resumed.save(), half);
    assert_eq!(resumed.normaliser(), whole.normaliser());
    let [whole, resumed] = [&mut whole, &mut resumed].map(|burn| learn(burn, 12..24));
    assert!(whole == resumed, "the second half is another");
    assert_ne!(whole, half);
}

fn act_the_same<A: Algorithm + Into<Settings>>(algorithm: A) {
    let shape = shape(A::KIND, 0.7, HIDDEN, Norm::None);
    let training = Training { bias: false, ..seen_otherwise() };
    let mut memory = memory(&shape, &algorithm, &training);
    let mut room = room(&shape, &training);
    let mut sparse = Agent::new(shape, algorithm, training, &mut memory, seeds(3)).unwrap();
    let mut burn = BurnAgent::new(Device::Cpu, &save(&sparse), &mut room).unwrap();
    look_around(&mut sparse);
    look_around(&mut burn);
    let (mut ours, mut theirs) = ([0.0; ACTIONS], [0.0; ACTIONS]);
    for _ in 0..3 {
        sparse.begin_episode();
        burn.begin_episode();
        sparse.random(&mut ours);
        burn.random(&mut theirs);
        assert_eq!(ours, theirs);
        for step in 0..5 {
            let observation = [0.1 * step as f32 + 0.1; OBSERVATIONS];
            sparse.act(&observation, &mut ours).unwrap();
            burn.act(&observation, &mut theirs).unwrap();
            assert!(difference(&ours, &theirs) < 1e-5, "{ours:?} {theirs:?}");
            sparse.explore(step, &observation, &mut ours).unwrap();
            burn.explore(step, &observation, &mut theirs).unwrap();
            sparse.observe(&observation);
            burn.observe(&observation);
            assert!(difference(&ours, &theirs) < 1e-5, "{ours:?} {theirs:?}");
        }
    }
    // All that the steps changed.
    assert_eq!(burn.save(), save(&sparse));
}

#[test]
fn engines_act_and_explore_the_same() {
    act_the_same(Td3Config { noise_correlation: 0.5, ..Td3Config::default() });
    act_the_same(SacConfig::default());
}

/// What a fresh agent saves.
fn saved<A: Algorithm + Into<Settings>>(
    algorithm: A,
    shape: AgentShape,
    training: Training,
) -> Vec<u8> {
    let mut memory = memory(&shape, &algorithm, &training);
    save(&Agent::new(shape, algorithm, training, &mut memory, seeds(3)).unwrap())
}

#[test]
fn bad_input_is_an_error() {
    let training = seen_otherwise();
    let bytes = saved(Td3Config::default(), td3_shape(), training);
    let mut room = room(&td3_shape(), &training);
    for length in [0, 3, 40, bytes.len() / 2, bytes.len() - 1] {
        let error = BurnAgent::new(Device::Cpu, &bytes[..length], &mut room).unwrap_err();
        assert!(matches!(error, BurnError::Resume(_)), "{error}");
    }
    let end = bytes.len();
    // The last numbers of the networks, and of the statistics behind them.
    for last in [end - statistics_bytes(&training), end] {
        let mut damaged = bytes.clone();
        // In f32, and in f64 too.
        damaged[last - 4..last].copy_from_slice(&f64::NAN.to_le_bytes()[4..]);
        let refused = BurnAgent::new(Device::Cpu, &damaged, &mut room);
        assert!(matches!(refused, Err(BurnError::Resume(ResumeError::Number))));
    }
    let resume = Resume::parse(&bytes).unwrap();
    let mut header = resume.header().clone();
    header.training.fake_features = OBSERVATIONS as u32 + 1;
    let forged = [written(|sink| header.write(sink)), resume.body().to_vec()].concat();
    let refused = BurnAgent::new(Device::Cpu, &forged, &mut room).unwrap_err();
    assert_eq!(refused, BurnError::Resume(ResumeError::Shape));
    let refused = BurnAgent::new(Device::Cpu, &bytes, &mut room[1..]).unwrap_err();
    assert!(matches!(refused, BurnError::Learn(LearnError::Memory(_))));

    let mut burn = BurnAgent::new(Device::Cpu, &bytes, &mut room).unwrap();
    let (observation, mut action) = ([0.3; OBSERVATIONS], [0.0; ACTIONS]);
    let wrong = burn.act(&observation[1..], &mut action).unwrap_err();
    assert!(matches!(wrong, BurnError::Length { expected: OBSERVATIONS, found: 16, .. }));
    let wrong = burn.act(&observation, &mut action[1..]).unwrap_err();
    assert!(matches!(wrong, BurnError::Length { expected: ACTIONS, found: 5, .. }));
    let mut room = [0.0; 64];
    let foreign = Replay::new(&mut room, 2, 1).unwrap();
    assert!(matches!(burn.update(&foreign), Err(BurnError::Learn(_))));
    let mut room = [0.0; 64];
    let empty = Replay::new(&mut room, OBSERVATIONS, ACTIONS).unwrap();
    assert!(matches!(burn.update(&empty), Err(BurnError::Learn(_))));
    assert_eq!(burn.save(), bytes, "an update that fails for want of data changes nothing");
}

#[test]
fn what_burn_lacks_is_refused_by_name() {
    let refused =
        |bytes: Vec<u8>| BurnAgent::new(Device::Cpu, &bytes, &mut [Block::ZERO; 64]).unwrap_err();
    let networks = |algorithm, actions| {
        AgentShape::new(algorithm, OBSERVATIONS, actions, [&[8]; 2], &sparsity(0.0)).unwrap()
    };
    let training = Training::default();
    let dqn = networks(AlgorithmKind::Dqn, ActionSpace::Discrete(3));
    let error = refused(saved(DqnConfig::default(), dqn, training));
    assert_eq!(error, BurnError::Algorithm { algorithm: "dqn" });
    let ppo = networks(AlgorithmKind::Ppo, ActionSpace::Continuous(1));
    let error = refused(saved(PpoConfig::default(), ppo, training));
    assert_eq!(error, BurnError::Algorithm { algorithm: "ppo" });
}

/// Where CUDA can be used this says nothing; anywhere else one line says what to do.
#[test]
fn a_missing_gpu_is_one_clear_line() {
    if let Err(error) = Device::Cuda.check() {
        let line = error.to_string();
        assert!(line.contains("device cpu") && !line.contains('\n'), "{line}");
    }
}
