//! A robot that is easy to know: what it ought to do follows from what its sensors say.

use lacewing_runtime::learn::{
    ActionSpace, AgentShape, AlgorithmKind, AnyAgent, Block, Learner, Replay, Td3Config, Training,
    Transition,
};
use lacewing_tests::fresh;
use lacewing_tests::learner::{replay_memory, seeds, sparsity};
use lacewing_tests::policy_file::Owned;
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

pub const OBSERVATIONS: usize = 4;
pub const ACTIONS: usize = 2;
/// Of the policy's actions.
pub const LIMIT: f32 = 2.0;
/// Of its actuators, as the driver says: narrower than the policy's.
pub const ACTUATOR: f32 = 1.8;
/// Updates and transitions of the training run.
const UPDATES: usize = 4000;
const EXPERIENCE: usize = 4000;

pub struct Random(Xoshiro256PlusPlus);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// From −1 to 1.
    pub fn unit(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0
    }

    pub fn below(&mut self, count: usize) -> usize {
        ((u64::from(self.0.next_u32()) * count as u64) >> 32) as usize
    }

    pub fn happens(&mut self, share: f64) -> bool {
        f64::from(self.0.next_u32()) < share * f64::from(u32::MAX)
    }
}

/// Sensors drift at random; each actuator ought to be where they say.
pub struct World {
    pub sensors: [f32; OBSERVATIONS],
}

impl World {
    pub fn new() -> Self {
        Self { sensors: [0.0; OBSERVATIONS] }
    }

    /// The reward of a command, 1 at best; then the sensors move.
    pub fn step(&mut self, random: &mut Random, command: &[f32]) -> f64 {
        let [a, b, c, d] = self.sensors;
        let wanted = [0.8 * a - 0.6 * b, 0.5 * c + 0.7 * d];
        let off = |(wanted, command): (f32, &f32)| f64::from(wanted - command / LIMIT).powi(2);
        let reward = 1.0 - 2.0 * wanted.into_iter().zip(command).map(off).sum::<f64>();
        for sensor in &mut self.sensors {
            *sensor = (0.9 * *sensor + 0.35 * random.unit()).clamp(-1.0, 1.0);
        }
        reward
    }
}

pub fn settings() -> Td3Config {
    Td3Config { batch: 32, gamma: 0.2, exploration_noise: 0.03, ..Td3Config::default() }
}

/// A policy that has learned its task from random actions, as a file with its learner.
pub fn trained() -> Owned {
    let settings = settings().into();
    let (actions, training) = (
        ActionSpace::Continuous(ACTIONS as u32),
        Training { normalise_observations: true, ..Training::default() },
    );
    let widths: [&[usize]; 2] = [&[24, 24]; 2];
    let kind = AlgorithmKind::Td3;
    let shape = AgentShape::new(kind, OBSERVATIONS, actions, widths, &sparsity(0.5)).unwrap();
    let mut memory = vec![Block::ZERO; AnyAgent::blocks(&shape, &settings, &training)];
    let mut agent = AnyAgent::new(shape, settings, training, &mut memory, seeds(5)).unwrap();
    let mut rows = replay_memory(EXPERIENCE, OBSERVATIONS, ACTIONS);
    let mut data = Replay::new(&mut rows, OBSERVATIONS, ACTIONS).unwrap();
    let (random, mut world) = (&mut Random::new(9), World::new());
    for _ in 0..EXPERIENCE {
        let observation = world.sensors;
        agent.observe(&observation);
        let action = [random.unit(), random.unit()];
        let reward = world.step(random, &action.map(|action| LIMIT * action)) as f32;
        let transition = Transition {
            observation: &observation,
            action: &action,
            reward,
            next_observation: &world.sensors,
            terminated: false,
            truncated: false,
        };
        data.push(transition).unwrap();
    }
    for _ in 0..UPDATES {
        agent.update(&mut data).unwrap();
    }
    let (low, high) = (vec![-LIMIT; ACTIONS], vec![LIMIT; ACTIONS]);
    Owned { low, high, ..fresh::of(&agent) }
}
