//! What is learned, and how.

use heapless::Vec;
use lacewing_formats::topology::{
    Allocation, AllocationError, Drop, LayerShape, Structure, densities,
};
use serde::{Deserialize, Serialize};

use super::layer::Init;

/// Most layers a network may have.
pub const MAX_LAYERS: usize = 5;

/// Most threads that may share an update; one without feature `threads`.
pub const MAX_THREADS: u32 = if cfg!(feature = "threads") { 8 } else { 1 };

/// Layers of one network and the links each keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkShape {
    /// Neurons from the input to the output, one more than there are layers.
    pub widths: Vec<u32, { MAX_LAYERS + 1 }>,
    /// Live links of each layer.
    pub links: Vec<u32, MAX_LAYERS>,
    /// Which links may be alive together.
    // The resume section keeps it apart, behind all that sections held before there were structures.
    #[serde(skip)]
    pub structure: Structure,
}

/// How far the links of a structure may be from the number asked for, as a share of it.
const STRUCTURE_TOLERANCE: f64 = 0.1;

impl NetworkShape {
    /// Spreads `sparsity` over a network of these widths.
    fn allocate(
        widths: &[usize],
        sparsity: f64,
        structure: Structure,
        spread: &Sparsity,
    ) -> Result<Self, AllocationError> {
        let layers = widths.len() - 1;
        let lengths = AllocationError::Lengths { shapes: layers, places: MAX_LAYERS };
        if layers > MAX_LAYERS {
            return Err(lengths);
        }
        let mut shapes = [LayerShape::linear(1, 1); MAX_LAYERS];
        let mut density = [0.0; MAX_LAYERS];
        for (shape, pair) in shapes.iter_mut().zip(widths.windows(2)) {
            *shape = LayerShape::linear(pair[0], pair[1]);
        }
        let (shapes, density) = (&shapes[..layers], &mut density[..layers]);
        densities(shapes, sparsity, spread.allocation, spread.dense_output, density)?;
        let mut links: Vec<u32, MAX_LAYERS> = shapes
            .iter()
            .zip(&*density)
            .map(|(shape, density)| {
                // At least one link, so that no layer is cut off.
                libm::round(density * shape.links() as f64).max(1.0) as u32
            })
            .collect();
        if structure != Structure::Unstructured {
            fit(structure, shapes, spread.dense_output, &mut links)?;
        }
        Ok(Self { widths: widths.iter().map(|&width| width as u32).collect(), links, structure })
    }

    /// Inputs of the network.
    pub fn inputs(&self) -> usize {
        self.widths[0] as usize
    }

    /// Outputs of the network.
    pub fn outputs(&self) -> usize {
        self.widths[self.widths.len() - 1] as usize
    }

    /// `(inputs, outputs, links)` of each layer.
    pub fn layers(&self) -> impl DoubleEndedIterator<Item = (usize, usize, usize)> + '_ {
        self.links.iter().enumerate().map(|(layer, &links)| {
            (self.widths[layer] as usize, self.widths[layer + 1] as usize, links as usize)
        })
    }

    /// Live links of the whole network.
    pub fn total_links(&self) -> usize {
        self.links.iter().map(|&links| links as usize).sum()
    }

    /// Share of links that are not live, 0 to 1.
    pub fn sparsity(&self) -> f64 {
        let dense: usize = self.layers().map(|(inputs, outputs, _)| inputs * outputs).sum();
        1.0 - self.total_links() as f64 / dense as f64
    }
}

/// Changes the links of each layer to a number that the structure can have, while those of the whole
/// network stay as near as can be: layers go from the largest to the smallest, and each makes up, by
/// its share, for what those before it missed.
fn fit(
    structure: Structure,
    shapes: &[LayerShape],
    dense_output: bool,
    links: &mut [u32],
) -> Result<(), AllocationError> {
    let asked = f64::from(links.iter().sum::<u32>());
    let mut order: Vec<usize, MAX_LAYERS> = (0..shapes.len() - usize::from(dense_output)).collect();
    order.sort_unstable_by_key(|&layer| (core::cmp::Reverse(shapes[layer].links()), layer));
    let sparse = |links: &[u32], layer: usize| (links[layer] as usize) < shapes[layer].links();
    let of_sparse = order.iter().filter(|&&layer| sparse(links, layer));
    let mut unfitted: f64 = of_sparse.map(|&layer| f64::from(links[layer])).sum();
    let mut left = unfitted;
    let nearest = |layer: usize, wanted| {
        let shape: &LayerShape = &shapes[layer];
        structure.nearest_links(shape.outputs, shape.inputs, wanted) as u32
    };
    for &layer in &order {
        if sparse(links, layer) {
            let own = f64::from(links[layer]);
            links[layer] = nearest(layer, left * own / unfitted);
            left -= f64::from(links[layer]);
            unfitted -= own;
        }
    }
    // What is missed by now may be in reach of a layer of finer steps, or of one that was dense.
    for &layer in &order {
        let own = f64::from(links[layer]);
        links[layer] = nearest(layer, own + left);
        left += own - f64::from(links[layer]);
    }
    let found = f64::from(links.iter().sum::<u32>());
    if (found - asked).abs() > STRUCTURE_TOLERANCE * asked {
        let all = shapes.iter().map(LayerShape::links).sum::<usize>() as f64;
        let (sparsity, nearest) = (1.0 - asked / all, 1.0 - found / all);
        return Err(AllocationError::Structure { structure, sparsity, nearest });
    }
    Ok(())
}

