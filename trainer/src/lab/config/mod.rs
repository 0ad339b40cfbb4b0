//! A run's configuration: every number that decides its result, saved as `config.toml`.

mod layer;
mod validate;

use std::path::Path;

use lacewing_formats::topology::{Allocation, AllocationError, Drop, Structure};
use lacewing_runtime::learn::{
    self, ActionSpace, AgentShape, AlgorithmKind, Init, MAX_LAYERS, Rewire, Settings, Sparsity,
    Td3Config, Training,
};
use serde::{Deserialize, Serialize};
use toml::Table;

pub use layer::{ConfigError, Layer};
use layer::{overlay, value_error};

/// Most hidden layers an agent may have: the learner's layer table is fixed.
const MOST_HIDDEN: usize = MAX_LAYERS - 1;

/// How links come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Every link lives: plain TD3.
    Dense,
    /// A random sparse topology that never changes (Static-TD3).
    Static,
    /// Sparse evolutionary training: the weakest links are regrown elsewhere (DS-TD3, Sokar et al.
    /// 2022).
    Set,
}

impl Method {
    /// As configurations and the command line spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dense => "dense",
            Self::Static => "static",
            Self::Set => "set",
        }
    }
}

pub use crate::engine::{Device, EngineKind};

/// Everything that decides a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RunConfig {
    /// Environment id, e.g. `HalfCheetah-v5`.
    pub env: String,
    /// How links come and go.
    pub method: Method,
    /// The algorithm.
    pub algorithm: AlgorithmKind,
    /// What computes the updates.
    pub engine: EngineKind,
    /// Where the burn engine computes; the sparse engine always runs on the processor.
    pub device: Device,
    /// Threads that share an update of the sparse engine. The order of its sums depends on them, so
    /// a run is the same bit for bit only with as many.
    pub threads: u32,
    /// Decides everything random.
    pub seed: u64,
    /// Environment steps of the whole run.
    pub steps: u64,
    /// Width of each hidden layer, of actor and critics alike.
    pub hidden: Vec<usize>,
    /// Sparsity of each whole network, 0 to 1, for the rules that take one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sparsity: Option<f64>,
    /// Whether the last layer of each network stays dense, as in DS-TD3.
    pub dense_output: bool,
    /// Which links of the actor may be alive together: `unstructured` (the default),
    /// `constant-fan-in`, `k-per-32`, `n-of-16` (or another number), `blocks-4x1`, `blocks-16x1`.
    #[serde(default)]
    pub structure: Structure,
    /// How weights start: `dense` or `sparsity-aware`.
    pub init: Init,
    /// Environment steps between evaluations.
    pub evaluate_every: u64,
    /// Episodes of an evaluation.
    pub evaluate_episodes: u32,
    /// A checkpoint is taken at the first episode end after this many more environment steps.
    pub checkpoint_every: u64,
    /// How the sparsity is spread over the layers; absent for `dense`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocation: Option<Allocation>,
    /// The algorithm's numbers, in a table of its name.
    #[serde(flatten)]
    pub agent: AgentConfig,
    /// SET's numbers; used by `set` only.
    pub rewire: Rewire,
}

impl RunConfig {
    /// DS-TD3's published settings (Sokar et al. 2022 and its code) for MuJoCo, and settings tuned
    /// for the small classic environments.
    pub fn defaults(env: &str, method: Method) -> Self {
        let classic = matches!(env, "Pendulum-v1" | "MountainCarContinuous-v0");
        // λ of the first layer follows the observation's width; later layers share λ = 64.
        let first = match env {
            "Ant-v5" => 40.0,
            "Humanoid-v5" => 61.0,
            _ => 7.0,
        };
        let (sparsity, allocation) = match (method, classic) {
            (Method::Dense, _) => (None, None),
            (_, true) => (Some(0.9), Some(Allocation::Er)),
            (_, false) => (None, Some(Allocation::ErLambda { first, rest: 64.0 })),
        };
        let config = Self {
            env: env.to_string(),
            method,
            algorithm: AlgorithmKind::Td3,
            engine: EngineKind::Sparse,
            device: Device::Cpu,
            threads: 1,
            seed: 0,
            steps: 1_000_000,
            hidden: vec![256, 256],
            sparsity,
            dense_output: true,
            structure: Structure::Unstructured,
            init: Init::Dense,
            evaluate_every: 5000,
            evaluate_episodes: 10,
            checkpoint_every: 10_000,
            allocation,
            td3: Td3Config {
                learning_rate: 1e-3,
                weight_decay: 2e-4,
                batch: 100,
                gamma: 0.99,
                tau: 0.005,
                policy_noise: 0.2,
                noise_clip: 0.5,
                policy_delay: 2,
                start_steps: 25_000,
                exploration_noise: 0.1,
                noise_correlation: 0.0,
                replay: 1_000_000,
            },
            rewire: Rewire { interval: 1000, fraction: 0.05, drop: Drop::SignedMagnitude },
        };
        if classic { config.for_classic_control() } else { config }
    }

