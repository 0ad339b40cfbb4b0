//! The lines of a driver, and which of their numbers can be used.

use super::{DriverError, Outcome, Spec};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use std::collections::BTreeMap;
use thiserror::Error;

/// No sensor and no reward says so much, and squares of more would soon overflow: it is as good as NaN.
const LARGEST: f64 = 1e15;
/// Bytes of a line that an error shows.
const SHOWN: usize = 160;

/// What only an answer has.
const FIELDS: [&str; 5] = ["obs", "reward", "terminated", "truncated", "error"];

/// Why nothing can be learned from an answer.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum Unusable {
    /// A field is missing, or holds something else.
    #[error(
        "`{line}` is no answer ({problem}): `obs` is an array of numbers, and after an action `reward` is a \
         number, and `terminated` and `truncated` are true or false"
    )]
    Fields {
        /// What was sent.
        line: String,
        /// What is wrong with it.
        problem: String,
    },
    /// An observation has another length than the environment announced.
    #[error("the environment announced {expected} observations and sent {found}")]
    Observations {
        /// Announced.
        expected: usize,
        /// Sent.
        found: usize,
    },
    /// No number, or one that no reward is.
    #[error("the reward is null, NaN, infinite or beyond ±1e15: check how it is worked out")]
    Reward,
}

/// What a driver may say to `lacewing-edge act` beside observations.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// Who it is.
    pub spec: Option<Spec>,
    /// An episode begins.
    pub reset: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct Announcement {
    pub spec: Spec,
}

#[derive(Deserialize)]
pub(super) struct Start {
    obs: Vec<Option<f64>>,
}

#[derive(Deserialize)]
pub(super) struct Following {
    obs: Vec<Option<f64>>,
    reward: Option<f64>,
    terminated: bool,
    truncated: bool,
    #[serde(default)]
    teacher: Option<Vec<Option<f64>>>,
}

/// Drivers that count requests may say to which an answer is.
#[derive(Deserialize)]
struct Numbered {
    request: Option<u64>,
}

#[derive(Deserialize)]
struct Complaint {
    error: String,
}

impl Start {
    pub fn observation(&self, expected: usize) -> Result<Vec<f32>, Unusable> {
        observation(&self.obs, expected)
    }
}

impl Following {
    pub fn outcome(&self, observations: usize) -> Result<Outcome, Unusable> {
        let obs = observation(&self.obs, observations)?;
        let reward = self.reward.filter(is_usable).ok_or(Unusable::Reward)?;
        let (terminated, truncated) = (self.terminated, self.truncated);
        let teacher = self.teacher.as_deref().map(numbers);
        Ok(Outcome { obs, reward, terminated, truncated, teacher })
    }
}

fn observation(found: &[Option<f64>], expected: usize) -> Result<Vec<f32>, Unusable> {
    if found.len() != expected {
        return Err(Unusable::Observations { expected, found: found.len() });
    }
    Ok(numbers(found))
}

/// NaN where there is no number.
fn numbers(found: &[Option<f64>]) -> Vec<f32> {
    let value = |number: &Option<f64>| number.filter(is_usable).map_or(f32::NAN, |it| it as f32);
    found.iter().map(value).collect()
}

fn is_usable(number: &f64) -> bool {
    number.abs() <= LARGEST
}

/// What a line says. JSON has no NaN and no infinity, but Python and others write them: they are
/// read as null.
pub fn read<A: DeserializeOwned>(line: &str) -> Result<A, DriverError> {
    serde_json::from_str(line).or_else(|_| {
        let mended = line.replace("-Infinity", "null").replace("Infinity", "null");
        serde_json::from_str(&mended.replace("NaN", "null")).map_err(|source| {
            match serde_json::from_str(line) {
                Ok(Complaint { error }) => DriverError::Reported(printable(&error)),
                Err(_) => DriverError::Answer { line: printable(line), source },
            }
        })
    })
}

/// That a line is no answer can be got over, as what else cannot be used.
pub(super) fn usable<A>(answer: Result<A, DriverError>) -> Result<A, DriverError> {
    answer.map_err(|error| match error {
        DriverError::Answer { line, source } => {
            Unusable::Fields { line, problem: source.to_string() }.into()
        }
        error => error,
    })
}

