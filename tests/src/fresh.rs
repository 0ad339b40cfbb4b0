//! Policy files of agents that have not learned yet.

use crate::actor;
use crate::learner::{seeds, sparsity, written};
use crate::policy_file::{Layer, Owned};
use lacewing_runtime::learn::{ActionSpace, AgentShape, AnyAgent, Block, Settings, Training};

/// A fresh agent's policy, half of its links pruned, with the resume section to go on from; actions are
/// from −1 to 1.
///
/// # Panics
/// If there is no such agent.
pub fn policy(
    settings: Settings,
    observations: usize,
    actions: ActionSpace,
    hidden: &[usize],
    seed: u64,
) -> Owned {
    let (kind, sparsity) = (settings.kind(), sparsity(0.5));
    let shape = AgentShape::new(kind, observations, actions, [hidden; 2], &sparsity).unwrap();
    let training = Training::default();
    let mut memory = vec![Block::ZERO; AnyAgent::blocks(&shape, &settings, &training)];
    let agent = AnyAgent::new(shape, settings, training, &mut memory, seeds(seed)).unwrap();
    of(&agent)
}

/// An agent's policy, with the resume section to go on from; actions are from −1 to 1.
pub fn of(agent: &AnyAgent<'_>) -> Owned {
    let layers = agent.deployed().map(|deployed| Layer {
        cols: deployed.layer.topology.cols(),
        row_ptr: deployed.layer.topology.row_ptr().to_vec(),
        columns: deployed.layer.topology.col_idx().to_vec(),
        weights: deployed.layer.weights.to_vec(),
        bias: deployed.layer.bias.to_vec(),
        norm: None,
        activation: deployed.activation,
    });
    let (layers, resume) = (layers.collect(), Some(written(|sink| agent.save(sink))));
    let (observations, actions) = (agent.shape().observations(), agent.shape().actions);
    let normaliser = agent.normaliser().map(|it| (it.mean.to_vec(), it.std.to_vec(), it.clip));
    let plain = actor::random(&[observations, actions.outputs()], 0.0, 1);
    let policy = Owned { layers, resume, normaliser, ..plain };
    if matches!(actions, ActionSpace::Discrete(_)) { policy.argmax() } else { policy }
}