    /// Small, short-horizon tasks learn within minutes: fewer random steps, a smaller replay.
    fn for_classic_control(mut self) -> Self {
        self.steps = if self.env == "Pendulum-v1" { 15_000 } else { 50_000 };
        self.evaluate_every = 1000;
        self.checkpoint_every = 2000;
        self.td3.start_steps = 1000;
        self.td3.replay = 100_000;
        self.td3.learning_rate = 3e-3;
        self.td3.weight_decay = 0.0;
        self.td3.batch = 128;
        if self.env == "MountainCarContinuous-v0" {
            // Only swings of many steps one way ever reach the goal.
            self.td3.exploration_noise = 0.7;
            self.td3.noise_correlation = 0.98;
        }
        self
    }

    /// Lays layers, each over those before it, over the defaults of the environment and method they
    /// name; `env` and `method` override the layers'.
    ///
    /// # Errors
    /// [`ConfigError`] naming the layer and field.
    pub fn from_layers(
        env: Option<&str>,
        method: Option<Method>,
        layers: Vec<Layer>,
    ) -> Result<Self, ConfigError> {
        let mut over = Table::new();
        let mut origins = Vec::new();
        for layer in layers {
            overlay(&mut over, layer.table);
            origins.push(layer.origin);
        }
        let origin = origins.join(", ");
        if let Some(env) = env {
            over.insert("env".into(), env.into());
        }
        let env = match over.get("env").map(toml::Value::as_str) {
            Some(Some(env)) => env.to_string(),
            Some(None) => return Err(value_error("env", "must be a string")),
            None => return Err(value_error("env", "is missing: name an environment")),
        };
        let method = match (method, over.get("method")) {
            (Some(method), _) => method,
            (None, Some(method)) => method
                .clone()
                .try_into()
                .map_err(|error| ConfigError::parse(&format!("{origin}: method"), &error))?,
            (None, None) => Method::Set,
        };
        over.remove("method");
        let mut merged = Table::try_from(Self::defaults(&env, method))
            .map_err(|error| value_error("config", error.to_string()))?;
        // A layer that sets a sparsity or an allocation replaces both defaults: they are one choice.
        if over.contains_key("sparsity") || over.contains_key("allocation") {
            merged.remove("sparsity");
            merged.remove("allocation");
        }
        overlay(&mut merged, over);
        let mut config: Self =
            merged.try_into().map_err(|error| ConfigError::parse(&origin, &error))?;
        if config.sparsity.is_some() && config.allocation.is_none() && method != Method::Dense {
            config.allocation = Some(Allocation::Er);
        }
        Ok(config)
    }

