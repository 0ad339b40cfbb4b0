//! Learning in little memory: it fits where it has to, and learns the same but for rounding and the optimiser.

use lacewing_formats::topology::Allocation;
use lacewing_runtime::learn::{
    ActionSpace, AgentShape, AlgorithmKind, AnyAgent, Arena, Block, Budget, Learner, Method, Norm,
    Range, Replay, ReplayShape, ReplayValues, Resume, Settings, Sparsity, Td3Config, Training,
    Transition,
};
use lacewing_tests::learner::{every_seventh, fill, replay_memory, seeds, sparsity};
use lacewing_tests::methods::{Case, ITERATION, OBSERVATIONS, bytes, cases, saved};
use lacewing_tests::saved::Saved;

/// What TD3 with frozen links and a replay of bytes takes, made and used for some updates.
fn taken(observations: usize, actions: u32, hidden: &[usize], transitions: usize) -> Budget {
    let settings = Settings::Td3(Td3Config { start_steps: 0, ..Td3Config::default() });
    let kind = settings.kind();
    let actions = ActionSpace::Continuous(actions);
    let shape = AgentShape::new(kind, observations, actions, [hidden; 2], &sparsity(0.9)).unwrap();
    let training = Training { method: Method::STATIC, lean: true, ..Training::default() };
    let kept = ReplayShape::new(&shape, kind, ReplayValues::U8, transitions);
    let replay = kept.blocks() * Block::BYTES;
    let budget = Budget { replay, ..AnyAgent::budget(&shape, &settings, &training) };
    let mut memory = vec![Block::ZERO; budget.total() / Block::BYTES];
    let (learner, replay) = memory.split_at_mut(budget.learner() / Block::BYTES);
    let mut agent = AnyAgent::new(shape, settings, training, learner, seeds(1)).unwrap();
    let range = |_| Some(Range { low: -1.0, high: 1.0 });
    let mut data = Replay::compact(&mut Arena::new(replay), kept, range).unwrap();
    fill_some(&mut data, actions);
    for _ in 0..4 {
        agent.update(&mut data).unwrap();
    }
    budget
}

/// Some transitions of noise, as many as there is room for.
fn fill_some(data: &mut Replay<'_>, actions: ActionSpace) {
    let mut numbers = replay_memory(200, data.observations(), data.actions());
    let mut rows = Replay::new(&mut numbers, data.observations(), data.actions()).unwrap();
    fill(&mut rows, actions);
    for index in 0..rows.len() {
        let step = rows.get(index);
        let [observation, action, next_observation] =
            [step.observation, step.action, step.next_observation]
                .map(|numbers| numbers.iter().collect::<Vec<_>>());
        let transition = Transition {
            observation: &observation,
            action: &action,
            reward: step.reward,
            next_observation: &next_observation,
            terminated: step.terminated,
            truncated: step.truncated,
        };
        data.push(transition).unwrap();
    }
}

#[test]
fn a_cheetah_learns_in_512_kib_and_a_pendulum_in_64() {
    let cheetah = taken(17, 6, &[256, 256], 2000);
    assert!(cheetah.total() <= 512 << 10, "{cheetah}");
    let pendulum = taken(3, 1, &[64, 64], 1000);
    assert!(pendulum.total() <= 64 << 10, "{pendulum}");
}

fn lean(case: &Case) -> Case {
    Case { training: Training { lean: true, ..case.training }, ..case.clone() }
}

/// Every gradient of the networks that have any.
fn gradients(agent: &AnyAgent<'_>) -> Vec<Vec<f32>> {
    let all = match agent {
        AnyAgent::Td3(agent) => agent.gradients(),
        AnyAgent::Sac(agent) => agent.gradients(),
        AnyAgent::Dqn(agent) => agent.gradients(),
        AnyAgent::Ppo(agent) => agent.gradients(),
    };
    let flat = |layers: Vec<(&[f32], &[f32])>| {
        layers.into_iter().flat_map(|(w, b)| w.iter().chain(b).copied()).collect()
    };
    all.iter().map(|network| flat(network.layers().collect())).collect()
}

