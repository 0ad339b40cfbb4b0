//! A policy that another learner trained, as the beginning of one that learns here.

use super::agent::{ActionSpace, AgentShape, AlgorithmKind, OBSERVATION_CLIP, Sparsity};
use super::algo::{AnyAgent, each};
use super::error::{LearnError, MAX_LAYERS};
use super::net::NetworkShape;
use lacewing_formats::artifact::{LayerView, PolicyView};
use lacewing_formats::policy::{Activation, Head};
use lacewing_formats::topology::{Allocation, AllocationError, Structure, TopologyError};
use thiserror::Error;

/// Observations that an adopted normaliser is taken to have seen: so many new ones move it half-way.
const OBSERVED: u64 = 100_000;

/// Why a policy cannot learn here.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
pub enum AdoptError {
    /// No algorithm here has actors with such outputs.
    #[error(
        "a policy with {head} actions after {activation} is no actor of an algorithm here: TD3's are \
         scaled after tanh, DQN's the greatest of what follows no activation"
    )]
    Algorithm {
        /// Name of the action head.
        head: &'static str,
        /// What follows the last sums.
        activation: &'static str,
    },
    /// The learner has nothing but ReLU between layers.
    #[error("layer {layer} (counted from 0) has {what}, the learner trains plain ReLU layers only")]
    Layer {
        /// Which.
        layer: usize,
        /// What it has.
        what: &'static str,
    },
    /// Normalised observations are cut elsewhere.
    #[error("normalised observations are clipped at {clip}, the learner's at {OBSERVATION_CLIP}")]
    Clip {
        /// Where.
        clip: f32,
    },
    /// The critics cannot be so sparse.
    #[error("the critics cannot be so: {0}")]
    Critics(#[from] AllocationError),
    /// See [`TopologyError`].
    #[error(transparent)]
    Topology(#[from] TopologyError),
    /// See [`LearnError`].
    #[error(transparent)]
    Learn(#[from] LearnError),
}

/// The algorithm whose actor a policy can be.
///
/// # Errors
/// [`AdoptError::Algorithm`], [`AdoptError::Layer`], [`AdoptError::Clip`] where there is none.
pub fn algorithm_of(view: &PolicyView<'_>) -> Result<AlgorithmKind, AdoptError> {
    let last = view.layers().len() - 1;
    for (index, layer) in view.layers().enumerate() {
        let refuse = |what| Err(AdoptError::Layer { layer: index, what });
        if layer.norm.is_some() {
            return refuse("layer normalisation");
        }
        if index < last && layer.activation != Activation::Relu {
            return refuse(layer.activation.name());
        }
    }
    if let Some(normaliser) = view.normaliser().filter(|it| it.clip != OBSERVATION_CLIP) {
        return Err(AdoptError::Clip { clip: normaliser.clip });
    }
    let activation = view.layers().last().map_or(Activation::Identity, |layer| layer.activation);
    match (view.action_head().kind(), activation) {
        (Head::Scaled, Activation::Tanh) => Ok(AlgorithmKind::Td3),
        (Head::Argmax, Activation::Identity) => Ok(AlgorithmKind::Dqn),
        (head, activation) => {
            Err(AdoptError::Algorithm { head: head.name(), activation: activation.name() })
        }
    }
}

/// The shape of an agent whose policy is that of `view`, beside critics with hidden layers of these
/// widths, of whose links so large a share is pruned.
///
/// # Errors
/// [`AdoptError`].
pub fn adopted_shape(
    view: &PolicyView<'_>,
    critic_hidden: &[usize],
    critic_sparsity: f64,
) -> Result<AgentShape, AdoptError> {
    let kind = algorithm_of(view)?;
    let outputs = view.header().outputs() as u32;
    let actions = match kind {
        AlgorithmKind::Dqn => ActionSpace::Discrete(outputs),
        _ => ActionSpace::Continuous(outputs),
    };
    let layers = view.layers().len();
    let mut hidden = heapless::Vec::<usize, MAX_LAYERS>::new();
    for layer in view.layers().take(layers - 1) {
        hidden.push(layer.rows()).map_err(|_| LearnError::Layers)?;
    }
    let sparsity = Sparsity {
        policy: 0.0,
        critic: critic_sparsity,
        allocation: Allocation::Er,
        dense_output: true,
        structure: Structure::Unstructured,
    };
    let observations = view.header().observations();
    let shape = AgentShape::new(kind, observations, actions, [&hidden, critic_hidden], &sparsity)?;
    let links: heapless::Vec<u32, MAX_LAYERS> =
        view.layers().map(|layer| layer.links() as u32).collect();
    let policy = NetworkShape { goal: links.clone(), links, ..shape.policy };
    Ok(AgentShape { policy, ..shape })
}

impl AnyAgent<'_> {
    /// Takes over the policy of `view`, with its links, weights and normaliser; whatever else there is of
    /// the agent stays. The agent is of [`adopted_shape`], and has learned nothing yet.
    ///
    /// # Errors
    /// [`AdoptError`]; the agent must not act then.
    pub fn adopt(&mut self, view: &PolicyView<'_>) -> Result<(), AdoptError> {
        let kind = algorithm_of(view)?;
        let lengths = (view.layers().len(), view.header().observations());
        if (self.policy().layers().len(), self.shape().observations()) != lengths
            || self.settings().kind() != kind
        {
            return Err(LearnError::Shape.into());
        }
        each!(AnyAgent, self, agent => {
            let policy = &mut agent.networks[0];
            for (layer, from) in policy.online.layers.iter_mut().zip(view.layers()) {
                let links = &mut layer.links;
                if (links.weights.len(), links.bias.len()) != (from.links(), from.rows()) {
                    return Err(LearnError::Shape.into());
                }
                links.topology.replace(|row_ptr, columns| fill(&from, row_ptr, columns))?;
                for (weight, (_, _, value)) in links.weights.iter_mut().zip(from.iter()) {
                    *weight = value;
                }
                links.bias.copy_from_slice(from.bias);
                layer.index_columns();
            }
            if let Some(target) = &mut policy.target {
                for (links, from) in target.layers.iter_mut().zip(&policy.online.layers) {
                    links.copy_from(&from.links)?;
                }
            }
            if let (Some(to), Some(from)) = (&mut agent.statistics.normaliser, view.normaliser()) {
                to.adopt(from.mean, from.std, OBSERVED);
            }
        });
        Ok(())
    }
}

/// Writes a layer's row pointers and columns.
fn fill(layer: &LayerView<'_>, row_ptr: &mut [u32], columns: &mut [u16]) {
    row_ptr.fill(0);
    for (column, (row, from, _)) in columns.iter_mut().zip(layer.iter()) {
        *column = from;
        row_ptr[row + 1] += 1;
    }
    for row in 1..row_ptr.len() {
        row_ptr[row] += row_ptr[row - 1];
    }
}
