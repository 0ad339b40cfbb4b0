//! Transitions to travel with a policy: what it does where it was trained, exploring.

use lacewing_runtime::learn::session::{Buffers, Plan, Position, Watch, World, run};
use lacewing_runtime::learn::{Arena, Learner, Replay, ReplayShape, ReplayValues, Resume};

use super::error::{LabError, TrainError};
use super::memory;
use super::seeds::{Stream, derive_seed};
use super::world::Simulator;
use crate::engine::{Engine, SparseEngine};
use crate::env::Env;

/// Plays so many steps in `env` as a training would, but without learning, and returns them as
/// [`Replay::ship`] writes them.
///
/// # Errors
/// [`LabError`] of the environment, the learner or memory.
pub fn record(
    resume: &Resume<'_>,
    env: &mut dyn Env,
    transitions: usize,
    seed: u64,
) -> Result<Vec<u8>, LabError> {
    let (shape, settings) = (resume.shape(), *resume.settings());
    let mut agent_memory = memory::learner(shape, &settings, resume.training())?;
    let mut agent = resume.restore(settings, *resume.training(), &mut agent_memory)?;
    agent.seed_exploration(derive_seed(seed, Stream::Exploration, 0));
    let mut engine = SparseEngine::new(agent);
    let kept = ReplayShape::new(shape, settings.kind(), ReplayValues::F32, transitions);
    // A place for every end: an episode may be one step long.
    let kept = ReplayShape { ends: transitions, ..kept };
    let mut replay_memory = memory::compact_replay(&kept)?;
    let mut replay = Replay::compact(&mut Arena::new(&mut replay_memory), kept, |_| None)?;
    let steps = transitions as u64;
    let plan = Plan {
        steps,
        random_steps: 0,
        update_after: steps,
        updates_per_step: 1,
        dynamic_buffer: None,
    };
    let buffers = Buffers {
        observation: &mut vec![0.0; shape.observations()],
        next_observation: &mut vec![0.0; shape.observations()],
        action: &mut vec![0.0; shape.action_numbers()],
    };
    let mut world = Simulator::for_learner(env, seed, Stream::Training);
    let at = &mut Position::default();
    run::<_, dyn Engine, TrainError>(
        &plan,
        at,
        &mut world,
        &mut engine,
        &mut replay,
        buffers,
        &mut Nobody,
    )?;
    let mut bytes = Vec::new();
    let Ok(()) = replay.ship(|piece| {
        bytes.extend_from_slice(piece);
        Ok::<_, std::convert::Infallible>(())
    });
    Ok(bytes)
}

/// Follows nothing.
struct Nobody;

impl<W: World + ?Sized, L: Learner + ?Sized> Watch<W, L, TrainError> for Nobody where
    TrainError: From<L::Error>
{
}
