//! A run's configuration: every number that decides its result, saved as `config.toml`.

mod agent;
mod changes;
mod layer;
mod moved;
mod preset;
mod topology;
mod validate;

use std::path::Path;

use lacewing_formats::topology::{Allocation, AllocationError, Structure};
use lacewing_runtime::learn::{
    ActionSpace, Adapt, AgentShape, AlgorithmKind, DqnConfig, DynamicBuffer, Growth, Init,
    MAX_LAYERS, NetworkShape, Norm, PpoConfig, SacConfig, Sparsity, Td3Config, Training,
};
use serde::{Deserialize, Serialize};
use toml::Table;

use crate::env;
pub(crate) use agent::{of_table, usual};
pub(crate) use changes::written;
pub use changes::{ChangeError, Changes};
pub use layer::{CLOSENESS, ConfigError, Layer, allocation, is_whole};
use layer::{overlay, value_error};
pub use preset::Preset;
pub use topology::Topology;

/// Most hidden layers an agent may have: the learner's layer table is fixed.
const MOST_HIDDEN: usize = MAX_LAYERS - 1;

pub use crate::engine::{Device, EngineKind};

/// Everything that decides a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RunConfig {
    /// Environment id, e.g. `HalfCheetah-v5`.
    pub env: String,
    /// The method of sparse training, whose values are below.
    pub method: Preset,
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
    /// Width of each hidden layer, of policy and critics alike.
    pub hidden: Vec<usize>,
    /// Sparsity of each whole network, 0 to 1, for the rules that take one; of `small-dense` that of
    /// the network it is to be compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sparsity: Option<f64>,
    /// Sparsity of the critics, where it is another than the policy's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub critic_sparsity: Option<f64>,
    /// The policy's share of all links that `sparsity` leaves to policy and critics together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_share: Option<f64>,
    /// Whether the last layer of each network stays dense, as in DS-TD3.
    pub dense_output: bool,
    /// Which links of the actor may be alive together: `unstructured` (the default),
    /// `constant-fan-in`, `k-per-32`, `n-of-16` (or another number), `blocks-4x1`, `blocks-16x1`.
    #[serde(default)]
    pub structure: Structure,
    /// How weights start: `dense`, `sparsity-aware` or `per-unit`.
    pub init: Init,
    /// Whether units have biases.
    pub bias: bool,
    /// Whether observations are normalised by their running mean and deviation.
    pub normalise_observations: bool,
    /// Whether rewards are divided by the running deviation of the discounted return.
    pub scale_rewards: bool,
    /// Steps whose rewards a TD target adds up before it takes a value.
    pub n_step: u32,
    /// Updates with one step before that.
    pub n_step_after: u64,
    /// Whether the replay forgets what another policy did, and when (RLx2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dynamic_buffer: Option<DynamicBuffer>,
    /// What comes before the ReLU of the critics' hidden layers: `none` or `layer`.
    pub critic_norm: Norm,
    /// Environment steps between evaluations.
    pub evaluate_every: u64,
    /// Episodes of an evaluation.
    pub evaluate_episodes: u32,
    /// Hidden units whose mean activation is at most this share of their layer's are logged as dormant;
    /// 0: those that are never active.
    #[serde(default)]
    pub dormant_tau: f64,
    /// A checkpoint is taken at the first episode end after this many more environment steps.
    pub checkpoint_every: u64,
    /// Whether a finished run keeps its replay, so that more steps continue it as if it had never ended.
    #[serde(default)]
    pub keep_replay: bool,
    /// How the sparsity is spread over the layers; absent for `dense`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocation: Option<Allocation>,
    /// How links come and go.
    pub topology: Topology,
    /// TD3's settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub td3: Option<Td3Config>,
    /// SAC's settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sac: Option<SacConfig>,
    /// DQN's settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dqn: Option<DqnConfig>,
    /// PPO's settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ppo: Option<PpoConfig>,
}

impl RunConfig {
    /// Settings that suit an environment, an algorithm and a method.
    pub fn defaults(env: &str, algorithm: AlgorithmKind, method: Preset) -> Self {
        let (small, base) = (agent::is_small(env), agent::base(env));
        // λ of the first layer follows the observation's width; later layers share λ = 64.
        let first = match base {
            "Ant-v5" => 40.0,
            "Humanoid-v5" => 61.0,
            _ => 7.0,
        };
        let published = algorithm == AlgorithmKind::Td3 && !small;
        let (sparsity, allocation) = match method {
            Preset::Dense => (None, None),
            Preset::SmallDense => (Some(0.9), None),
            Preset::DsTd3 if published => (None, Some(Allocation::ErLambda { first, rest: 64.0 })),
            _ => (Some(0.9), Some(Allocation::Er)),
        };
        let steps = match base {
            "Pendulum-v1" => 15_000,
            _ if small => 50_000,
            _ => 1_000_000,
        };
        let on_robots = algorithm == AlgorithmKind::Ppo && !small;
        let mut config = Self {
            env: env.to_string(),
            method,
            algorithm,
            engine: EngineKind::Sparse,
            device: Device::Cpu,
            threads: 1,
            seed: 0,
            steps,
            hidden: vec![256, 256],
            sparsity,
            critic_sparsity: None,
            policy_share: None,
            dense_output: true,
            structure: Structure::Unstructured,
            init: Init::Dense,
            bias: true,
            // What PPO learns from is new at every iteration: it needs both on robots.
            normalise_observations: on_robots,
            scale_rewards: on_robots,
            n_step: 1,
            n_step_after: 0,
            dynamic_buffer: None,
            critic_norm: Norm::None,
            evaluate_every: if small { 1000 } else { 5000 },
            evaluate_episodes: 10,
            dormant_tau: 0.0,
            checkpoint_every: if small { 2000 } else { 10_000 },
            keep_replay: false,
            allocation,
            topology: method.topology(),
            td3: None,
            sac: None,
            dqn: None,
            ppo: None,
        };
        config.set_settings(agent::defaults(algorithm, env));
        method.adjust(&mut config);
        config
    }