/// Whether an object is meant as an answer, which may be damaged: some drivers log in JSON.
pub(super) fn is_meant(line: &str) -> bool {
    match serde_json::from_str::<BTreeMap<String, IgnoredAny>>(line) {
        Ok(fields) => FIELDS.iter().any(|field| fields.contains_key(*field)),
        Err(_) => FIELDS.iter().any(|field| line.contains(&format!("\"{field}\""))),
    }
}

/// Whether an answer says that it is to an earlier request than that of this number, counted from 1.
pub(super) fn is_late(line: &str, request: u64) -> bool {
    let said = |line| serde_json::from_str(line).ok().and_then(|Numbered { request }| request);
    line.contains("\"request\"") && said(line).is_some_and(|said| said < request)
}

/// The beginning of a foreign text, without what a terminal would take for a command.
pub(super) fn printable(text: &str) -> String {
    let safe = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut shown: String = text.trim().chars().take(SHOWN).map(safe).collect();
    if text.trim().chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(line: &str) -> Result<Outcome, String> {
        let following: Following = read(line).map_err(|error| error.to_string())?;
        following.outcome(2).map_err(|error| error.to_string())
    }

    fn step(obs: &str, reward: &str) -> Result<Outcome, String> {
        outcome(&format!(
            r#"{{"obs":{obs},"reward":{reward},"terminated":false,"truncated":true,"info":{{}}}}"#
        ))
    }

    #[test]
    fn whole_answers_are_read() {
        let (obs, teacher) = (vec![1.0, -2.5], None);
        let expected = Outcome { obs, reward: -3.0, terminated: false, truncated: true, teacher };
        assert_eq!(step("[1,-2.5]", "-3"), Ok(expected.clone()));
        let taught =
            r#"{"obs":[1,-2.5],"reward":-3,"terminated":false,"truncated":true,"teacher":[0.5]}"#;
        assert_eq!(outcome(taught), Ok(Outcome { teacher: Some(vec![0.5]), ..expected }));
    }

    #[test]
    fn what_is_no_number_is_nan() {
        for obs in ["[1,NaN]", "[1,null]", "[1,-Infinity]", "[1,3e38]"] {
            let outcome = step(obs, "0").unwrap();
            assert!(outcome.obs[0] == 1.0 && outcome.obs[1].is_nan(), "{obs}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_told() {
        for (obs, reward, expected) in [
            ("[1]", "0", "announced 2 observations and sent 1"),
            ("[1,2,3]", "0", "announced 2 observations and sent 3"),
            ("[1,2]", "NaN", "reward"),
            ("[1,2]", "null", "reward"),
            ("[1,2]", "1e300", "reward"),
        ] {
            let error = step(obs, reward).unwrap_err();
            assert!(error.contains(expected), "{obs} {reward}: {error}");
        }
    }

    #[test]
    fn logs_are_no_answers_and_damaged_answers_are() {
        for (line, expected) in [
            (r#"{"level":"info","msg":"battery 80 %"}"#, false),
            (r#"{"level":"error","msg":"obs"}"#, false),
            (r#"{driver} got a request"#, false),
            (r#"{"obs":[0.1,#,0.3],"reward":0}"#, true),
            (r#"{"obs":[0.1, 0."#, true),
            (r#"{"obs":[1],"reward":NaN}"#, true),
            (r#"{"reward":0,"done":true}"#, true),
            (r#"{"error":"hot"}"#, true),
        ] {
            assert_eq!(is_meant(line), expected, "{line}");
        }
    }

    #[test]
    fn an_answer_may_say_which_request_it_is_to() {
        for (line, late) in [
            (r#"{"obs":[1],"request":6}"#, true),
            (r#"{"obs":[1],"request":7}"#, false),
            (r#"{"obs":[1],"request":8}"#, false),
            (r#"{"obs":[1],"request":"6"}"#, false),
            (r#"{"obs":[1]}"#, false),
        ] {
            assert_eq!(is_late(line, 7), late, "{line}");
        }
    }

    #[test]
    fn other_lines_are_told_by_what_they_say() {
        let error = outcome(r#"{"error":"motor 3 \u001b[2J over temperature"}"#).unwrap_err();
        assert!(error.contains("reports: motor 3") && !error.contains('\u{1b}'), "{error}");
        let error = outcome(r#"{"obs":[1,2],"reward":0,"done":true}"#).unwrap_err();
        assert!(error.contains("missing field `terminated`"), "{error}");
        let error = outcome(&format!("{{{}", "x".repeat(10_000))).unwrap_err();
        assert!(error.len() < 400, "{error}");
    }
}
