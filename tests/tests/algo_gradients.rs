//! Gradients and losses of every algorithm against slopes that an independent learner, dense and in f64,
//! finds by differences; and that those comparisons see faults.

use lacewing_runtime::learn::{
    ActionSpace, AgentShape, AlgorithmKind, AnyAgent, Block, DqnConfig, Gradients, Learner, Losses,
    Method, Norm, PpoConfig, Replay, Resume, SacConfig, Settings, Td3Config, TdLoss, Training,
};
use lacewing_tests::learner::{fill, replay_memory, seeds, shuffled, sparsity, written};
use lacewing_tests::oracle::{Scene, Step};
use lacewing_tests::saved::Saved;

const OBSERVATIONS: usize = 5;
const CONTINUOUS: ActionSpace = ActionSpace::Continuous(2);
const DISCRETE: ActionSpace = ActionSpace::Discrete(3);
/// A tile and a part of one.
const BATCH: u32 = 70;
/// Steps of PPO's iteration: two minibatches, the second of which is smaller.
const STEPS: u32 = 120;

/// Relative, in the L2 norm of a network's gradient.
const TOLERANCE: f64 = 1e-5;

/// What one update did, and what was there before and after it.
struct Seen {
    before: Saved,
    after: Saved,
    losses: Losses,
    gradients: Vec<Vec<f64>>,
    steps: Vec<Step>,
}

fn read(agent: &AnyAgent<'_>) -> Saved {
    Saved::read(&written(|sink| agent.save(sink)))
}

