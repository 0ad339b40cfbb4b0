//! The sparse learner: gradients, memory, resume, topology.
use lacewing_formats::topology::Csr;
use lacewing_runtime::kernels::train::{TILE, TrainKernels};
use lacewing_runtime::learn::{
    ActionSpace, AgentShape, AnyAgent, Arena, Block, DynamicBuffer, Head, Init, LayerMemory,
    LearnError, Learner, MAX_THREADS, Mlp, Replay, ReplayError, Resume, ResumeError, ResumeHeader,
    Start, Td3, Td3Config, Trace, Training, Transition, Wanted,
};
use lacewing_tests::learner::{self, save, seeds, sparsity, td3_shape, written};
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

const OBSERVATIONS: usize = 5;
const ACTIONS: usize = 2;

fn shape(share: f64) -> AgentShape {
    td3_shape(OBSERVATIONS, ACTIONS as u32, &[24, 16], &sparsity(share)).unwrap()
}

/// Threads that share an update, and a topology that changes often.
fn training(threads: u32) -> Training {
    Training { method: learner::every_seventh(), threads, ..Training::default() }
}

/// A fresh agent in as much memory as it asks for.
fn agent(memory: &mut Vec<Block>) -> Td3<'_> {
    let (shape, config, training) = (shape(0.7), Td3Config::default(), training(1));
    memory.resize(Td3::blocks(&shape, &config, &training), Block::ZERO);
    Td3::new(shape, config, training, memory, seeds(3)).unwrap()
}

fn unit(rng: &mut Xoshiro256PlusPlus) -> f32 {
    rng.next_u32() as f32 / u32::MAX as f32 * 2.0 - 1.0
}

fn replay_memory() -> Vec<f32> {
    learner::replay_memory(400, OBSERVATIONS, ACTIONS)
}

fn fill(memory: &mut [f32]) -> Replay<'_> {
    learner::full_replay(memory, OBSERVATIONS, ACTIONS)
}

#[test]
fn gradients_are_the_slopes_of_the_loss() {
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(5);
    let shape = shape(0.6).policy;
    let mut memory =
        vec![Block::ZERO; Mlp::blocks(&shape, LayerMemory::Full) + Trace::blocks(&shape, false)];
    let arena = &mut Arena::new(&mut memory);
    let network = Mlp::random(
        arena,
        &shape,
        Head::Tanh,
        Start { init: Init::Dense, bias: true, memory: LayerMemory::Full },
        rng,
    )
    .unwrap();
    let mut trace = Trace::new(arena, &shape).unwrap();
    assert_eq!(arena.left(), 0, "the blocks asked for are the blocks used");

    for kernels in TrainKernels::available() {
        let mut input = vec![[0.0; TILE]; shape.inputs()];
        input.iter_mut().flatten().for_each(|x| *x = unit(rng));
        let mut loss = |network: &Mlp<'_>, input: &[[f32; TILE]]| -> f64 {
            for (tile, values) in trace.input().iter_mut().zip(input) {
                tile.0 = *values;
            }
            network.forward(&kernels, &mut trace);
            trace.output().iter().flat_map(|tile| tile.0).map(f64::from).sum()
        };
        let at = loss(&network, &input);
        trace.gradient()[..ACTIONS].iter_mut().for_each(|tile| tile.0 = [1.0; TILE]);
        network.backward(&kernels, &mut trace, Wanted::Input);
        let slopes: Vec<_> = trace.gradient()[..OBSERVATIONS].iter().map(|tile| tile.0).collect();
        let mut loss = |network: &Mlp<'_>, input: &[[f32; TILE]]| -> f64 {
            for (tile, values) in trace.input().iter_mut().zip(input) {
                tile.0 = *values;
            }
            network.forward(&kernels, &mut trace);
            trace.output().iter().flat_map(|tile| tile.0).map(f64::from).sum()
        };
        let mut worst = 0.0_f64;
        for feature in 0..OBSERVATIONS {
            for sample in [0, 1, TILE - 1] {
                let mut moved = input.clone();
                moved[feature][sample] += 1e-3;
                let up = loss(&network, &moved);
                moved[feature][sample] -= 2e-3;
                let slope = (up - loss(&network, &moved)) / 2e-3;
                worst = worst.max((slope - f64::from(slopes[feature][sample])).abs());
            }
        }
        assert!(at.is_finite() && worst < 2e-3, "{}: {worst}", kernels.name);
    }
}

