//! Methods of sparse training by the names that papers gave them.

use lacewing_formats::topology::{Allocation, Amount, Drop, TargetRule};
use lacewing_runtime::learn::{
    AlgorithmKind, DynamicBuffer, Growth, Init, Newborn, Norm, Td3Config,
};
use serde::{Deserialize, Serialize};

use super::agent::is_small;
use super::{RunConfig, Topology};

/// A method of sparse training; its values are in the rest of the configuration and can be changed
/// there one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// Every link lives.
    Dense,
    /// Dense, but so narrow that it has as many links as the sparse network would.
    SmallDense,
    /// A random sparse topology that never changes.
    Static,
    /// Sparse evolutionary training: the weakest links are regrown elsewhere (Mocanu et al. 2018).
    Set,
    /// Links grow where the gradient is the largest (Evci et al. 2020).
    Rigl,
    /// Gradual magnitude pruning from dense to sparse (Zhu & Gupta 2018).
    Prune,
    /// SET as in DS-TD3 (Sokar et al. 2022, appendix, and its code).
    DsTd3,
    /// SET as in DS-SAC (Sokar et al. 2022, appendix).
    DsSac,
    /// Automatic noise filtering: only the first layer is sparse (Grooten et al. 2023).
    Anf,
    /// RigL as in RLx2 (Tan et al. 2023).
    Rlx2,
}

impl Preset {
    /// As configurations and the command line spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dense => "dense",
            Self::SmallDense => "small-dense",
            Self::Static => "static",
            Self::Set => "set",
            Self::Rigl => "rigl",
            Self::Prune => "prune",
            Self::DsTd3 => "ds-td3",
            Self::DsSac => "ds-sac",
            Self::Anf => "anf",
            Self::Rlx2 => "rlx2",
        }
    }

    /// Whether links of its networks are missing, at first or in the end.
    pub fn is_sparse(self) -> bool {
        !matches!(self, Self::Dense | Self::SmallDense)
    }

    /// When and how its topology changes.
    pub(super) fn topology(self) -> Topology {
        let set = Topology {
            start: 0.0,
            stop: 1.0,
            every: 1000,
            amount: Amount::Constant(0.05),
            drop: Drop::SignedMagnitude,
            grow: Growth::Random,
            protect: 0,
            newborn: Newborn::Fresh,
            target: TargetRule::OwnTopology,
        };
        let rigl = Topology { drop: Drop::Magnitude, grow: Growth::Gradient, ..set };
        match self {
            Self::Dense | Self::SmallDense | Self::Static => Topology { every: 0, ..set },
            Self::Set | Self::DsTd3 => set,
            Self::DsSac => Topology { amount: Amount::Constant(0.1), ..set },
            Self::Anf => Topology { drop: Drop::Magnitude, ..set },
            Self::Rigl => Topology { stop: 0.75, amount: Amount::Cosine(0.3), ..rigl },
            Self::Rlx2 => Topology {
                every: 10_000,
                amount: Amount::Cosine(0.5),
                target: TargetRule::OnlineTopology,
                ..rigl
            },
            Self::Prune => Topology {
                start: 0.2,
                stop: 0.8,
                amount: Amount::Cubic,
                grow: Growth::Nothing,
                ..rigl
            },
        }
    }

    /// Whether it is set up as a paper has it, and not as works best here.
    fn is_a_papers(self) -> bool {
        matches!(self, Self::DsTd3 | Self::DsSac | Self::Anf | Self::Rlx2)
    }

    /// Whether it is set up for such a run as works best here (tests/records).
    fn is_robust(self, config: &RunConfig) -> bool {
        let td3_on_robots = config.algorithm == AlgorithmKind::Td3 && !is_small(&config.env);
        td3_on_robots && !self.is_a_papers()
    }

    /// What makes TD3 on robots learn faster and more reliably at 90 %: layer normalisation in critics,
    /// normalised observations, rewards of one size, no weight decay, links that have learned something
    /// when the run ends, and critics with more links than the policy.
    fn robust(self, config: &mut RunConfig) {
        config.critic_norm = Norm::Layer;
        (config.normalise_observations, config.scale_rewards) = (true, true);
        config.td3 = config.td3.map(|td3| Td3Config { weight_decay: 0.0, ..td3 });
        if self == Self::Set {
            config.topology.stop = 0.9;
        }
        self.spare_critics(config);
    }

    /// Critics keep twice the share of links that the policy keeps: they never leave the workstation.
    pub(super) fn spare_critics(self, config: &mut RunConfig) {
        if self.is_robust(config) {
            let twice = |sparsity: f64| (1.0 - 2.0 * (1.0 - sparsity)).max(0.0);
            // .9 and not .8999999999999999.
            let rounded = |sparsity: f64| (twice(sparsity) * 1e9).round() / 1e9;
            config.critic_sparsity = config.sparsity.map(rounded);
        }
    }

    /// Sets what else belongs to the method.
    pub(super) fn adjust(self, config: &mut RunConfig) {
        if self.is_robust(config) {
            self.robust(config);
        }
        match self {
            Self::Anf => {
                (config.sparsity, config.allocation) = (Some(0.8), Some(Allocation::InputOnly));
            }
            Self::Rlx2 => {
                config.dense_output = false;
                (config.n_step, config.n_step_after) = (3, 300_000);
                config.dynamic_buffer = match config.algorithm {
                    AlgorithmKind::Td3 => Some(DynamicBuffer::RLX2),
                    AlgorithmKind::Sac => {
                        Some(DynamicBuffer { least: 200_000, ..DynamicBuffer::RLX2 })
                    }
                    AlgorithmKind::Dqn | AlgorithmKind::Ppo => None,
                };
            }
            Self::Rigl => config.init = Init::SparsityAware,
            _ => {}
        }
    }
}
