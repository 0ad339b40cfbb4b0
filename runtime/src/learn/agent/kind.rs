//! Which algorithms there are, and what their networks take and give.

use super::shape::ActionSpace;
use lacewing_formats::policy::Activation;
use serde::{Deserialize, Serialize};

/// A reinforcement-learning algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlgorithmKind {
    /// Twin delayed deep deterministic policy gradient (Fujimoto et al. 2018).
    Td3,
    /// Soft actor-critic (Haarnoja et al. 2018).
    Sac,
    /// Deep Q-network (Mnih et al. 2015).
    Dqn,
    /// Proximal policy optimisation (Schulman et al. 2017).
    Ppo,
}

impl AlgorithmKind {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Td3, Self::Sac, Self::Dqn, Self::Ppo];

    /// As configurations, policy files and command lines spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Td3 => "td3",
            Self::Sac => "sac",
            Self::Dqn => "dqn",
            Self::Ppo => "ppo",
        }
    }

    /// Whether it can choose such actions.
    pub fn acts_in(self, actions: ActionSpace) -> bool {
        match self {
            Self::Td3 | Self::Sac => matches!(actions, ActionSpace::Continuous(_)),
            Self::Dqn => matches!(actions, ActionSpace::Discrete(_)),
            Self::Ppo => true,
        }
    }

    /// Outputs of the network that acts.
    pub fn policy_outputs(self, actions: ActionSpace) -> usize {
        match self {
            // Means and logarithms of standard deviations.
            Self::Sac => 2 * actions.outputs(),
            Self::Td3 | Self::Dqn | Self::Ppo => actions.outputs(),
        }
    }

    /// What follows the sums of the last layer of a policy file.
    pub fn output_activation(self) -> Activation {
        match self {
            Self::Td3 | Self::Sac => Activation::Tanh,
            Self::Dqn | Self::Ppo => Activation::Identity,
        }
    }

    /// How many critics there are.
    pub fn critics(self) -> usize {
        match self {
            Self::Td3 | Self::Sac => 2,
            Self::Ppo => 1,
            Self::Dqn => 0,
        }
    }

    /// Which of the figures of an update ([`Algorithm::LOSSES`](super::Algorithm::LOSSES)) is the error of
    /// the network that judges.
    pub fn critic_loss(self) -> usize {
        match self {
            Self::Td3 | Self::Sac | Self::Dqn => 0,
            Self::Ppo => 1,
        }
    }

    /// Inputs and outputs of a critic, where there is one.
    pub fn critic_ends(self, observations: usize, actions: ActionSpace) -> Option<(usize, usize)> {
        match self {
            Self::Td3 | Self::Sac => Some((observations + actions.numbers(), 1)),
            Self::Ppo => Some((observations, 1)),
            Self::Dqn => None,
        }
    }
}
