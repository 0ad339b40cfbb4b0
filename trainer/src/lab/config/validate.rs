//! Which values of a configuration make sense.

use lacewing_formats::topology::{Allocation, Structure};
use lacewing_runtime::learn::{AlgorithmKind, LearnError, MAX_THREADS};

use super::layer::value_error;
use super::{ConfigError, Device, EngineKind, MOST_HIDDEN, Preset, RunConfig};

impl RunConfig {
    /// Checks every value that does not depend on the environment's shapes.
    ///
    /// # Errors
    /// [`ConfigError::Value`] naming the first bad field.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let must = |ok: bool, field, problem: &str| {
            if ok { Ok(()) } else { Err(value_error(field, problem)) }
        };
        must(
            self.steps > self.start_steps(),
            "steps",
            "must be above start-steps, the random steps before learning begins",
        )?;
        let layers = self.hidden.len();
        must((1..=MOST_HIDDEN).contains(&layers), "hidden", "must list 1 to 4 layers")?;
        let widths = self.hidden.iter().all(|width| (1..=u16::MAX.into()).contains(width));
        must(widths, "hidden", "widths must be 1 to 65535")?;
        must(self.evaluate_every > 0, "evaluate-every", "must be at least 1")?;
        must(self.evaluate_episodes > 0, "evaluate-episodes", "must be at least 1")?;
        let natural = self.dormant_tau.is_finite() && self.dormant_tau >= 0.0;
        must(natural, "dormant-tau", "must be finite and at least 0")?;
        must(self.checkpoint_every > 0, "checkpoint-every", "must be at least 1")?;
        self.validate_sparsity()?;
        must(
            self.method.is_sparse() || self.structure == Structure::Unstructured,
            "structure",
            "makes no sense with a dense method: choose `static` or `set`",
        )?;
        let algorithm = self.algorithm.name();
        self.settings().check().map_err(|error| match error {
            LearnError::Config(complaint) => ConfigError::Setting { algorithm, complaint },
            other => value_error(algorithm, other.to_string()),
        })?;
        let fits = |holds, complaint| {
            if holds { Ok(()) } else { Err(ConfigError::Setting { algorithm, complaint }) }
        };
        let holds = self.experience() as u64;
        fits(holds >= self.batch(), "replay must hold at least one batch")?;
        let filled = self.is_on_policy() || self.start_steps() >= self.batch();
        fits(filled, "start-steps must fill at least one batch")?;
        let once = !self.is_on_policy() || self.steps >= holds;
        fits(once, "steps must be no more than the steps of the run")?;
        if let Some(foreign) = self.foreign_tables().next() {
            let problem = format!("is the table of another algorithm: this run's is [{algorithm}]");
            return Err(value_error(foreign, problem));
        }
        let share = |value: f64| (0.0..=1.0).contains(&value);
        let times = share(self.topology.start) && share(self.topology.stop);
        must(times, "topology.start", "and topology.stop must be shares of the run, 0 to 1")?;
        must(
            !self.is_on_policy() || self.n_step == 1,
            "n-step",
            "is for td3, sac and dqn: ppo's advantages have ppo.lambda",
        )?;
        let continuous = matches!(self.algorithm, AlgorithmKind::Td3 | AlgorithmKind::Sac);
        must(
            self.dynamic_buffer.is_none() || continuous,
            "dynamic-buffer",
            "is for td3 and sac: it compares continuous actions, old with new",
        )?;
        let looks = self.dynamic_buffer.is_none_or(|buffer| {
            buffer.every > 0 && buffer.distance.is_finite() && buffer.distance >= 0.0
        });
        must(
            looks,
            "dynamic-buffer",
            "needs every of at least 1 and a finite distance of at least 0",
        )?;
        self.training().check().map_err(|error| value_error("topology", error.to_string()))?;
        must(
            self.policy_share.is_none_or(|share| (0.0..1.0).contains(&share) && share > 0.0),
            "policy-share",
            "must be above 0 and below 1",
        )?;
        must(
            self.policy_share.is_none() || self.critic_sparsity.is_none(),
            "policy-share",
            "and critic-sparsity exclude each other: each says how sparse critics are",
        )?;
        let threads = (1..=MAX_THREADS).contains(&self.threads);
        must(threads, "threads", &format!("must be 1 to {MAX_THREADS}"))?;
        let shared = self.threads > 1 && self.engine == EngineKind::Burn;
        must(
            !shared,
            "threads",
            "is for `--engine sparse`: only that shares an update between threads",
        )?;
        let cuda = self.device == Device::Cuda && self.engine == EngineKind::Sparse;
        must(
            !cuda,
            "device",
            "`cuda` needs `--engine burn`: the sparse engine runs on the processor",
        )
    }

    fn validate_sparsity(&self) -> Result<(), ConfigError> {
        if let Some(Allocation::ErLambda { first, rest }) = self.allocation {
            for (field, lambda) in [("allocation.first", first), ("allocation.rest", rest)] {
                if !positive(lambda) {
                    return Err(value_error(
                        field,
                        format!("must be finite and above 0, not {lambda}"),
                    ));
                }
            }
        }
        let decided = self.allocation.is_some_and(|rule| !rule.takes_sparsity());
        let problem = match (self.method, self.sparsity, self.allocation) {
            (Preset::Dense, Some(sparsity), _) if sparsity != 0.0 => {
                "makes no sense with method `dense`: choose `static` or `set`"
            }
            (Preset::Dense | Preset::SmallDense, _, Some(_)) => {
                "makes no sense with an allocation rule and a dense method"
            }
            (_, Some(_), _) if decided => {
                "and allocation er-lambda or explicit exclude each other: the rule decides the sparsity"
            }
            (method, None, _) if !decided && method != Preset::Dense => {
                "is missing: give --sparsity (e.g. 0.9) or an er-lambda or explicit allocation"
            }
            (_, Some(sparsity), _) if !(0.0..1.0).contains(&sparsity) => {
                return Err(value_error(
                    "sparsity",
                    format!("must be at least 0 and below 1, not {sparsity}"),
                ));
            }
            _ => return Ok(()),
        };
        Err(value_error("sparsity", problem))
    }
}

fn positive(value: f64) -> bool {
    value.is_finite() && value > 0.0
}