#[test]
fn an_agent_uses_exactly_the_memory_it_asks_for() {
    for threads in [1, 2, MAX_THREADS] {
        let (shape, config, training) = (shape(0.7), Td3Config::default(), training(threads));
        let blocks = Td3::blocks(&shape, &config, &training);
        let mut memory = vec![Block::ZERO; blocks];
        Td3::new(shape.clone(), config, training, &mut memory, seeds(1)).unwrap();
        let less = &mut memory[..blocks - 1];
        let error = Td3::new(shape, config, training, less, seeds(1)).unwrap_err();
        assert!(matches!(error, LearnError::Memory(_)), "{error}");
    }
}

/// Losses and gradients of the first updates, in the order of `Td3`'s networks.
fn learn(threads: u32, batch: u32) -> (Vec<f32>, Vec<f32>) {
    let config = Td3Config { batch, policy_delay: 1, ..Td3Config::default() };
    let (shape, training) = (shape(0.7), training(threads));
    let mut memory = vec![Block::ZERO; Td3::blocks(&shape, &config, &training)];
    let mut agent = Td3::new(shape, config, training, &mut memory, seeds(3)).unwrap();
    let mut transitions = replay_memory();
    let mut replay = fill(&mut transitions);
    let (mut losses, mut gradients) = (Vec::new(), Vec::new());
    for _ in 0..10 {
        losses.push(agent.update(&mut replay).unwrap().get(0).unwrap());
        if gradients.is_empty() {
            let networks = agent.gradients().iter();
            for (weights, bias) in networks.flat_map(|network| network.layers()) {
                gradients.extend(weights.iter().chain(bias));
            }
        }
    }
    (losses, gradients)
}

#[test]
fn threads_share_an_update_without_changing_it() {
    // Batches that fill their shares, that leave the last one short, and smaller than all shares.
    for batch in [256, 100, 33, 5] {
        let (one_losses, one) = learn(1, batch);
        let size = one.iter().fold(0.0_f32, |size, gradient| size.max(gradient.abs()));
        for threads in [2, 3, MAX_THREADS] {
            let (losses, gradients) = learn(threads, batch);
            let apart = one.iter().zip(&gradients).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(apart <= 2e-6 * size, "batch {batch}, {threads} threads: {apart} of {size}");
            for (one, several) in one_losses.iter().zip(&losses) {
                assert!((one - several).abs() <= 1e-3 * one, "batch {batch}: {one} {several}");
            }
            assert_eq!((losses, gradients), learn(threads, batch), "threads race each other");
        }
    }
}

#[test]
fn it_learns_and_stays_sparse() {
    let mut memory = Vec::new();
    let mut agent = agent(&mut memory);
    let mut transitions = replay_memory();
    let mut empty = Replay::new(&mut transitions, OBSERVATIONS, ACTIONS).unwrap();
    assert_eq!(agent.update(&mut empty), Err(LearnError::NoData));
    let mut replay = fill(&mut transitions);
    let before: Vec<Vec<u16>> =
        agent.policy().layers().map(|layer| layer.topology.col_idx().to_vec()).collect();
    let mut losses = Vec::new();
    for _ in 0..600 {
        losses.push(agent.update(&mut replay).unwrap().get(0).unwrap());
    }
    let mean = |part: &[f32]| part.iter().sum::<f32>() / part.len() as f32;
    let (first, last) = (mean(&losses[..20]), mean(&losses[580..]));
    assert!(last < 0.3 * first, "critic loss {first} -> {last}");
    // The best action pushes the reward, 2·a₁, up.
    let mut action = [0.0; ACTIONS];
    agent.act(&[0.1, -0.2, 0.3, 0.0, 0.2], &mut action).unwrap();
    assert!(action[1] > 0.5, "{action:?}");
    let (policy, critic) = (&agent.shape().policy, agent.shape().critic.as_ref().unwrap());
    for (network, shape) in agent.networks().iter().zip([policy, critic, critic]) {
        for (layer, (inputs, outputs, links)) in network.online.layers().zip(shape.layers()) {
            let topology = layer.topology;
            Csr::new(topology.cols(), topology.row_ptr(), topology.col_idx()).unwrap();
            assert_eq!(
                (topology.cols(), topology.rows(), topology.links()),
                (inputs, outputs, links)
            );
        }
    }
    let moved = agent.policy().layers().zip(&before).take(2);
    assert!(moved.into_iter().all(|(layer, before)| layer.topology.col_idx() != before));
}