#[test]
fn gradients_are_those_of_wide_tiles() {
    for mut case in cases().into_iter().filter(|case| case.name.ends_with(" static")) {
        for norm in [Norm::None, Norm::Layer] {
            case.shape.critic.iter_mut().for_each(|critic| critic.norm = norm);
            // Optimisers differ, so they must not move anything; TD3's actor has its turn in the second update.
            case.settings.set_learning_rate(1e-20);
            let learned = |case: &Case| {
                case.with(|mut agent| {
                    case.train(&mut agent, 2, |_, _| ());
                    gradients(&agent)
                })
            };
            let (wide, narrow) = (learned(&case), learned(&lean(&case)));
            let mut compared = 0;
            for (wide, narrow) in wide.iter().zip(&narrow).filter(|(_, narrow)| !narrow.is_empty())
            {
                assert_eq!(wide.len(), narrow.len(), "{}", case.name);
                for (a, b) in wide.iter().zip(narrow) {
                    assert!((a - b).abs() <= 1e-5 + 1e-3 * a.abs(), "{}: {a} and {b}", case.name);
                }
                compared += wide.iter().filter(|gradient| **gradient != 0.0).count();
            }
            assert!(compared > 100, "{}: {compared}", case.name);
        }
    }
}

#[test]
fn what_is_saved_is_read_in_either_memory() {
    for case in cases() {
        let updates = 2 * ITERATION;
        let full = case.with(|mut agent| {
            case.train(&mut agent, updates, |_, _| ());
            bytes(&agent)
        });
        let resume = Resume::parse(&full).unwrap();
        let restored =
            |from: &Resume<'_>, training: Training, what: &mut dyn FnMut(AnyAgent<'_>)| {
                let blocks = AnyAgent::blocks(from.shape(), from.settings(), &training);
                let mut memory = vec![Block::ZERO; blocks];
                what(from.restore(*from.settings(), training, &mut memory).unwrap());
            };
        for method in
            [case.training.method, Method { target: case.training.method.target, ..Method::STATIC }]
        {
            let training = Training { lean: true, method, ..case.training };
            restored(&resume, training, &mut |lean| {
                let again = bytes(&lean);
                let (before, after) = (Saved::read(&full), saved(&lean));
                for (a, b) in before.online.iter().flatten().zip(after.online.iter().flatten()) {
                    assert_eq!(a.links, b.links, "{}", case.name);
                }
                // What it wrote is a section that it, and a learner with room, read again as it was.
                let section = Resume::parse(&again).unwrap();
                restored(&section, training, &mut |twice| {
                    assert!(bytes(&twice) == again, "{}", case.name);
                });
                let roomy = Training { lean: false, ..training };
                restored(&section, roomy, &mut |full| {
                    assert!(bytes(&full) == again, "{}", case.name);
                });
            });
        }
    }
}

#[test]
fn spoiled_targets_are_refused_and_never_panic() {
    let case = cases().into_iter().find(|case| case.name.starts_with("td3")).unwrap();
    let whole = case.with(|agent| bytes(&agent));
    let training = Training { lean: true, method: Method::STATIC, ..case.training };
    let mut refused = 0;
    for at in (whole.len() / 2..whole.len()).step_by(7) {
        let mut spoiled = whole.clone();
        spoiled[at] ^= 0xff;
        let Ok(resume) = Resume::parse(&spoiled) else { continue };
        let blocks = AnyAgent::blocks(resume.shape(), resume.settings(), &training);
        let mut memory = vec![Block::ZERO; blocks];
        refused += usize::from(resume.restore(*resume.settings(), training, &mut memory).is_err());
    }
    assert!(refused > 0);
}

#[test]
fn it_learns() {
    // A critic that has to know the reward of a step, and nothing after it.
    let settings = Settings::Td3(Td3Config {
        gamma: 0.0,
        learning_rate: 3e-3,
        batch: 40,
        ..Td3Config::default()
    });
    let actions = ActionSpace::Continuous(2);
    let sparsity = Sparsity { allocation: Allocation::Uniform, ..sparsity(0.5) };
    let hidden: [&[usize]; 2] = [&[24, 16]; 2];
    let kind = AlgorithmKind::Td3;
    let shape = AgentShape::new(kind, OBSERVATIONS, actions, hidden, &sparsity).unwrap();
    for method in [Method::STATIC, every_seventh()] {
        let training = Training { method, lean: true, ..Training::default() };
        let case = Case { name: "td3".into(), settings, shape: shape.clone(), training };
        let mut losses = Vec::new();
        case.with(|mut agent| {
            case.train(&mut agent, 600, |_, found| losses.push(found.get(0).unwrap()));
        });
        let mean = |losses: &[f32]| losses.iter().sum::<f32>() / losses.len() as f32;
        let (first, last) = (mean(&losses[..10]), mean(&losses[590..]));
        assert!(last < 0.1 * first, "{first}, then {last}");
    }
}
