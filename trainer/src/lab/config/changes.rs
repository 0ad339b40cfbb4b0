//! What may change in `config.toml` between two processes of one run.

use std::fmt;

use thiserror::Error;
use toml::{Table, Value};

use super::{ConfigError, RunConfig};

/// Fields that decide how long a run goes on, what it tells and what computes it. All others decide
/// which run it is.
const FREE: [&str; 9] = [
    "steps",
    "evaluate-every",
    "evaluate-episodes",
    "dormant-tau",
    "checkpoint-every",
    "keep-replay",
    "threads",
    "engine",
    "device",
];

/// Fields that differ from those a checkpoint was taken with.
#[derive(Clone, Debug, PartialEq)]
pub struct Changes {
    /// Step of the checkpoint.
    since: u64,
    fields: Vec<Change>,
    /// The topology's schedule moves with the number of steps.
    reschedules: bool,
}

#[derive(Clone, Debug, PartialEq)]
struct Change {
    /// As on the command line: `td3.batch`.
    field: String,
    old: Option<Value>,
    new: Option<Value>,
}

/// Why a run cannot go on with a changed configuration.
#[derive(Debug, Error)]
pub enum ChangeError {
    /// It would be another run.
    #[error(
        "{changes}; with another {} it would be another run: restore it in config.toml, or start a new run \
         with `lacewing train` and --force or another --out",
        fields.join(", ")
    )]
    AnotherRun {
        /// Everything that changed.
        changes: Changes,
        /// What must not change.
        fields: Vec<String>,
    },
    /// More steps are done than asked for.
    #[error("{changes}; steps must be at least the {} that are done: raise it", changes.since)]
    Done {
        /// Everything that changed.
        changes: Changes,
    },
}

impl Changes {
    /// What differs between the configuration of a checkpoint at step `since` and that of now; none
    /// where both say the same.
    ///
    /// # Errors
    /// [`ConfigError`] for a number that TOML cannot hold.
    pub fn between(
        old: &RunConfig,
        new: &RunConfig,
        since: u64,
    ) -> Result<Option<Self>, ConfigError> {
        let mut fields = Vec::new();
        compare("", &written(old)?, &written(new)?, &mut fields);
        let reschedules = old.steps != new.steps && new.topology.every > 0;
        Ok((!fields.is_empty()).then_some(Self { since, fields, reschedules }))
    }

    /// Refuses those with which the run would not be the same any more.
    ///
    /// # Errors
    /// [`ChangeError`] naming every change.
    pub fn accept(self, new: &RunConfig) -> Result<Self, ChangeError> {
        let fields = self.fields.iter().map(|change| &change.field);
        let fields: Vec<_> = fields.filter(|field| !FREE.contains(&&***field)).cloned().collect();
        if !fields.is_empty() {
            return Err(ChangeError::AnotherRun { changes: self, fields });
        }
        if new.steps < self.since {
            return Err(ChangeError::Done { changes: self });
        }
        Ok(self)
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "config.toml changed since step {}", self.since)?;
        for (at, Change { field, old, new }) in self.fields.iter().enumerate() {
            let text =
                |value: &Option<Value>| value.as_ref().map_or("none".into(), Value::to_string);
            let before = if at == 0 { ": " } else { ", " };
            write!(f, "{before}{field} {} -> {}", text(old), text(new))?;
        }
        if self.reschedules {
            f.write_str(
                " (topology.start and topology.stop are shares of the steps: they move too)",
            )?;
        }
        Ok(())
    }
}

/// The table that config.toml shows: as text, numbers have the digits that the user knows.
pub(crate) fn written(config: &RunConfig) -> Result<Table, ConfigError> {
    let text = config.to_toml()?;
    text.parse().map_err(|error| ConfigError::parse("config.toml", &error))
}

/// Adds the fields that differ, those of tables one by one.
fn compare(prefix: &str, old: &Table, new: &Table, into: &mut Vec<Change>) {
    let added = new.keys().filter(|key| !old.contains_key(*key));
    for key in old.keys().chain(added) {
        let field = format!("{prefix}{key}");
        match (old.get(key), new.get(key)) {
            (Some(Value::Table(old)), Some(Value::Table(new))) => {
                compare(&format!("{field}."), old, new, into);
            }
            (old, new) if old != new => {
                into.push(Change { field, old: old.cloned(), new: new.cloned() });
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use lacewing_runtime::learn::AlgorithmKind;

    use super::*;
    use crate::lab::config::Preset;

    fn run() -> RunConfig {
        RunConfig::defaults("Pendulum-v1", AlgorithmKind::Td3, Preset::Set)
    }

    /// What comes of such changes at step 4000.
    fn change(change: impl FnOnce(&mut RunConfig)) -> Result<String, ChangeError> {
        let mut new = run();
        change(&mut new);
        let changes = Changes::between(&run(), &new, 4000).unwrap().expect("something changed");
        Ok(changes.accept(&new)?.to_string())
    }

    #[test]
    fn the_same_values_are_no_change() {
        assert_eq!(Changes::between(&run(), &run(), 4000).unwrap(), None);
    }

    #[test]
    fn what_a_run_tells_and_how_long_it_goes_on_may_change() {
        let told = change(|new| (new.evaluate_every, new.threads) = (500, 2)).unwrap();
        assert_eq!(
            told,
            "config.toml changed since step 4000: evaluate-every 1000 -> 500, threads 1 -> 2"
        );
        let told = change(|new| new.steps = 20_000).unwrap();
        assert!(told.contains("steps 15000 -> 20000 (topology.start"), "{told}");
        assert!(change(|new| new.steps = 4000).is_ok());
        let error = change(|new| new.steps = 3999).unwrap_err();
        assert!(matches!(error, ChangeError::Done { .. }), "{error}");
        assert!(error.to_string().contains("at least the 4000 that are done"), "{error}");
    }

    #[test]
    fn what_makes_another_run_of_it_is_refused() {
        let mut settings = run();
        settings.td3.as_mut().unwrap().gamma = 0.95;
        let error = change(|new| {
            (new.steps, new.seed, new.td3) = (20_000, 7, settings.td3);
            new.critic_sparsity = Some(0.5);
        });
        let Err(error @ ChangeError::AnotherRun { .. }) = error else { panic!("{error:?}") };
        let told = error.to_string();
        for part in [
            "seed 0 -> 7",
            "steps 15000 -> 20000",
            "td3.gamma 0.99 -> 0.95",
            "critic-sparsity none -> 0.5",
            "restore it",
            "--force",
        ] {
            assert!(told.contains(part), "no `{part}` in {told}");
        }
        assert!(!told.contains("another steps"), "{told}");
    }
}