#[test]
fn a_saved_agent_goes_on_bit_for_bit() {
    let mut memory = Vec::new();
    let mut agent = agent(&mut memory);
    let mut transitions = replay_memory();
    let mut replay = fill(&mut transitions);
    for _ in 0..33 {
        agent.update(&mut replay).unwrap();
    }
    let saved = save(&agent);
    let resume = Resume::parse(&saved).unwrap();
    let (settings, training) = (*resume.settings(), *resume.training());
    let mut other_memory =
        vec![Block::ZERO; AnyAgent::blocks(resume.shape(), &settings, &training)];
    let mut restored = resume.restore(settings, training, &mut other_memory).unwrap();
    let explore = |agent: &mut dyn Learner<Error = LearnError>| {
        let mut actions = [[0.0; ACTIONS]; 2];
        agent.random(&mut actions[0]);
        agent.explore(0, &[0.1; OBSERVATIONS], &mut actions[1]).unwrap();
        actions
    };
    for _ in 0..33 {
        assert_eq!(agent.update(&mut replay), restored.update(&mut replay));
        assert_eq!(explore(&mut agent), explore(&mut restored));
    }
    assert_eq!(save(&agent), written(|sink| restored.save(sink)));
    assert_ne!(save(&agent), saved);
}

#[test]
fn a_damaged_resume_section_is_refused() {
    let mut memory = Vec::new();
    let saved = save(&agent(&mut memory));
    let blocks = memory.len();
    for length in 0..saved.len() {
        assert!(Resume::parse(&saved[..length]).is_err(), "{length} bytes");
    }
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(17);
    let mut refused = 0;
    for _ in 0..3000 {
        let mut damaged = saved.clone();
        let at = rng.next_u32() as usize % damaged.len();
        damaged[at] ^= 1 << (rng.next_u32() % 8);
        damaged[rng.next_u32() as usize % saved.len()] = rng.next_u32() as u8;
        let mut memory = Vec::new();
        let restored = Resume::parse(&damaged).and_then(|resume| {
            let (settings, training) = (*resume.settings(), *resume.training());
            let needed = AnyAgent::blocks(resume.shape(), &settings, &training);
            assert!(needed < 100 * blocks + 300_000, "memory asked for grows with the file");
            memory.resize(needed, Block::ZERO);
            resume.restore(settings, training, &mut memory).map(|mut agent| {
                // Weights as large as damage makes them may overflow: told, too.
                let _ = agent.act(&[0.0; OBSERVATIONS], &mut [0.0; ACTIONS]);
            })
        });
        refused += usize::from(restored.is_err());
    }
    assert!(refused > 300, "only {refused} of 3000 were seen to be damaged");

    let resume = Resume::parse(&saved).unwrap();
    let forge = |spoil: fn(&mut ResumeHeader)| {
        let mut header = resume.header().clone();
        spoil(&mut header);
        let mut forged = written(|sink| header.write(sink));
        forged.extend_from_slice(resume.body());
        Resume::parse(&forged).map(drop)
    };
    assert_eq!(forge(|_| ()), Ok(()));
    // Counts that would overflow at the next update.
    let counts: [fn(&mut ResumeHeader); 3] = [
        |header| header.updates = u64::MAX,
        |header| header.adam_steps[1] = u64::MAX,
        |header| header.scalar_steps = u64::MAX,
    ];
    for spoil in counts {
        assert_eq!(forge(spoil), Err(ResumeError::Number));
    }
    assert_eq!(forge(|header| header.version = 1), Err(ResumeError::Version { found: 1 }));
    assert_eq!(forge(|header| header.adam_steps.clear()), Err(ResumeError::Shape));
    assert_eq!(forge(|header| header.shape.critic = None), Err(ResumeError::Shape));
}

#[test]
fn shapes_and_settings_without_a_meaning_are_refused_not_divided_by() {
    type Spoil = fn(&mut AgentShape, &mut Td3Config, &mut Training) -> LearnError;
    let spoil: [Spoil; 7] = [
        |_, _, training| {
            training.threads = 0;
            LearnError::Config("threads must be 1 to 8")
        },
        |_, config, _| {
            config.batch = 0;
            LearnError::Config("batch must be 1 to 65536")
        },
        |_, config, _| {
            config.noise_correlation = 1.0;
            LearnError::Config("noise-correlation must be at least 0 and below 1")
        },
        |shape, _, _| {
            shape.policy.widths.pop();
            shape.policy.links.pop();
            LearnError::Shape
        },
        |shape, _, _| {
            shape.critic.as_mut().unwrap().links.pop();
            LearnError::Shape
        },
        |shape, _, _| {
            shape.critic.as_mut().unwrap().links[0] = 0;
            LearnError::Shape
        },
        |shape, _, _| {
            shape.actions = ActionSpace::Discrete(ACTIONS as u32);
            LearnError::Shape
        },
    ];
    for spoil in spoil {
        let (mut shape, mut config, mut training) = (shape(0.7), Td3Config::default(), training(1));
        let mut memory = vec![Block::ZERO; Td3::blocks(&shape, &config, &training)];
        let error = spoil(&mut shape, &mut config, &mut training);
        Td3::blocks(&shape, &config, &training);
        let refused = Td3::new(shape, config, training, &mut memory, seeds(1)).unwrap_err();
        assert_eq!(refused, error);
    }
}

