//! Truly sparse learning: a pruned link costs nothing in memory, forward, backward or optimiser.
//!
//! All memory is the caller's: [`Agent::blocks`] says how much, [`Agent::new`] divides it up. The same
//! code trains from scratch on a workstation and fine-tunes on a device.
//!
//! Modules import those above them only:
//!
//! | module | holds |
//! |---|---|
//! | `memory`, `explore`, `score` | what an agent has seen; random actions and noise; returns |
//! | `error`, `method`, `tuning`, `adapt` | what can go wrong; topology over time, as a value, also in a fine-tuning; what of an agent learns there |
//! | `net` | layers, networks, passes through them, gradients |
//! | `optim`, `training` | the optimiser; what all algorithms are told |
//! | `health` | dormant units and noise of gradients |
//! | `agent` | what an algorithm says, and networks with optimisers and targets that do it, in threads |
//! | `algo` | one file an algorithm |
//! | `adopt` | policies that another learner trained |
//! | `actor`, `keeper` | copies of the policy that act while the agent learns, and those to go back to |
//! | `resume` | saving and restoring an agent |
//! | `dynamic_buffer` | forgetting what another policy did |
//! | `rejections` | updates that a guard rejected |
//! | `session` | the interaction loop |
//! | `rewritten`, `tuned` | from an agent back to a policy file, without memory for it or with |
//! | `tuner` | learning in the time that a control loop leaves |

mod actor;
mod adapt;
mod adopt;
mod agent;
mod algo;
mod budget;
mod dynamic_buffer;
mod error;
mod explore;
#[cfg(feature = "alloc")]
mod health;
mod keeper;
mod memory;
mod method;
mod net;
mod optim;
mod rejections;
mod resume;
mod rewritten;
mod score;
pub mod session;
mod training;
#[cfg(feature = "alloc")]
mod tuned;
mod tuner;
mod tuning;

pub use crate::arena::{Arena, Block, OutOfMemory};
pub use actor::Actor;
pub use adapt::{Adapt, Learns, NoAdapt};
pub use adopt::{AdoptError, adopted_shape, algorithm_of};
pub use agent::{
    ActionSpace, Agent, AgentShape, Algorithm, AlgorithmKind, DeployedLayer, Learner, Losses,
    MAX_LOSSES, MAX_NETWORKS, MAX_STAGES, MAX_TRACES, Network, Normaliser, OBSERVATION_CLIP, Part,
    RewardScale, Role, Scene, Seeds, Share, Sparsity, Stage, Stages, Statistics, Work, deployed,
};
pub use algo::{AnyAgent, DqnConfig, PpoConfig, SacConfig, Settings, Td3Config, TdLoss};
pub use budget::{ACTORS, Budget, NOTE_BYTES, ROW_HEAD, WAITING, live_blocks};
pub use dynamic_buffer::DynamicBuffer;
pub use error::LearnError;
pub use explore::{Explorer, argmax};
#[cfg(feature = "alloc")]
pub use health::{Health, SignalToNoise, dormant};
pub use keeper::Keeper;
pub use memory::{
    NoReplayValues, Numbers, Range, Replay, ReplayError, ReplayImage, ReplayShape, ReplayValues,
    Rollout, Shipped, ShippedError, Stored, Transition, observation_range,
};
pub use method::{Growth, Method, Newborn};
pub use net::{
    Changed, Gradients, Head, Init, LayerMemory, LayerRef, MAX_LAYERS, Mlp, NetworkShape, Norm,
    Start, Target, Trace, Wanted,
};
pub use optim::AdamConfig;
pub use rejections::Rejections;
pub use resume::{LiveLinks, Resume, ResumeError, ResumeHeader, ResumeImage, policy_hash};
pub use rewritten::{RewriteError, Rewritten};
pub use score::Score;
pub use training::{MAX_THREADS, Training};
#[cfg(feature = "alloc")]
pub use tuned::TunedError;
pub use tuner::Tuner;
pub use tuning::{NoTopology, TuningTopology};

/// TD3, truly sparse.
pub type Td3<'m> = Agent<'m, Td3Config>;
/// SAC, truly sparse.
pub type Sac<'m> = Agent<'m, SacConfig>;
/// DQN, truly sparse.
pub type Dqn<'m> = Agent<'m, DqnConfig>;
/// PPO, truly sparse.
pub type Ppo<'m> = Agent<'m, PpoConfig>;
