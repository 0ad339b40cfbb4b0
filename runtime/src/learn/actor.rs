//! A copy of the policy that acts while the learner is at work on its own.

use super::agent::{ActionSpace, Agent, AgentShape, Algorithm, OBSERVATION_CLIP};
use super::algo::{AnyAgent, Settings, each};
use super::error::{LearnError, MAX_LAYERS};
use super::explore::Explorer;
use super::net::{Head, Links};
use super::training::Training;
use crate::arena::{Arena, Block};
use crate::kernels::act::{Kernel, Weights};
use heapless::Vec;
use lacewing_formats::artifact::LayerView;
use lacewing_formats::policy::{Activation, ObservationNormaliser};

/// A copy of an agent's policy, with all that acting takes and memory of its own: the agent may be in the
/// middle of an update, or in another thread, while this acts.
///
/// The layers run as CSR, in place, since a copy lives for an update or two: repacking it would take
/// longer.
#[derive(Debug)]
pub struct Actor<'m> {
    settings: Settings,
    actions: ActionSpace,
    kernel: &'static Kernel,
    layers: Vec<Links<'m>, MAX_LAYERS>,
    /// What follows the last sums.
    head: Activation,
    /// Mean and deviation of each feature, where observations are normalised.
    normaliser: Option<[&'m mut [f32]; 2]>,
    /// The scalars that exploration may need.
    scalars: &'m mut [f32],
    /// Input and output of a layer, by turns.
    scratch: [&'m mut [f32]; 2],
    updates: u64,
}

impl<'m> Actor<'m> {
    /// Blocks of memory that a copy of such an agent's policy takes.
    pub fn blocks(shape: &AgentShape, settings: &Settings, training: &Training) -> usize {
        fn scalars<A: Algorithm>(_: &A, shape: &AgentShape) -> usize {
            A::scalars(shape)
        }
        let numbers = |count| Block::for_slice::<f32>(count);
        let normaliser = if training.normalise_observations { 2 } else { 0 };
        shape.policy.layers().map(Links::blocks).sum::<usize>()
            + normaliser * numbers(shape.observations())
            + numbers(each!(Settings, settings, algorithm => scalars(algorithm, shape)))
            + 2 * numbers(widest(shape))
    }

    /// A copy of the policy of `agent`.
    ///
    /// # Errors
    /// [`LearnError::Memory`].
    pub fn new(arena: &mut Arena<'m>, agent: &AnyAgent<'_>) -> Result<Self, LearnError> {
        each!(AnyAgent, agent, agent => Self::of(arena, agent))
    }

    fn of<A>(arena: &mut Arena<'m>, agent: &Agent<'_, A>) -> Result<Self, LearnError>
    where
        A: Algorithm + Into<Settings>,
    {
        let (policy, shape) = (agent.policy(), agent.shape());
        let mut layers = Vec::new();
        for layer in &policy.layers {
            layers.push(Links::copy(arena, &layer.links)?).map_err(|_| LearnError::Layers)?;
        }
        let mut normaliser = None;
        if agent.training().normalise_observations {
            let count = shape.observations();
            normaliser = Some([arena.take(count)?, arena.take(count)?]);
        }
        let width = widest(shape);
        let mut actor = Self {
            settings: (*agent.algorithm()).into(),
            actions: shape.actions,
            kernel: Kernel::best(),
            layers,
            head: match policy.head() {
                Head::Identity => Activation::Identity,
                Head::Tanh => Activation::Tanh,
            },
            normaliser,
            scalars: arena.take(A::scalars(shape))?,
            scratch: [arena.take(width)?, arena.take(width)?],
            updates: 0,
        };
        actor.copy_statistics(agent);
        Ok(actor)
    }

    /// Becomes a copy of what the policy of the same `agent` is now. Copies some 6 bytes a link.
    ///
    /// # Errors
    /// [`LearnError::Topology`] if the agent is another.
    pub fn publish(&mut self, agent: &AnyAgent<'_>) -> Result<(), LearnError> {
        each!(AnyAgent, agent, agent => {
            for (to, from) in self.layers.iter_mut().zip(&agent.policy().layers) {
                to.copy_from(&from.links)?;
            }
            self.copy_statistics(agent);
        });
        Ok(())
    }

    /// Becomes a copy of another copy of the same agent's policy.
    ///
    /// # Errors
    /// As [`Actor::publish`].
    pub fn copy_from(&mut self, other: &Actor<'_>) -> Result<(), LearnError> {
        for (to, from) in self.layers.iter_mut().zip(&other.layers) {
            to.copy_from(from)?;
        }
        if let (Some(to), Some(from)) = (&mut self.normaliser, &other.normaliser) {
            to.iter_mut().zip(from).for_each(|(to, from)| to.copy_from_slice(from));
        }
        self.scalars.copy_from_slice(other.scalars);
        self.updates = other.updates;
        Ok(())
    }

    fn copy_statistics<A: Algorithm>(&mut self, agent: &Agent<'_, A>) {
        if let (Some([mean, deviation]), Some(from)) = (&mut self.normaliser, agent.normaliser()) {
            mean.copy_from_slice(from.mean);
            deviation.copy_from_slice(from.std);
        }
        self.scalars.copy_from_slice(agent.scalars.values);
        self.updates = agent.updates();
    }

    /// Updates that the agent had made when this was copied.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// The action without exploration for one observation, in the agent's units. Never allocates.
    ///
    /// # Errors
    /// [`LearnError::Diverged`] if an output is not finite; `action` is untouched then.
    ///
    /// # Panics
    /// If `observation` or `action` has another length than the agent's.
    pub fn act(&mut self, observation: &[f32], action: &mut [f32]) -> Result<(), LearnError> {
        assert_eq!(action.len(), self.actions.numbers());
        self.run(observation)?;
        let outputs = &self.scratch[0][..self.outputs()];
        each!(Settings, &self.settings, algorithm => algorithm.greedy(outputs, action));
        Ok(())
    }

    /// The action to learn from for one observation, after `step` steps. Never allocates.
    ///
    /// # Errors
    /// As [`Actor::act`].
    ///
    /// # Panics
    /// As [`Actor::act`].
    pub fn explore(
        &mut self,
        step: u64,
        observation: &[f32],
        explorer: &mut Explorer<'_>,
        action: &mut [f32],
    ) -> Result<(), LearnError> {
        assert_eq!(action.len(), self.actions.numbers());
        self.run(observation)?;
        let outputs = &self.scratch[0][..self.outputs()];
        let scalars = &*self.scalars;
        each!(Settings, &self.settings, algorithm => {
            algorithm.explore(step, outputs, scalars, explorer, action);
        });
        Ok(())
    }

    fn outputs(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.bias.len())
    }

    /// Leaves the policy's outputs in the first scratch.
    fn run(&mut self, observation: &[f32]) -> Result<(), LearnError> {
        let inputs = self.layers.first().map_or(0, |layer| layer.view().topology.cols());
        assert_eq!(observation.len(), inputs);
        let [x, y] = &mut self.scratch;
        x[..inputs].copy_from_slice(observation);
        if let Some([mean, deviation]) = &self.normaliser {
            ObservationNormaliser { mean, std: deviation, clip: OBSERVATION_CLIP }.apply(x);
        }
        let last = self.layers.len() - 1;
        for (at, layer) in self.layers.iter().enumerate() {
            let activation = if at == last { self.head } else { Activation::Relu };
            let layer = layer.view();
            let view = LayerView::of(layer.topology, layer.weights, layer.bias, activation);
            let out = &mut y[..view.rows()];
            self.kernel.multiply(&Weights::InPlace(view), x, out);
            self.kernel.finish(activation, layer.bias, out);
            core::mem::swap(x, y);
        }
        let outputs = self.outputs();
        let finite = self.scratch[0][..outputs].iter().all(|output| output.is_finite());
        if finite { Ok(()) } else { Err(LearnError::Diverged) }
    }
}