/// How sparse an agent is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sparsity {
    /// Share of the actor's links that are pruned, 0 to 1.
    pub actor: f64,
    /// The same of each critic.
    pub critic: f64,
    /// How it is spread over the layers; with [`Allocation::ErLambda`] `actor` and `critic` are
    /// what comes out.
    pub allocation: Allocation,
    /// The output layers stay dense, as in Sokar et al. 2022.
    pub dense_output: bool,
    /// Which links of the actor may be alive together. The critics, which are never deployed, stay
    /// unstructured. Each network keeps its sparsity as near as the structure allows.
    pub structure: Structure,
}

/// Networks of an actor-critic agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentShape {
    /// Observation → action in [−1, 1].
    pub actor: NetworkShape,
    /// Observation and action → value; there are two of these.
    pub critic: NetworkShape,
}

impl AgentShape {
    /// Actor and critics with the same `hidden` layers.
    ///
    /// # Errors
    /// [`AllocationError`] if the sparsity is out of reach or there are too many layers.
    pub fn new(
        observations: usize,
        actions: usize,
        hidden: &[usize],
        sparsity: &Sparsity,
    ) -> Result<Self, AllocationError> {
        let network = |inputs, outputs, share, structure| {
            let mut widths = Vec::<usize, { MAX_LAYERS + 1 }>::new();
            let all = core::iter::once(inputs).chain(hidden.iter().copied()).chain([outputs]);
            for width in all {
                widths.push(width).map_err(|_| AllocationError::Lengths {
                    shapes: hidden.len() + 1,
                    places: MAX_LAYERS,
                })?;
            }
            NetworkShape::allocate(&widths, share, structure, sparsity)
        };
        Ok(Self {
            actor: network(observations, actions, sparsity.actor, sparsity.structure)?,
            critic: network(observations + actions, 1, sparsity.critic, Structure::Unstructured)?,
        })
    }

    /// Length of an observation.
    pub fn observations(&self) -> usize {
        self.actor.inputs()
    }

    /// Length of an action.
    pub fn actions(&self) -> usize {
        self.actor.outputs()
    }

    /// Whether an agent can be built so, with sizes that cannot overflow.
    pub(super) fn is_possible(&self) -> bool {
        let possible = |network: &NetworkShape| {
            let layers = network.links.len();
            layers > 0
                && network.widths.len() == layers + 1
                && network.layers().all(|(inputs, outputs, links)| {
                    let width = 1..=1 << 16;
                    width.contains(&inputs)
                        && width.contains(&outputs)
                        && (1..=inputs as u64 * outputs as u64).contains(&(links as u64))
                })
        };
        possible(&self.actor)
            && possible(&self.critic)
            && self.critic.inputs() == self.observations() + self.actions()
            && self.critic.outputs() == 1
    }
}

/// Which topology an agent has over time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// The topology drawn at the start stays.
    Static,
    /// Sparse evolutionary training: a [`Rewire`] every so often.
    Set(Rewire),
}

/// When and how much of the topology changes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rewire {
    /// Updates between two changes (e in Sokar et al. 2022).
    pub interval: u32,
    /// Share of the links that is exchanged (η there, ζ in Mocanu et al. 2018).
    pub fraction: f64,
    /// Which links go.
    pub drop: Drop,
}

/// TD3 (Fujimoto et al. 2018, alg. 1) in the DS-TD3 form (Sokar et al. 2022, alg. 1). Actions and
/// their noise are in units of [−1, 1].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Td3Config {
    /// Samples in an update.
    pub batch_size: u32,
    /// Discount γ.
    pub gamma: f32,
    /// Polyak factor τ.
    pub tau: f32,
    /// Standard deviation of the target policy's smoothing noise.
    pub policy_noise: f32,
    /// That noise is clipped to ± this.
    pub noise_clip: f32,
    /// Critic updates to one actor and target update.
    pub policy_delay: u32,
    /// Adam's α for actor and critics.
    pub learning_rate: f32,
    /// L2 regularisation of actor and critics.
    pub weight_decay: f32,
    /// How weights start.
    pub init: Init,
    /// Topology over time.
    pub method: Method,
    /// Threads that share the minibatch, 1 to [`MAX_THREADS`]; a matter of the machine, so it is not
    /// saved with an agent. Sums are in an order that depends on it (and not on which thread is
    /// first), so the last bits of a result do.
    #[serde(skip, default = "one")]
    pub threads: u32,
}

fn one() -> u32 {
    1
}

impl Default for Td3Config {
    /// The published DS-TD3 (Sokar et al. 2022, appendix, and its code).
    fn default() -> Self {
        Self {
            batch_size: 100,
            gamma: 0.99,
            tau: 0.005,
            policy_noise: 0.2,
            noise_clip: 0.5,
            policy_delay: 2,
            learning_rate: 1e-3,
            weight_decay: 2e-4,
            init: Init::Dense,
            method: Method::Set(Rewire {
                interval: 1000,
                fraction: 0.05,
                drop: Drop::SignedMagnitude,
            }),
            threads: 1,
        }
    }
}
