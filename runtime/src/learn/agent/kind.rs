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
}

impl AlgorithmKind {
    /// Every one.
    pub const ALL: [Self; 1] = [Self::Td3];

    /// As configurations, policy files and command lines spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Td3 => "td3",
        }
    }

    /// Whether it can choose such actions.
    pub fn acts_in(self, actions: ActionSpace) -> bool {
        match self {
            Self::Td3 => matches!(actions, ActionSpace::Continuous(_)),
        }
    }

    /// Outputs of the network that acts.
    pub fn policy_outputs(self, actions: ActionSpace) -> usize {
        match self {
            Self::Td3 => actions.outputs(),
        }
    }

    /// What follows the sums of the last layer of a policy file.
    pub fn output_activation(self) -> Activation {
        match self {
            Self::Td3 => Activation::Tanh,
        }
    }

    /// Inputs and outputs of a critic, where there is one.
    pub fn critic_ends(self, observations: usize, actions: ActionSpace) -> Option<(usize, usize)> {
        match self {
            Self::Td3 => Some((observations + actions.numbers(), 1)),
        }
    }
}
