//! What algorithms with an actor and two critics say, and the losses of the critics, which they share.

use crate::learned::Learned;
use crate::network::Linear;
use crate::replay::Batch;
use burn_tensor::Tensor;
use burn_tensor::backend::{AutodiffBackend, Backend};
use lacewing_runtime::learn::{Algorithm, Settings};

/// Places of losses in [`Algorithm::LOSSES`].
pub(crate) const CRITIC_LOSS: usize = 0;
pub(crate) const ACTOR_LOSS: usize = 1;

/// An algorithm whose networks are an actor and two critics, in this order.
pub(crate) trait ActorCritic: Algorithm + Into<Settings> {
    /// The values y that the critics should give, `[n, 1]`.
    fn target<I: Backend>(&self, scene: &Scene<'_, I>) -> Tensor<I, 2>;

    /// The actor's loss and whatever comes with it, with gradients of the actor and the scalars.
    fn actor_slope<A: AutodiffBackend>(
        &self,
        scene: &Scene<'_, A::InnerBackend>,
    ) -> Slope<A::InnerBackend>;
}

/// What losses are found from.
#[derive(Debug)]
pub(crate) struct Scene<'a, I: Backend> {
    pub actor: &'a Learned<I>,
    pub critics: [&'a Learned<I>; 2],
    /// Scalars that are learned beside the networks, if there are any.
    pub scalars: Option<&'a Tensor<I, 1>>,
    pub batch: &'a Batch<I>,
}

/// Losses with their gradients, on the device.
#[derive(Debug)]
pub(crate) struct Slope<I: Backend> {
    /// With their places in [`Algorithm::LOSSES`].
    pub losses: Vec<(usize, Tensor<I, 1>)>,
    /// By the layers of the actor, or of both critics.
    pub networks: Vec<Vec<Linear<I>>>,
    /// By the scalars.
    pub scalars: Option<Tensor<I, 1>>,
}

impl<I: Backend> Scene<'_, I> {
    /// `min Q′ᵢ(s′, a′)`, `[n, 1]`.
    pub fn next_value(&self, next_action: Tensor<I, 2>) -> Tensor<I, 2> {
        let next = Tensor::cat(vec![self.batch.next_observation.clone(), next_action], 1);
        let [first, second] = self.critics.map(|critic| critic.target().forward(next.clone()));
        first.min_pair(second)
    }

    /// `rₜ + γ rₜ₊₁ + … + γⁿ v`, without v after a terminal state.
    pub fn bellman(&self, next_value: Tensor<I, 2>) -> Tensor<I, 2> {
        self.batch.reward.clone() + self.batch.discount.clone() * next_value
    }

    /// `Σᵢ mean (Qᵢ(s, a) − y)²` with its gradient by both critics.
    pub fn critic_slope<A>(&self, target: Tensor<I, 2>) -> Slope<I>
    where
        A: AutodiffBackend<InnerBackend = I>,
    {
        let Batch { observation, action, .. } = self.batch;
        let taken = Tensor::cat(vec![observation.clone(), action.clone()], 1);
        let (taken, target) = (Tensor::from_inner(taken), Tensor::from_inner(target));
        let critics = self.critics.map(|critic| critic.online.network.tracked::<A>());
        let [first, second] = critics
            .each_ref()
            .map(|critic| (critic.forward(taken.clone()) - target.clone()).square().mean());
        let loss = first + second;
        let mut gradients = loss.backward();
        Slope {
            losses: vec![(CRITIC_LOSS, loss.inner())],
            networks: critics.map(|critic| critic.gradients(&mut gradients)).into(),
            scalars: None,
        }
    }
}
