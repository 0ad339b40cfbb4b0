//! An agent whose algorithm is known at run time only.

use super::{DqnConfig, PpoConfig, SacConfig, Td3Config};
use crate::arena::Block;
use crate::guard::GradientRules;
use crate::learn::agent::{
    Agent, AgentShape, Algorithm, AlgorithmKind, DeployedLayer, Learner, Losses, Network, Seeds,
    Work, deployed,
};
use crate::learn::budget::Budget;
use crate::learn::error::LearnError;
#[cfg(feature = "alloc")]
use crate::learn::health::Health;
use crate::learn::memory::Replay;
use crate::learn::net::Mlp;
use crate::learn::training::Training;
use lacewing_formats::policy::ObservationNormaliser;
use serde::{Deserialize, Serialize};

/// Does the same with whichever algorithm it is.
macro_rules! each {
    ($kind:ident, $value:expr, $inner:ident => $do:expr) => {
        match $value {
            $kind::Td3($inner) => $do,
            $kind::Sac($inner) => $do,
            $kind::Dqn($inner) => $do,
            $kind::Ppo($inner) => $do,
        }
    };
}
pub(in crate::learn) use each;

/// An algorithm with its settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Settings {
    /// See [`Td3Config`].
    Td3(Td3Config),
    /// See [`SacConfig`].
    Sac(SacConfig),
    /// See [`DqnConfig`].
    Dqn(DqnConfig),
    /// See [`PpoConfig`].
    Ppo(PpoConfig),
}

impl Settings {
    /// Which algorithm it is.
    pub fn kind(&self) -> AlgorithmKind {
        fn of<A: Algorithm>(_: &A) -> AlgorithmKind {
            A::KIND
        }
        each!(Settings, self, algorithm => of(algorithm))
    }

    /// Names of the figures of an update.
    pub fn losses(&self) -> &'static [&'static str] {
        fn of<A: Algorithm>(_: &A) -> &'static [&'static str] {
            A::LOSSES
        }
        each!(Settings, self, algorithm => of(algorithm))
    }

    /// Changes the optimiser's step size.
    pub fn set_learning_rate(&mut self, rate: f32) {
        each!(Settings, self, algorithm => algorithm.learning_rate = rate);
    }

    /// Changes the standard deviation of the noise on actions, from now on uncorrelated; `false` where
    /// the algorithm explores without.
    pub fn set_exploration_noise(&mut self, sigma: f32) -> bool {
        match self {
            Self::Td3(td3) => (td3.exploration_noise, td3.noise_correlation) = (sigma, 0.0),
            Self::Sac(_) | Self::Dqn(_) | Self::Ppo(_) => return false,
        }
        true
    }

    /// Steps that an algorithm learns from at once, if it learns from its present policy's only: its memory
    /// must hold exactly so many, and learning must not begin later than with the first of them.
    pub fn iteration(&self) -> Option<usize> {
        each!(Settings, self, algorithm => algorithm.iteration()).map(|(steps, _)| steps)
    }

    /// Refuses settings without a meaning.
    ///
    /// # Errors
    /// [`LearnError::Config`].
    pub fn check(&self) -> Result<(), LearnError> {
        each!(Settings, self, algorithm => algorithm.check())
    }
}

impl From<Td3Config> for Settings {
    fn from(config: Td3Config) -> Self {
        Self::Td3(config)
    }
}

impl From<SacConfig> for Settings {
    fn from(config: SacConfig) -> Self {
        Self::Sac(config)
    }
}

impl From<DqnConfig> for Settings {
    fn from(config: DqnConfig) -> Self {
        Self::Dqn(config)
    }
}

impl From<PpoConfig> for Settings {
    fn from(config: PpoConfig) -> Self {
        Self::Ppo(config)
    }
}

