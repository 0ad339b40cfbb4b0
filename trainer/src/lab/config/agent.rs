//! The table of the algorithm, which is the learner's own settings, and what a run asks of them.

use lacewing_runtime::learn::{
    AlgorithmKind, DqnConfig, PpoConfig, SacConfig, Settings, Td3Config,
};

use super::RunConfig;

const ALL: [AlgorithmKind; 4] =
    [AlgorithmKind::Td3, AlgorithmKind::Sac, AlgorithmKind::Dqn, AlgorithmKind::Ppo];

/// Environments whose actions are discrete.
const DISCRETE: [&str; 3] = ["CartPole-v1", "Acrobot-v1", "MountainCar-v0"];
/// Environments that are learned within minutes.
const SMALL: [&str; 5] =
    ["Pendulum-v1", "MountainCarContinuous-v0", "CartPole-v1", "Acrobot-v1", "MountainCar-v0"];

/// The environment without what is put around it.
pub(super) fn base(env: &str) -> &str {
    env.split('[').next().unwrap_or(env)
}

/// Whether an environment is one of Gymnasium's classic control.
pub(super) fn is_small(env: &str) -> bool {
    SMALL.contains(&base(env))
}

/// The algorithm that suits an environment's actions.
pub(crate) fn usual(env: &str) -> AlgorithmKind {
    if DISCRETE.contains(&base(env)) { AlgorithmKind::Dqn } else { AlgorithmKind::Td3 }
}

/// The algorithm whose table is called so.
pub(crate) fn of_table(name: &str) -> Option<AlgorithmKind> {
    ALL.into_iter().find(|algorithm| algorithm.name() == name)
}

/// Settings that suit an environment.
pub(super) fn defaults(algorithm: AlgorithmKind, env: &str) -> Settings {
    match algorithm {
        AlgorithmKind::Td3 => td3(env).into(),
        AlgorithmKind::Sac => sac(env).into(),
        AlgorithmKind::Dqn => DqnConfig::default().into(),
        AlgorithmKind::Ppo => PpoConfig::default().into(),
    }
}

/// DS-TD3's published settings (Sokar et al. 2022 and its code) for MuJoCo; for small tasks fewer
/// random steps and a smaller replay.
fn td3(env: &str) -> Td3Config {
    let published = Td3Config::default();
    if !is_small(env) {
        return published;
    }
    // Only swings of many steps one way ever reach the mountain car's goal.
    let (exploration_noise, noise_correlation) =
        if base(env) == "MountainCarContinuous-v0" { (0.7, 0.98) } else { (0.1, 0.0) };
    Td3Config {
        start_steps: 1000,
        replay: 100_000,
        learning_rate: 3e-3,
        weight_decay: 0.0,
        batch: 128,
        exploration_noise,
        noise_correlation,
        ..published
    }
}

fn sac(env: &str) -> SacConfig {
    let published = SacConfig::default();
    if !is_small(env) {
        return published;
    }
    SacConfig { learning_rate: 1e-3, batch: 128, start_steps: 1000, replay: 100_000, ..published }
}

impl RunConfig {
    /// The algorithm with its settings.
    pub fn settings(&self) -> Settings {
        match self.algorithm {
            AlgorithmKind::Td3 => self.td3.unwrap_or_default().into(),
            AlgorithmKind::Sac => self.sac.unwrap_or_default().into(),
            AlgorithmKind::Dqn => self.dqn.unwrap_or_default().into(),
            AlgorithmKind::Ppo => self.ppo.unwrap_or_default().into(),
        }
    }

    /// Changes the algorithm's settings.
    pub fn set_settings(&mut self, settings: Settings) {
        (self.td3, self.sac, self.dqn, self.ppo) = (None, None, None, None);
        match settings {
            Settings::Td3(td3) => self.td3 = Some(td3),
            Settings::Sac(sac) => self.sac = Some(sac),
            Settings::Dqn(dqn) => self.dqn = Some(dqn),
            Settings::Ppo(ppo) => self.ppo = Some(ppo),
        }
    }

    /// Tables of other algorithms than the run's.
    pub(super) fn foreign_tables(&self) -> impl Iterator<Item = &'static str> {
        let tables = [
            (AlgorithmKind::Td3, self.td3.is_some()),
            (AlgorithmKind::Sac, self.sac.is_some()),
            (AlgorithmKind::Dqn, self.dqn.is_some()),
            (AlgorithmKind::Ppo, self.ppo.is_some()),
        ];
        let own = self.algorithm;
        tables.into_iter().filter(move |&(of, there)| there && of != own).map(|(of, _)| of.name())
    }

    /// Random steps before learning starts.
    pub fn start_steps(&self) -> u64 {
        match self.settings() {
            Settings::Td3(td3) => td3.start_steps,
            Settings::Sac(sac) => sac.start_steps,
            Settings::Dqn(dqn) => dqn.start_steps,
            Settings::Ppo(_) => 0,
        }
    }

    /// Changes the random steps before learning starts, where there are any.
    pub fn set_start_steps(&mut self, steps: u64) {
        let mut settings = self.settings();
        match &mut settings {
            Settings::Td3(td3) => td3.start_steps = steps,
            Settings::Sac(sac) => sac.start_steps = steps,
            Settings::Dqn(dqn) => dqn.start_steps = steps,
            Settings::Ppo(_) => {}
        }
        self.set_settings(settings);
    }

    /// Samples of an update.
    pub fn batch(&self) -> u64 {
        let batch = match self.settings() {
            Settings::Td3(td3) => td3.batch,
            Settings::Sac(sac) => sac.batch,
            Settings::Dqn(dqn) => dqn.batch,
            Settings::Ppo(ppo) => ppo.batch,
        };
        batch.into()
    }

    /// Transitions that the agent keeps at most.
    pub fn experience(&self) -> usize {
        let transitions = match self.settings() {
            Settings::Td3(td3) => td3.replay,
            Settings::Sac(sac) => sac.replay,
            Settings::Dqn(dqn) => dqn.replay,
            Settings::Ppo(ppo) => ppo.steps,
        };
        transitions as usize
    }

    /// Whether what the agent keeps is the steps of one iteration.
    pub fn is_on_policy(&self) -> bool {
        self.algorithm == AlgorithmKind::Ppo
    }

    /// Updates of the whole run.
    pub fn updates(&self) -> u64 {
        let learning = self.steps.saturating_sub(self.start_steps());
        match self.settings() {
            Settings::Td3(_) | Settings::Sac(_) => learning,
            Settings::Dqn(dqn) => learning / u64::from(dqn.train_every.max(1)),
            Settings::Ppo(ppo) => {
                let minibatches = ppo.steps.div_ceil(ppo.batch.max(1));
                let updates = u64::from(ppo.epochs) * u64::from(minibatches);
                self.steps / u64::from(ppo.steps.max(1)) * updates
            }
        }
    }
}
