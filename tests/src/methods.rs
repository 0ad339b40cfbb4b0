//! Every algorithm with every method of sparse training, small.

use crate::learner::{fill, replay_memory, seeds, sparsity, written};
use crate::saved::Saved;
use lacewing_formats::topology::{Amount, Drop, Schedule, TargetRule};
use lacewing_runtime::learn::{
    ActionSpace, AgentShape, AnyAgent, Block, DqnConfig, Growth, Learner, Losses, Method, Newborn,
    PpoConfig, Replay, SacConfig, Settings, Td3Config, Training,
};

/// Numbers of an observation.
pub const OBSERVATIONS: usize = 5;
/// Samples of an update: two quarters of a tile, and a part of one.
pub const BATCH: u32 = 40;
/// Updates of an iteration of PPO's; others take any number.
pub const ITERATION: u64 = 6;

/// An algorithm with a method.
#[derive(Clone, Debug)]
pub struct Case {
    /// For complaints.
    pub name: String,
    /// The algorithm.
    pub settings: Settings,
    /// Its networks.
    pub shape: AgentShape,
    /// The method.
    pub training: Training,
}

/// Methods by their names, and whether they start from dense networks.
pub fn methods() -> Vec<(&'static str, Method, bool)> {
    let schedule = Schedule { from: 3, until: 30, every: 5 };
    let set =
        Method { schedule, amount: Amount::Constant(0.2), drop: Drop::Magnitude, ..Method::STATIC };
    let shrink = Method { grow: Growth::Nothing, ..set };
    let rigl = Method { grow: Growth::Gradient, amount: Amount::Cosine(0.3), ..set };
    vec![
        ("static", Method::STATIC, false),
        ("set", set, false),
        ("signed", Method { drop: Drop::SignedMagnitude, ..set }, false),
        ("rigl", rigl, false),
        ("prune", Method { amount: Amount::Cubic, ..shrink }, true),
        ("shrink", shrink, false),
        ("protect", Method { protect: 2, ..set }, false),
        ("layer-mean", Method { newborn: Newborn::LayerMean, ..set }, false),
        ("online-topology", Method { target: TargetRule::OnlineTopology, ..set }, false),
        ("rigl online-topology", Method { target: TargetRule::OnlineTopology, ..rigl }, false),
    ]
}

/// Every algorithm, of PPO both kinds.
pub fn algorithms() -> Vec<(Settings, ActionSpace)> {
    let (continuous, discrete) = (ActionSpace::Continuous(2), ActionSpace::Discrete(3));
    let td3 = Td3Config { batch: BATCH, tau: 0.1, ..Td3Config::default() };
    let sac = SacConfig { batch: BATCH, tau: 0.1, target_every: 2, ..SacConfig::default() };
    let dqn = DqnConfig { batch: BATCH, target_every: 4, ..DqnConfig::default() };
    // The last of three minibatches is smaller.
    let ppo = PpoConfig { batch: BATCH, steps: 100, epochs: 2, ..PpoConfig::default() };
    vec![
        (td3.into(), continuous),
        (sac.into(), continuous),
        (dqn.into(), discrete),
        (ppo.into(), continuous),
        (ppo.into(), discrete),
    ]
}

/// All of them together.
///
/// # Panics
/// If there are no such networks.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (settings, actions) in algorithms() {
        for (name, method, dense) in methods() {
            let kind = settings.kind();
            let hidden: [&[usize]; 2] = [&[24, 16], &[20, 12]];
            let shape = AgentShape::new(kind, OBSERVATIONS, actions, hidden, &sparsity(0.7));
            let shape = shape.unwrap();
            let shape = if dense { shape.from_dense() } else { shape };
            let training = Training { method, ..Training::default() };
            let name = format!("{} {actions:?} {name}", kind.name());
            cases.push(Case { name, settings, shape, training });
        }
    }
    cases
}

impl Case {
    /// Blocks that its agent asks for.
    pub fn blocks(&self) -> usize {
        AnyAgent::blocks(&self.shape, &self.settings, &self.training)
    }

    /// Lets a fresh agent do something.
    ///
    /// # Panics
    /// If there is no such agent.
    pub fn with<T>(&self, act: impl FnOnce(AnyAgent<'_>) -> T) -> T {
        let mut memory = vec![Block::ZERO; self.blocks()];
        let (settings, training) = (self.settings, self.training);
        let agent =
            AnyAgent::new(self.shape.clone(), settings, training, &mut memory, seeds(3)).unwrap();
        act(agent)
    }

    /// So many updates from experience made of noise, after each of which `watch` is told.
    ///
    /// # Panics
    /// If an update fails.
    pub fn train(
        &self,
        agent: &mut AnyAgent<'_>,
        updates: u64,
        mut watch: impl FnMut(&AnyAgent<'_>, Losses),
    ) {
        let actions = self.shape.actions;
        let mut memory = replay_memory(100, OBSERVATIONS, actions.numbers());
        let mut data = Replay::new(&mut memory, OBSERVATIONS, actions.numbers()).unwrap();
        for _ in 0..updates {
            if data.is_empty() {
                fill(&mut data, actions);
            }
            let losses = agent.update(&mut data).unwrap();
            watch(agent, losses);
        }
    }

    /// Whether targets follow at an update.
    pub fn follows(&self, update: u64) -> bool {
        let every = match self.settings {
            Settings::Td3(td3) => td3.policy_delay,
            Settings::Sac(sac) => sac.target_every,
            Settings::Dqn(dqn) => dqn.target_every,
            Settings::Ppo(_) => return false,
        };
        update.is_multiple_of(every.into())
    }
}

/// What an agent saves.
pub fn bytes(agent: &AnyAgent<'_>) -> Vec<u8> {
    written(|sink| agent.save(sink))
}

/// The same, taken apart.
pub fn saved(agent: &AnyAgent<'_>) -> Saved {
    Saved::read(&bytes(agent))
}
