//! The agents that update benches train, and noise for their experience.

use lacewing_runtime::learn::{
    ActionSpace, AgentShape, AlgorithmKind, Replay, Settings, Transition,
};
use lacewing_tests::learner;
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

const TRANSITIONS: usize = 20_000;

/// Networks of an agent whose every network has this sparsity: HalfCheetah's, DQN's of 512-wide layers
/// and PPO's of 64-wide ones, as in Graesser et al. 2022.
pub fn shape(algorithm: AlgorithmKind, sparsity: f64) -> AgentShape {
    let (observations, actions, width) = match algorithm {
        AlgorithmKind::Td3 | AlgorithmKind::Sac => (17, ActionSpace::Continuous(6), 256),
        AlgorithmKind::Dqn => (8, ActionSpace::Discrete(4), 512),
        AlgorithmKind::Ppo => (17, ActionSpace::Continuous(6), 64),
    };
    let (hidden, spread) = ([width, width], learner::sparsity(sparsity));
    AgentShape::new(algorithm, observations, actions, [&hidden; 2], &spread)
        .expect("sparsity within reach")
}

/// Transitions made of noise.
pub struct Experience {
    observations: usize,
    actions: ActionSpace,
    transitions: usize,
}

/// As many as the algorithm keeps, up to 20,000.
pub fn experience(settings: &Settings, shape: &AgentShape) -> Experience {
    let transitions = match settings {
        Settings::Ppo(ppo) => ppo.steps as usize,
        _ => TRANSITIONS,
    };
    Experience { observations: shape.observations(), actions: shape.actions, transitions }
}

impl Experience {
    /// Numbers that a replay of them takes.
    pub fn memory(&self) -> usize {
        self.transitions * Replay::row_len(self.observations, self.actions.numbers())
    }

    /// A full replay.
    pub fn replay<'m>(&self, memory: &'m mut [f32]) -> Replay<'m> {
        let mut replay = Replay::new(memory, self.observations, self.actions.numbers())
            .expect("room for a transition");
        self.fill(&mut replay);
        replay
    }

    /// Fills a replay up.
    pub fn fill(&self, replay: &mut Replay<'_>) {
        let rng = &mut Xoshiro256PlusPlus::seed_from_u64(11);
        let mut numbers = vec![0.0; 2 * self.observations + self.actions.numbers()];
        for step in 0..self.transitions {
            numbers.fill_with(|| rng.next_u32() as f32 / u32::MAX as f32 * 2.0 - 1.0);
            let (observation, rest) = numbers.split_at_mut(self.observations);
            let (next_observation, action) = rest.split_at_mut(self.observations);
            if let ActionSpace::Discrete(choices) = self.actions {
                action[0] = (rng.next_u32() % choices) as f32;
            }
            let transition = Transition {
                observation,
                action,
                reward: observation[0],
                next_observation,
                terminated: step % 200 == 199,
                truncated: false,
            };
            replay.push(transition).expect("finite numbers");
        }
    }
}
