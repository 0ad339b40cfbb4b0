//! What must be as it was for a saved session to go on.

use super::Options;
use super::state::Kind;
use lacewing_runtime::learn::{Adapt, ReplayValues, TuningTopology};
use serde::{Deserialize, Serialize};

/// What decides, beside the policy and the environment, what comes out of a session.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Agreed {
    /// CRC-32 of the policy file.
    policy: u32,
    seed: u64,
    replay: u64,
    warm_up: u64,
    updates_per_step: u32,
    noise: Option<f32>,
    topology: TuningTopology,
    replay_values: ReplayValues,
    replay_half_life: Option<u32>,
    adapt: Adapt,
    /// Of lock-step only, as is what follows.
    episodes: u64,
    evaluate_every: u64,
}

impl Agreed {
    /// Those of this command line, and of a policy file's bytes.
    pub fn new(options: &Options, kind: Kind, policy: &[u8]) -> Self {
        let evaluations = |number| if kind == Kind::Episodes { number } else { 0 };
        Self {
            policy: crc32fast::hash(policy),
            seed: options.seed,
            replay: options.replay as u64,
            warm_up: options.warm_up,
            updates_per_step: options.updates_per_step,
            noise: options.noise,
            topology: options.topology,
            replay_values: options.replay_values,
            replay_half_life: options.replay_half_life,
            adapt: options.adapt(),
            episodes: evaluations(options.episodes),
            evaluate_every: evaluations(options.evaluate_every),
        }
    }

    /// CRC-32 of the policy file.
    pub fn policy(&self) -> u32 {
        self.policy
    }

    /// What of it another session has otherwise.
    pub fn difference(&self, other: &Self) -> Option<&'static str> {
        let differs = [
            (self.policy != other.policy, "policy file"),
            (self.seed != other.seed, "--seed"),
            (self.replay != other.replay, "--replay"),
            (self.warm_up != other.warm_up, "--warm-up"),
            (self.updates_per_step != other.updates_per_step, "--updates-per-step"),
            (self.noise != other.noise, "--noise"),
            (self.topology != other.topology, "--topology"),
            (self.replay_values != other.replay_values, "--replay-values"),
            (self.replay_half_life != other.replay_half_life, "--replay-half-life"),
            (self.adapt.policy_after != other.adapt.policy_after, "--critics-first"),
            (self.adapt.stay_near != other.adapt.stay_near, "--stay-near"),
            (self.adapt != other.adapt, "--adapt"),
            (self.episodes != other.episodes, "--episodes"),
            (self.evaluate_every != other.evaluate_every, "--evaluate-every"),
        ];
        differs.into_iter().find_map(|(differs, what)| differs.then_some(what))
    }
}