/// An agent of any algorithm.
#[derive(Debug)]
pub enum AnyAgent<'m> {
    /// TD3.
    Td3(Agent<'m, Td3Config>),
    /// SAC.
    Sac(Agent<'m, SacConfig>),
    /// DQN.
    Dqn(Agent<'m, DqnConfig>),
    /// PPO.
    Ppo(Agent<'m, PpoConfig>),
}

impl<'m> AnyAgent<'m> {
    /// See [`Agent::blocks`].
    pub fn blocks(shape: &AgentShape, settings: &Settings, training: &Training) -> usize {
        each!(Settings, settings, algorithm => Agent::blocks(shape, algorithm, training))
    }

    /// See [`Agent::budget`].
    pub fn budget(shape: &AgentShape, settings: &Settings, training: &Training) -> Budget {
        each!(Settings, settings, algorithm => Agent::budget(shape, algorithm, training))
    }

    /// See [`Agent::new`].
    ///
    /// # Errors
    /// See [`Agent::new`].
    pub fn new(
        shape: AgentShape,
        settings: Settings,
        training: Training,
        memory: &'m mut [Block],
        seeds: Seeds,
    ) -> Result<Self, LearnError> {
        // Each in a frame of its own, since agents are large and a microcontroller's stack is not.
        #[inline(never)]
        fn make<'m, A: Algorithm>(
            wrap: fn(Agent<'m, A>) -> AnyAgent<'m>,
            shape: AgentShape,
            algorithm: A,
            training: Training,
            memory: &'m mut [Block],
            seeds: Seeds,
        ) -> Result<AnyAgent<'m>, LearnError> {
            Agent::new(shape, algorithm, training, memory, seeds).map(wrap)
        }
        match settings {
            Settings::Td3(algorithm) => make(Self::Td3, shape, algorithm, training, memory, seeds),
            Settings::Sac(algorithm) => make(Self::Sac, shape, algorithm, training, memory, seeds),
            Settings::Dqn(algorithm) => make(Self::Dqn, shape, algorithm, training, memory, seeds),
            Settings::Ppo(algorithm) => make(Self::Ppo, shape, algorithm, training, memory, seeds),
        }
    }

    /// The algorithm with its settings.
    pub fn settings(&self) -> Settings {
        each!(AnyAgent, self, agent => (*agent.algorithm()).into())
    }

    /// See [`Agent::shape`].
    pub fn shape(&self) -> &AgentShape {
        each!(AnyAgent, self, agent => agent.shape())
    }

    /// See [`Agent::seed_exploration`].
    pub fn seed_exploration(&mut self, seed: u64) {
        each!(AnyAgent, self, agent => agent.seed_exploration(seed));
    }

    /// See [`Agent::normaliser`].
    pub fn normaliser(&self) -> Option<ObservationNormaliser<'_>> {
        each!(AnyAgent, self, agent => agent.normaliser())
    }

    /// See [`Agent::policy`].
    pub fn policy(&self) -> &Mlp<'m> {
        each!(AnyAgent, self, agent => agent.policy())
    }

    /// See [`Agent::deployed`].
    pub fn deployed(&self) -> impl ExactSizeIterator<Item = DeployedLayer<'_>> {
        let (algorithm, actions) = (self.settings().kind(), self.shape().actions);
        deployed(self.policy().layers(), algorithm, actions)
    }

    /// See [`Agent::training`].
    pub fn training(&self) -> &Training {
        each!(AnyAgent, self, agent => agent.training())
    }

    /// See [`Agent::networks`].
    pub fn networks(&self) -> &[Network<'m>] {
        each!(AnyAgent, self, agent => agent.networks())
    }

    /// See [`Agent::take_work`].
    pub fn take_work(&mut self) -> Work {
        each!(AnyAgent, self, agent => agent.take_work())
    }

    /// See [`Agent::diagnose`].
    ///
    /// # Errors
    /// See [`Agent::diagnose`].
    #[cfg(feature = "alloc")]
    pub fn diagnose(
        &mut self,
        data: &Replay<'_>,
        tau: f64,
        seed: u64,
    ) -> Result<[Option<Health>; 2], LearnError> {
        each!(AnyAgent, self, agent => agent.diagnose(data, tau, seed))
    }

    /// See [`Agent::learn`].
    ///
    /// # Errors
    /// See [`Agent::learn`].
    pub fn learn(
        &mut self,
        data: &mut Replay<'_>,
        more: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Losses>, LearnError> {
        each!(AnyAgent, self, agent => agent.learn(data, more))
    }

    /// See [`Agent::guard_gradients`].
    pub fn guard_gradients(&mut self, rules: GradientRules) {
        each!(AnyAgent, self, agent => agent.guard_gradients(rules));
    }

    /// See [`Agent::is_learning`].
    pub fn is_learning(&self) -> bool {
        each!(AnyAgent, self, agent => agent.is_learning())
    }

    /// See [`Agent::updates`].
    pub fn updates(&self) -> u64 {
        each!(AnyAgent, self, agent => agent.updates())
    }
}

impl Learner for AnyAgent<'_> {
    type Error = LearnError;

    fn act(&mut self, observation: &[f32], action: &mut [f32]) -> Result<(), LearnError> {
        each!(AnyAgent, self, agent => agent.act(observation, action))
    }

    fn explore(
        &mut self,
        step: u64,
        observation: &[f32],
        action: &mut [f32],
    ) -> Result<(), LearnError> {
        each!(AnyAgent, self, agent => agent.explore(step, observation, action))
    }

    fn random(&mut self, action: &mut [f32]) {
        each!(AnyAgent, self, agent => agent.random(action));
    }

    fn begin_episode(&mut self) {
        each!(AnyAgent, self, agent => agent.begin_episode());
    }

    fn observe(&mut self, observation: &[f32]) {
        each!(AnyAgent, self, agent => agent.observe(observation));
    }

    fn reward(&mut self, reward: f32, ends: bool) {
        each!(AnyAgent, self, agent => agent.reward(reward, ends));
    }

    fn updates_due(&self, step: u64, data: &Replay<'_>) -> u32 {
        each!(AnyAgent, self, agent => agent.updates_due(step, data))
    }

    fn update(&mut self, data: &mut Replay<'_>) -> Result<Losses, LearnError> {
        each!(AnyAgent, self, agent => Learner::update(agent, data))
    }
}