impl AnyAgent<'_> {
    /// Goes back to the policy of an earlier copy: its links, weights and scalars, with fresh moments; a
    /// target of the policy follows at once. The update on its way, if any, is dropped. Critics, and how
    /// observations are normalised, stay as they have become.
    ///
    /// # Errors
    /// [`LearnError::Topology`] where the copy has more links than the agent has now, as after pruning; the
    /// agent must not act then.
    pub fn roll_back(&mut self, to: &Actor<'_>) -> Result<(), LearnError> {
        each!(AnyAgent, self, agent => {
            let policy = &mut agent.networks[0];
            for (layer, from) in policy.online.layers.iter_mut().zip(&to.layers) {
                layer.become_copy(from)?;
            }
            // Moments of nothing want the corrections of a first step.
            policy.adam.steps = 0;
            if let Some(target) = &mut policy.target {
                for (links, from) in target.layers.iter_mut().zip(&to.layers) {
                    links.copy_from(from)?;
                }
            }
            agent.scalars.values.copy_from_slice(to.scalars);
            agent.fit_gradients();
            agent.abandon_update();
        });
        Ok(())
    }
}

/// Numbers of the widest layer, inputs included.
fn widest(shape: &AgentShape) -> usize {
    shape.policy.widths.iter().map(|&width| width as usize).max().unwrap_or(0)
}