    /// Lays layers, each over those before it, over the defaults of the environment, algorithm and
    /// method they name; `env` and `method` override the layers'.
    ///
    /// # Errors
    /// [`ConfigError`] naming the layer and field.
    pub fn from_layers(
        env: Option<&str>,
        method: Option<Preset>,
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
        let named = |key: &str| over.get(key).cloned();
        let method = match (method, named("method")) {
            (Some(method), _) => method,
            (None, Some(method)) => method
                .try_into()
                .map_err(|error| ConfigError::parse(&format!("{origin}: method"), &error))?,
            (None, None) => Preset::Set,
        };
        let algorithm = match named("algorithm") {
            Some(algorithm) => algorithm
                .try_into()
                .map_err(|error| ConfigError::parse(&format!("{origin}: algorithm"), &error))?,
            None => usual(&env),
        };
        let foreign = |name: &&String| of_table(name).is_some_and(|of| of != algorithm);
        if let Some(table) = over.keys().find(foreign) {
            let fields = over[table].as_table();
            let field = fields.and_then(|fields| fields.keys().next());
            let setting = field.map_or(table.clone(), |field| format!("{table}.{field}"));
            return Err(ConfigError::Foreign { setting, algorithm: algorithm.name() });
        }
        over.remove("method");
        let defaults = Table::try_from(Self::defaults(&env, algorithm, method))
            .map_err(|error| value_error("config", error.to_string()))?;
        let mut merged = defaults.clone();
        // A layer that sets a sparsity or an allocation replaces both defaults: they are one choice.
        if over.contains_key("sparsity") || over.contains_key("allocation") {
            merged.remove("sparsity");
            merged.remove("allocation");
        }
        // What critics have follows from the policy's sparsity, unless they are given their own.
        let own_critics =
            ["critic-sparsity", "policy-share"].iter().any(|key| over.contains_key(*key));
        merged.remove("critic-sparsity");
        overlay(&mut merged, over);
        let mut config: Self =
            merged.try_into().map_err(|e| ConfigError::parse_over(&defaults, &origin, &e))?;
        if config.sparsity.is_some() && config.allocation.is_none() && method.is_sparse() {
            config.allocation = Some(Allocation::Er);
        }
        if !own_critics {
            method.spare_critics(&mut config);
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
        let mut shape = self.allocate(observations, actions).map_err(|error| match error {
            AllocationError::Structure { .. } => value_error("structure:", error.to_string()),
            _ => value_error("sparsity:", error.to_string()),
        })?;
        if let Some(critic) = &mut shape.critic {
            critic.norm = self.critic_norm;
        }
        Ok(match self.topology.grow {
            // Pruning starts from all links.
            Growth::Nothing => shape.from_dense(),
            _ => shape,
        })
    }

    fn allocate(
        &self,
        observations: usize,
        actions: ActionSpace,
    ) -> Result<AgentShape, AllocationError> {
        let ask = |hidden: [&[usize]; 2], policy, critic| {
            let sparsity = Sparsity {
                policy,
                critic,
                allocation: self.allocation.unwrap_or(Allocation::Uniform),
                dense_output: self.dense_output,
                structure: self.structure,
            };
            AgentShape::new(self.algorithm, observations, actions, hidden, &sparsity)
        };
        let hidden = [&*self.hidden, &*self.hidden];
        let share = self.sparsity.unwrap_or(0.0);
        let critic = self.critic_sparsity.unwrap_or(share);
        if self.method == Preset::SmallDense {
            let dense = ask(hidden, 0.0, 0.0)?;
            let narrow = |shape: &NetworkShape, sparsity| shape.narrowed(1.0 - sparsity);
            let policy = narrow(&dense.policy, share);
            let of_critic = dense.critic.as_ref().map(|shape| narrow(shape, critic));
            return ask([&policy, of_critic.as_ref().unwrap_or(&policy)], 0.0, 0.0);
        }
        let Some(policy_share) = self.policy_share else { return ask(hidden, share, critic) };
        // One budget of links for policy and critics.
        let dense = ask(hidden, 0.0, 0.0)?;
        let of_critics = dense.critic.as_ref().map_or(0, NetworkShape::total_links) as f64
            * self.algorithm.critics() as f64;
        let of_policy = dense.policy.total_links() as f64;
        let budget = (1.0 - share) * (of_policy + of_critics);
        let left = |share: f64, all: f64| 1.0 - (share * budget / all).min(1.0);
        ask(hidden, left(policy_share, of_policy), left(1.0 - policy_share, of_critics))
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
            adapt: Adapt::default(),
            lean: false,
            init: self.init,
            bias: self.bias,
            normalise_observations: self.normalise_observations,
            scale_rewards: self.scale_rewards,
            n_step: self.n_step,
            n_step_after: self.n_step_after,
            fake_features: env::fake_features(&self.env),
            method: self.topology.method(self.updates()),
            threads: self.threads,
        }
    }
}

#[cfg(test)]
mod tests;