fn gradients(agent: &AnyAgent<'_>) -> Vec<Vec<f64>> {
    fn flat(gradients: &[Gradients<'_>]) -> Vec<Vec<f64>> {
        let numbers = |(weights, bias): (&[f32], &[f32])| [weights, bias].concat();
        let network = |of: &Gradients<'_>| of.layers().flat_map(numbers).map(f64::from).collect();
        gradients.iter().map(network).collect()
    }
    match agent {
        AnyAgent::Td3(agent) => flat(agent.gradients()),
        AnyAgent::Sac(agent) => flat(agent.gradients()),
        AnyAgent::Dqn(agent) => flat(agent.gradients()),
        AnyAgent::Ppo(agent) => flat(agent.gradients()),
    }
}

fn shape(kind: AlgorithmKind, actions: ActionSpace) -> AgentShape {
    AgentShape::new(kind, OBSERVATIONS, actions, [&[12, 10]; 2], &sparsity(0.5)).unwrap()
}

/// The update after so many, of an agent whose saved self is changed by `spoil` before; of the first
/// seed whose losses have slopes there.
fn see(settings: Settings, shape: AgentShape, updates: u32, spoil: impl Fn(&mut Saved)) -> Seen {
    let seen = (3..20).map(|seed| see_seed(seed, settings, &shape, updates, &spoil));
    let smooth = |seen: &Seen| (0..seen.gradients.len()).all(|at| seen.scene(at).is_smooth(at));
    seen.into_iter().find(smooth).expect("a seed without a ReLU at zero")
}

fn see_seed(
    seed: u64,
    settings: Settings,
    shape: &AgentShape,
    updates: u32,
    spoil: impl Fn(&mut Saved),
) -> Seen {
    let actions = shape.actions;
    let training = Training { method: Method::STATIC, ..Training::default() };
    let blocks = AnyAgent::blocks(shape, &settings, &training);
    let (mut fresh, mut memory) = (vec![Block::ZERO; blocks], vec![Block::ZERO; blocks]);
    let fresh = AnyAgent::new(shape.clone(), settings, training, &mut fresh, seeds(seed)).unwrap();
    let mut saved = read(&fresh);
    spoil(&mut saved);
    let bytes = saved.write();
    let resume = Resume::parse(&bytes).unwrap();
    let mut agent = resume.restore(settings, training, &mut memory).unwrap();

    let mut numbers = replay_memory(STEPS as usize, OBSERVATIONS, actions.numbers());
    let mut data = Replay::new(&mut numbers, OBSERVATIONS, actions.numbers()).unwrap();
    fill(&mut data, actions);
    let mut all = Scene::new(&saved, (0..data.len()).map(|at| Step::stored(&data, at)).collect());
    if let Settings::Ppo(ppo) = &settings {
        all.derive(ppo);
    }
    for _ in 0..updates {
        agent.update(&mut data).unwrap();
    }
    let before = read(&agent);
    let noise = match settings.kind() {
        AlgorithmKind::Td3 => actions.numbers(),
        AlgorithmKind::Sac => 2 * actions.numbers(),
        AlgorithmKind::Dqn | AlgorithmKind::Ppo => 0,
    };
    let steps = match settings.kind() {
        AlgorithmKind::Ppo => {
            let drawn = shuffled(STEPS as usize, saved.header.rng.clone()).into_iter();
            let minibatch = drawn.skip((updates * BATCH) as usize).take(BATCH as usize);
            minibatch.map(|at| all.steps[at].clone()).collect()
        }
        _ => Step::drawn(&before, &data, BATCH, noise),
    };
    let losses = agent.update(&mut data).unwrap();
    Seen { before, after: read(&agent), losses, gradients: gradients(&agent), steps }
}

impl Seen {
    /// What a network's gradient was taken in: an actor's after the critics' step.
    fn scene(&self, network: usize) -> Scene {
        let mut scene = Scene::new(&self.before, self.steps.clone());
        let critics_first = matches!(scene.settings, Settings::Td3(_) | Settings::Sac(_));
        if network == 0 && critics_first {
            let after = Scene::new(&self.after, Vec::new());
            scene.online[1..].clone_from_slice(&after.online[1..]);
        }
        scene
    }

    /// How far the gradient of a network is from the slopes of its loss in `scene`.
    fn off(&self, network: usize, scene: &Scene) -> f64 {
        off(&self.gradients[network], &scene.slopes(network))
    }

    /// The gradient by the scalars: of the first step Adam's first moment is a tenth.
    fn by_scalars(&self) -> Vec<f64> {
        assert!(self.before.scalars[1].iter().all(|&m| m == 0.0), "not the first step");
        self.after.scalars[1].iter().map(|&m| 10.0 * f64::from(m)).collect()
    }

    fn loss(&self, at: usize) -> f64 {
        self.losses.get(at).unwrap().into()
    }

    /// Compares the gradients of all networks.
    fn check(&self, case: &str) {
        for network in 0..self.gradients.len() {
            let off = self.off(network, &self.scene(network));
            assert!(off <= TOLERANCE, "{case}: network {network} is off by {off}");
        }
    }
}

fn norm(numbers: impl IntoIterator<Item = f64>) -> f64 {
    numbers.into_iter().map(|x| x * x).sum::<f64>().sqrt()
}

fn off(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let size = norm(expected.iter().copied());
    assert!(size > 0.0, "nothing to compare");
    norm(found.iter().zip(expected).map(|(found, expected)| found - expected)) / size
}

fn assert_near(found: f64, expected: f64, case: &str) {
    assert!(
        (found - expected).abs() <= 1e-5 * (1.0 + expected.abs()),
        "{case}: {found} {expected}"
    );
}

/// Fast enough for critics that take turns at judging lower, targets that are well apart from their
/// networks, and noise that is clipped.
fn td3() -> Td3Config {
    Td3Config {
        learning_rate: 5e-3,
        batch: BATCH,
        tau: 0.2,
        policy_delay: 1,
        policy_noise: 0.8,
        ..Td3Config::default()
    }
}

fn sac() -> SacConfig {
    SacConfig {
        learning_rate: 5e-3,
        batch: BATCH,
        tau: 0.2,
        temperature: 0.3,
        ..SacConfig::default()
    }
}

fn dqn() -> DqnConfig {
    DqnConfig { learning_rate: 5e-3, batch: BATCH, target_every: 15, ..DqnConfig::default() }
}

fn ppo() -> PpoConfig {
    PpoConfig { batch: BATCH, steps: STEPS, learning_rate: 3e-3, ..PpoConfig::default() }
}

#[test]
fn td3_follows_its_losses() {
    for norm in [Norm::None, Norm::Layer] {
        for updates in [0, 20] {
            let mut shape = shape(AlgorithmKind::Td3, CONTINUOUS);
            shape.critic.as_mut().unwrap().norm = norm;
            let seen = see(td3().into(), shape, updates, |_| ());
            let case = format!("{norm:?} after {updates}");
            seen.check(&case);
            assert_near(seen.loss(0), seen.scene(1).loss(1), &case);
            assert_near(seen.loss(1), seen.scene(0).loss(0), &case);
        }
    }
}

#[test]
fn sac_follows_its_losses() {
    for beyond in [false, true] {
        let spoil = |saved: &mut Saved| {
            if beyond {
                // The logarithm of a standard deviation, which must be at most 2.
                saved.online[0].last_mut().unwrap().links.bias[3] = 2.5;
            }
        };
        for automatic in [true, false] {
            for (norm, updates) in [(Norm::None, 0), (Norm::Layer, 20)] {
                let config = SacConfig { automatic_temperature: automatic, ..sac() };
                let mut shape = shape(AlgorithmKind::Sac, CONTINUOUS);
                shape.critic.as_mut().unwrap().norm = norm;
                let seen = see(config.into(), shape, updates, spoil);
                let case =
                    format!("deviation beyond {beyond}, automatic {automatic}, after {updates}");
                seen.check(&case);
                assert_near(seen.loss(0), seen.scene(1).loss(1), &case);
                assert_near(seen.loss(1), seen.scene(0).loss(0), &case);
                assert_near(seen.loss(2), seen.scene(0).scalars[0].exp(), &case);
                if automatic && updates == 0 {
                    let slopes =
                        seen.scene(0).scalar_slopes(|scene| scene.temperature_loss(&config));
                    assert!(off(&seen.by_scalars(), &slopes) <= TOLERANCE, "{case}: temperature");
                }
                assert_eq!(seen.after.scalars[0] != seen.before.scalars[0], automatic, "{case}");
            }
        }
    }
}

#[test]
fn dqn_follows_its_losses() {
    for loss in [TdLoss::Huber, TdLoss::Squared] {
        for double in [false, true] {
            for updates in [0, 20] {
                let config = DqnConfig { loss, double, ..dqn() };
                let seen = see(config.into(), shape(AlgorithmKind::Dqn, DISCRETE), updates, |_| ());
                let case = format!("{loss:?}, double {double}, after {updates}");
                seen.check(&case);
                assert_near(seen.loss(0), seen.scene(0).loss(0), &case);
            }
        }
    }
}

/// Its settings beside the default ones, and what they are called.
fn ppo_cases() -> Vec<(&'static str, PpoConfig)> {
    let free = PpoConfig { gradient_clip: 0.0, ..ppo() };
    vec![
        ("plain", free),
        ("ratios clipped", PpoConfig { clip: 0.005, ..free }),
        ("values clipped", PpoConfig { value_clip: 0.002, ..free }),
        ("entropy", PpoConfig { entropy_coefficient: 0.3, ..free }),
        ("advantages as they are", PpoConfig { normalise_advantages: false, ..free }),
    ]
}

#[test]
fn ppo_follows_its_loss() {
    for actions in [CONTINUOUS, DISCRETE] {
        for (name, config) in ppo_cases() {
            for updates in [0, 1] {
                let seen = see(config.into(), shape(AlgorithmKind::Ppo, actions), updates, |_| ());
                let case = format!("{actions:?}, {name}, after {updates}");
                seen.check(&case);
                let scene = seen.scene(0);
                let weights =
                    [(0, 1.0), (1, config.value_coefficient), (2, -config.entropy_coefficient)];
                let loss = weights.map(|(at, weight)| seen.loss(at) * f64::from(weight));
                assert_near(loss.iter().sum(), scene.loss(0), &case);
                // The first minibatch is seen by the policy that took the steps.
                let clipping = updates == 1 && name == "ratios clipped";
                assert_eq!(seen.loss(4) > 0.0, clipping, "{case}: {}", seen.loss(4));
                if updates == 0 && actions == CONTINUOUS {
                    let slopes = scene.scalar_slopes(|scene| scene.loss(0));
                    assert!(off(&seen.by_scalars(), &slopes) <= TOLERANCE, "{case}: deviations");
                }
            }
        }
    }
}

#[test]
fn ppo_clips_values_that_move_away() {
    // What clipping does shows only where it makes a difference.
    let config = PpoConfig { value_clip: 0.002, ..ppo_cases()[0].1 };
    let seen = see(config.into(), shape(AlgorithmKind::Ppo, CONTINUOUS), 1, |_| ());
    let mut unclipped = seen.scene(1);
    unclipped.settings = ppo_cases()[0].1.into();
    assert!(seen.off(1, &unclipped) > 100.0 * TOLERANCE);
}

#[test]
fn ppo_scales_all_gradients_down_together() {
    for actions in [CONTINUOUS, DISCRETE] {
        for longest in [0.05, 1e3] {
            let config = PpoConfig { gradient_clip: longest, ..ppo() };
            let seen = see(config.into(), shape(AlgorithmKind::Ppo, actions), 0, |_| ());
            let scene = seen.scene(0);
            let by_scalars = scene.scalar_slopes(|scene| scene.loss(0));
            let slopes = [scene.slopes(0), scene.slopes(1), by_scalars];
            let length = norm(slopes.iter().flatten().copied());
            let factor = (f64::from(longest) / length).min(1.0);
            assert_eq!(factor < 1.0, longest < 1.0);
            let found = [&seen.gradients[..], &[seen.by_scalars()]].concat();
            for (found, slopes) in found.iter().zip(slopes).filter(|(_, slopes)| !slopes.is_empty())
            {
                let scaled: Vec<_> = slopes.iter().map(|slope| factor * slope).collect();
                assert!(off(found, &scaled) <= TOLERANCE, "{actions:?}, {longest}");
            }
        }
    }
}

/// Each of these, were it in the learner, would be seen.
#[test]
fn faults_are_seen() {
    type Fault = (&'static str, fn(&mut Scene));
    let common: [Fault; 2] = [
        ("a terminal state has a value", |scene| {
            scene.steps.iter_mut().for_each(|step| step.terminated = false);
        }),
        ("the target is the network itself", |scene| scene.target.clone_from(&scene.online)),
    ];
    let td3_faults: [Fault; 5] = [
        ("the TD target's sign", |scene| {
            scene.settings = Td3Config { gamma: -0.99, ..td3() }.into()
        }),
        ("no noise", |scene| scene.steps.iter_mut().for_each(|step| step.noise.fill(0.0))),
        ("noise is not clipped", |scene| {
            scene.settings = Td3Config { noise_clip: 9.0, ..td3() }.into();
        }),
        ("the first critic judges", |scene| scene.target[2] = scene.target[1].clone()),
        ("the second critic judges", |scene| scene.target[1] = scene.target[2].clone()),
    ];
    let sac_faults: [Fault; 4] = [
        ("the TD target's sign", |scene| {
            scene.settings = SacConfig { gamma: -0.99, ..sac() }.into()
        }),
        ("no entropy", |scene| scene.scalars[0] = -99.0),
        ("the first critic judges", |scene| scene.target[2] = scene.target[1].clone()),
        ("the second critic judges", |scene| scene.target[1] = scene.target[2].clone()),
    ];
    let dqn_faults: [Fault; 2] = [
        ("the other loss", |scene| {
            scene.settings = DqnConfig { loss: TdLoss::Huber, ..dqn() }.into()
        }),
        ("double", |scene| scene.settings = DqnConfig { double: true, ..dqn() }.into()),
    ];
    let cases: [(Settings, ActionSpace, usize, &[Fault]); 3] = [
        (td3().into(), CONTINUOUS, 1, &td3_faults),
        (sac().into(), CONTINUOUS, 1, &sac_faults),
        (dqn().into(), DISCRETE, 0, &dqn_faults),
    ];
    for (settings, actions, network, faults) in cases {
        let seen = see(settings, shape(settings.kind(), actions), 20, |_| ());
        for (fault, plant) in common.iter().chain(faults) {
            let mut scene = seen.scene(network);
            plant(&mut scene);
            let off = seen.off(network, &scene);
            assert!(off > 100.0 * TOLERANCE, "{settings:?}: {fault} changes {off}");
        }
    }
    let seen = see(sac().into(), shape(AlgorithmKind::Sac, CONTINUOUS), 20, |_| ());
    for [from, to] in [[1, 2], [2, 1]] {
        let mut one_critic = seen.scene(0);
        one_critic.online[to] = one_critic.online[from].clone();
        assert!(seen.off(0, &one_critic) > 100.0 * TOLERANCE, "critic {from} judges alone");
    }
}

/// PPO's: settings that the learner has and the oracle has not.
#[test]
fn faults_of_ppo_are_seen() {
    let plain = ppo_cases()[0].1;
    for actions in [CONTINUOUS, DISCRETE] {
        for (name, config) in &ppo_cases()[1..] {
            let seen = see((*config).into(), shape(AlgorithmKind::Ppo, actions), 1, |_| ());
            let mut scene = seen.scene(0);
            scene.settings = plain.into();
            let off = seen.off(0, &scene).max(seen.off(1, &scene));
            // The entropy of a Gaussian does not depend on its mean.
            if (*name, actions) != ("entropy", CONTINUOUS) {
                assert!(off > 100.0 * TOLERANCE, "{actions:?}, {name}: {off}");
            }
        }
        let seen = see(plain.into(), shape(AlgorithmKind::Ppo, actions), 1, |_| ());
        let mut scene = seen.scene(0);
        scene.steps.iter_mut().for_each(|step| step.old.log_prob = 0.0);
        assert!(seen.off(0, &scene) > 100.0 * TOLERANCE);
    }
}
