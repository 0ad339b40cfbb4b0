//! Networks of an agent: which widths, how many links.

use super::kind::AlgorithmKind;
use crate::learn::explore::Explorer;
use crate::learn::net::{MAX_LAYERS, NetworkShape};
use heapless::Vec;
use lacewing_formats::topology::{Allocation, AllocationError, Structure};
use serde::{Deserialize, Serialize};

/// What an agent can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ActionSpace {
    /// So many numbers in [−1, 1].
    Continuous(u32),
    /// One of so many, as its index.
    Discrete(u32),
}

impl ActionSpace {
    /// Numbers of an action: of a discrete one its index.
    pub fn numbers(self) -> usize {
        match self {
            Self::Continuous(count) => count as usize,
            Self::Discrete(_) => 1,
        }
    }

    /// Numbers that a policy needs to choose: of a discrete one the number of choices.
    pub fn outputs(self) -> usize {
        match self {
            Self::Continuous(count) | Self::Discrete(count) => count as usize,
        }
    }

    /// Whether an action may have this number.
    pub(in crate::learn) fn holds(self, number: f32) -> bool {
        match self {
            Self::Continuous(_) => (-1.0..=1.0).contains(&number),
            Self::Discrete(count) => {
                number == libm::truncf(number) && (0.0..count as f32).contains(&number)
            }
        }
    }

    /// Any action, all as likely.
    pub fn random(self, explorer: &mut Explorer<'_>, action: &mut [f32]) {
        match self {
            Self::Continuous(_) => action.iter_mut().for_each(|a| *a = explorer.uniform()),
            Self::Discrete(count) => action[0] = explorer.index(count) as f32,
        }
    }
}

/// How sparse an agent is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sparsity {
    /// Share of the policy's links that are pruned, 0 to 1.
    pub policy: f64,
    /// The same of each critic.
    pub critic: f64,
    /// How it is spread over the layers; with [`Allocation::ErLambda`] `policy` and `critic` are
    /// what comes out.
    pub allocation: Allocation,
    /// The output layers stay dense, as in Sokar et al. 2022.
    pub dense_output: bool,
    /// Which links of the policy may be alive together. The critics, which are never deployed, stay
    /// unstructured. Each network keeps its sparsity as near as the structure allows.
    pub structure: Structure,
}

/// Which of an agent's networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The one that acts and is deployed: an actor, or DQN's Q.
    Policy,
    /// One that judges, which never leaves the learner.
    Critic,
}

/// Networks of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentShape {
    /// What its actions are.
    pub actions: ActionSpace,
    /// The network that acts.
    pub policy: NetworkShape,
    /// The networks that judge it, all of one shape, where the algorithm has any.
    pub critic: Option<NetworkShape>,
}

impl AgentShape {
    /// Networks for an algorithm with hidden layers of these widths, the policy's and the critics'.
    ///
    /// # Errors
    /// [`AllocationError`] if the sparsity is out of reach or there are too many layers.
    pub fn new(
        algorithm: AlgorithmKind,
        observations: usize,
        actions: ActionSpace,
        [of_policy, of_critic]: [&[usize]; 2],
        sparsity: &Sparsity,
    ) -> Result<Self, AllocationError> {
        let network = |(inputs, outputs), hidden: &[usize], share, structure| {
            let mut widths = Vec::<usize, { MAX_LAYERS + 1 }>::new();
            let all = core::iter::once(inputs).chain(hidden.iter().copied()).chain([outputs]);
            for width in all {
                widths.push(width).map_err(|_| AllocationError::Lengths {
                    shapes: hidden.len() + 1,
                    places: MAX_LAYERS,
                })?;
            }
            let Sparsity { allocation, dense_output, .. } = *sparsity;
            NetworkShape::allocate(&widths, share, structure, allocation, dense_output)
        };
        let critic = algorithm.critic_ends(observations, actions);
        Ok(Self {
            actions,
            policy: network(
                (observations, algorithm.policy_outputs(actions)),
                of_policy,
                sparsity.policy,
                sparsity.structure,
            )?,
            critic: critic
                .map(|ends| network(ends, of_critic, sparsity.critic, Structure::Unstructured))
                .transpose()?,
        })
    }

    /// The same with all links alive at first.
    pub fn from_dense(self) -> Self {
        let critic = self.critic.map(NetworkShape::from_dense);
        Self { policy: self.policy.from_dense(), critic, ..self }
    }

    /// Length of an observation.
    pub fn observations(&self) -> usize {
        self.policy.inputs()
    }

    /// Numbers of an action.
    pub fn action_numbers(&self) -> usize {
        self.actions.numbers()
    }

    /// Every shape there is.
    pub(in crate::learn) fn networks(&self) -> impl Iterator<Item = &NetworkShape> {
        core::iter::once(&self.policy).chain(&self.critic)
    }

    /// The shape of the networks of a role; the policy's where there is no critic.
    pub fn network(&self, role: Role) -> &NetworkShape {
        match role {
            Role::Policy => &self.policy,
            Role::Critic => self.critic.as_ref().unwrap_or(&self.policy),
        }
    }

    /// Whether such an agent can be built so, with sizes that cannot overflow.
    pub(in crate::learn) fn is_possible(&self, algorithm: AlgorithmKind) -> bool {
        let possible = |network: &NetworkShape| {
            let layers = network.links.len();
            let fall = network.goal.iter().zip(&network.links).all(|(goal, links)| goal <= links);
            layers > 0
                && network.goal.len() == layers
                && fall
                && network.widths.len() == layers + 1
                && network.layers().all(|(inputs, outputs, links)| {
                    let width = 1..=1 << 16;
                    width.contains(&inputs)
                        && width.contains(&outputs)
                        && (1..=inputs as u64 * outputs as u64).contains(&(links as u64))
                })
        };
        algorithm.acts_in(self.actions)
            && possible(&self.policy)
            && self.critic.as_ref().is_none_or(possible)
            && self.policy.outputs() == algorithm.policy_outputs(self.actions)
            && self.critic.as_ref().map(|critic| (critic.inputs(), critic.outputs()))
                == algorithm.critic_ends(self.observations(), self.actions)
    }
}