#[test]
fn a_broken_sensor_never_reaches_the_replay() {
    let mut transitions = replay_memory();
    let mut replay = Replay::new(&mut transitions, OBSERVATIONS, ACTIONS).unwrap();
    let good = [0.0; OBSERVATIONS];
    let step = |observation, reward| Transition {
        observation,
        action: &[0.0; ACTIONS],
        reward,
        next_observation: &good,
        terminated: false,
        truncated: false,
    };
    let mut nan = good;
    nan[3] = f32::NAN;
    assert_eq!(replay.push(step(&nan, 0.0)), Err(ReplayError::NotFinite));
    assert_eq!(replay.push(step(&good, f32::INFINITY)), Err(ReplayError::NotFinite));
    assert!(matches!(replay.push(step(&good[1..], 0.0)), Err(ReplayError::Length { .. })));
    assert!(replay.is_empty());
}

#[test]
fn what_another_policy_did_is_forgotten() {
    let mut memory = Vec::new();
    let mut agent = agent(&mut memory);
    let mut transitions = replay_memory();
    let mut replay = Replay::new(&mut transitions, OBSERVATIONS, ACTIONS).unwrap();
    let (mut action, observation) = ([0.0; ACTIONS], [0.3; OBSERVATIONS]);
    Learner::act(&mut agent, &observation, &mut action).unwrap();
    // Sixty actions that are off by one in both numbers, and forty of the present policy.
    for at in 0..100 {
        let action = action.map(|own| if at < 60 { own + 1.0 } else { own });
        let step = Transition {
            observation: &observation,
            action: &action,
            reward: at as f32,
            next_observation: &observation,
            terminated: false,
            truncated: false,
        };
        replay.push(step).unwrap();
    }
    let buffer = DynamicBuffer { every: 10, distance: 0.2, least: 70 };
    let mut fit = |step| {
        buffer
            .fit(step, &mut agent, &mut replay, (&mut [0.0; OBSERVATIONS], &mut [0.0; ACTIONS]))
            .unwrap();
        (replay.len(), replay.get(0).reward)
    };
    assert_eq!(fit(9), (100, 0.0), "no look is due");
    // ½ · 60 / 100 = .3, ½ · 50 / 90 = .28, ½ · 41 / 81 = .25, and 73 · 9 / 10 are under 70 only then.
    assert_eq!([10, 20, 30, 40].map(&mut fit), [(90, 10.0), (81, 19.0), (73, 27.0), (66, 34.0)]);
    assert_eq!(fit(50), (66, 34.0), "so few stay");
    // ½ · 26 / 66 = .197.
    let all = DynamicBuffer { least: 0, ..buffer };
    all.fit(60, &mut agent, &mut replay, (&mut [0.0; OBSERVATIONS], &mut [0.0; ACTIONS])).unwrap();
    assert_eq!(replay.len(), 66, "they are near enough");
    let near = DynamicBuffer { distance: 0.19, ..all };
    near.fit(70, &mut agent, &mut replay, (&mut [0.0; OBSERVATIONS], &mut [0.0; ACTIONS])).unwrap();
    assert_eq!(replay.len(), 60);
}

#[test]
fn random_numbers_are_those_of_rand_xoshiro() {
    use lacewing_runtime::random::Xoshiro256PlusPlus as Ours;
    for seed in [0, 1, u64::MAX] {
        let (mut ours, mut theirs) =
            (Ours::seed_from_u64(seed), Xoshiro256PlusPlus::seed_from_u64(seed));
        let (mut our_bytes, mut their_bytes) = ([0; 13], [0; 13]);
        for _ in 0..100 {
            assert_eq!(ours.next_u64(), theirs.next_u64());
            assert_eq!(ours.next_u32(), theirs.next_u32());
            ours.fill_bytes(&mut our_bytes);
            theirs.fill_bytes(&mut their_bytes);
            assert_eq!(our_bytes, their_bytes);
        }
    }
    let seed = core::array::from_fn(|at| at as u8);
    assert_eq!(Ours::from_seed(seed).next_u64(), Xoshiro256PlusPlus::from_seed(seed).next_u64());
    let zeros = [0; 32];
    assert_eq!(Ours::from_seed(zeros).next_u64(), Xoshiro256PlusPlus::from_seed(zeros).next_u64());
}