    /// A run's `config.toml`.
    ///
    /// # Errors
    /// [`ConfigError`] naming the file and field.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        Self::from_layers(None, None, vec![Layer::file(path)?])
    }

    /// The configuration as TOML.
    ///
    /// # Errors
    /// [`ConfigError::Value`] for a number TOML cannot hold, such as a seed above 2⁶³.
    pub fn to_toml(&self) -> Result<String, ConfigError> {
        toml::to_string(self).map_err(|error| value_error("config", error.to_string()))
    }

    /// Networks of the agent for an environment with these observations and actions.
    ///
    /// # Errors
    /// [`ConfigError::Value`] where the sparsity is out of range or out of reach.
    pub fn shape(
        &self,
        observations: usize,
        actions: ActionSpace,
    ) -> Result<AgentShape, ConfigError> {
        if !self.algorithm.acts_in(actions) {
            let problem = match actions {
                ActionSpace::Continuous(_) => {
                    "chooses among discrete actions: take td3, sac or ppo"
                }
                ActionSpace::Discrete(_) => "gives continuous actions: take dqn or ppo",
            };
            let (name, env) = (self.algorithm.name(), &self.env);
            return Err(value_error(
                "algorithm",
                format!("{name} cannot act in {env}, it {problem}"),
            ));
        }
        let share = self.sparsity.unwrap_or(0.0);
        let sparsity = Sparsity {
            policy: share,
            critic: share,
            allocation: self.allocation.unwrap_or(Allocation::Uniform),
            dense_output: self.dense_output,
            structure: self.structure,
        };
        let shape = AgentShape::new(self.algorithm, observations, actions, &self.hidden, &sparsity);
        shape.map_err(|error| match error {
            AllocationError::Structure { .. } => value_error("structure:", error.to_string()),
            _ => value_error("sparsity:", error.to_string()),
        })
    }

    /// Method, and structure where there is one: `set`, `set-k-per-32`.
    pub fn method_name(&self) -> String {
        match self.structure {
            Structure::Unstructured => self.method.name().to_string(),
            structure => format!("{}-{structure}", self.method.name()),
        }
    }

    /// What no algorithm owns.
    pub fn training(&self) -> Training {
        Training {
            init: self.init,
            method: match self.method {
                Method::Dense | Method::Static => learn::Method::Static,
                Method::Set => learn::Method::Set(self.rewire),
            },
            threads: self.threads,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_survives_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        for env in ["HalfCheetah-v5", "Ant-v5", "Pendulum-v1"] {
            for method in [Method::Dense, Method::Static, Method::Set] {
                let config = RunConfig::defaults(env, method);
                config.validate().unwrap();
                std::fs::write(&path, config.to_toml().unwrap()).unwrap();
                assert_eq!(RunConfig::from_file(&path).unwrap(), config);
            }
        }
    }

    #[test]
    fn a_partial_file_lies_over_the_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, "env = 'HalfCheetah-v5'\nsparsity = 0.9\n[td3]\nbatch = 256\n")
            .unwrap();
        let config = RunConfig::from_file(&path).unwrap();
        config.validate().unwrap();
        assert_eq!((config.td3.batch, config.td3.start_steps), (256, 25_000));
        assert_eq!((config.sparsity, config.allocation), (Some(0.9), Some(Allocation::Er)));
        std::fs::write(&path, "env = 'HalfCheetah-v5'\n[td3]\nbach = 256\n").unwrap();
        let error = RunConfig::from_file(&path).unwrap_err().to_string();
        assert!(error.contains("bach"), "{error}");
    }

    #[test]
    fn a_setting_lies_over_a_file() {
        let layers = ["td3.batch=256\nseed=1", "td3.batch=64", "allocation.rule='uniform'"];
        let layers = layers.map(|text| Layer::setting(text).unwrap()).into();
        let mut config = RunConfig::from_layers(Some("Hopper-v5"), None, layers).unwrap();
        assert_eq!((config.td3.batch, config.seed, config.sparsity), (64, 1, None));
        assert!(config.validate().is_err(), "uniform needs a sparsity");
        config.sparsity = Some(0.8);
        config.validate().unwrap();
    }

    #[test]
    fn allocations_that_decide_the_sparsity_exclude_one() {
        let explicit = "allocation={rule='explicit',sparsities=[0.8,0.5,0.0]}";
        let read = |setting: &str| {
            let layers = vec![Layer::setting(setting).unwrap()];
            RunConfig::from_layers(Some("HalfCheetah-v5"), None, layers)
        };
        let mut config = read(explicit).unwrap();
        config.validate().unwrap();
        assert_eq!(config.shape(17, 6).unwrap().actor.links[..], [870, 32_768, 1536]);
        let written: RunConfig = toml::from_str(&config.to_toml().unwrap()).unwrap();
        assert_eq!(written, config);
        config.sparsity = Some(0.9);
        assert!(config.validate().unwrap_err().to_string().contains("exclude each other"));
        for bad in ["{rule='balanced'}", "{rule='input-only',rest=1.0}", "{rule='explicit'}"] {
            assert!(read(&format!("allocation={bad}")).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_papers_lambda_gives_the_papers_sizes() {
        // Sokar et al. 2022: HalfCheetah keeps 106,169 of 214,784 weights.
        let config = RunConfig::defaults("HalfCheetah-v5", Method::Set);
        let shape = config.shape(17, ActionSpace::Continuous(6)).unwrap();
        assert_eq!(shape.policy.total_links() + 2 * shape.critic.unwrap().total_links(), 106_169);
    }
}
