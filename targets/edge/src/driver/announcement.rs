//! What an environment announces about itself before the first request.

use lacewing_formats::policy::{Announced, at_least, at_most};
use lacewing_runtime::learn::ActionSpace;
use serde::Deserialize;
use std::num::NonZeroU64;
use thiserror::Error;

/// What the environment announced.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(try_from = "Fields")]
pub struct Spec {
    /// Its name.
    pub id: String,
    /// Length of an observation.
    pub obs_dim: usize,
    /// Its actions.
    pub actions: ActionSpace,
    /// Least and greatest value of each continuous action, rounded inwards.
    pub limits: Option<(Vec<f32>, Vec<f32>)>,
    /// Steps after which an episode is over, whether the environment says so or not.
    pub max_episode_steps: Option<NonZeroU64>,
    /// What it says of its signals.
    pub signals: Announced,
}

/// The announcement as it is written.
#[derive(Deserialize)]
struct Fields {
    id: String,
    obs_dim: usize,
    act_low: Option<Vec<Option<f64>>>,
    act_high: Option<Vec<Option<f64>>>,
    actions: Option<u32>,
    max_episode_steps: Option<NonZeroU64>,
    #[serde(flatten)]
    signals: Announced,
}

/// Why the announcement names no space of actions, or no period.
#[derive(Debug, Error)]
enum SpecError {
    #[error("act_low has {low} value(s) and act_high {high}: give each action both limits")]
    Limits { low: usize, high: usize },
    #[error(
        "the limits of action {action} (counted from 0) are no numbers: every actuator has some, give \
         those"
    )]
    Unlimited { action: usize },
    #[error("of action {action} (counted from 0) act_low is above act_high: correct them")]
    Order { action: usize },
    #[error(
        "between the limits of action {action} (counted from 0) is no single-precision number: set them \
         further apart"
    )]
    Narrow { action: usize },
    #[error("an environment has no discrete action if `actions` is 0: give their number")]
    NoChoice,
    #[error("give either act_low and act_high, or actions (the number of discrete actions)")]
    Neither,
    #[error("control_period_s is {period}: give the seconds from one action to the next, above 0")]
    Period { period: f64 },
}

impl TryFrom<Fields> for Spec {
    type Error = SpecError;

    fn try_from(fields: Fields) -> Result<Self, SpecError> {
        let (actions, limits) = match (fields.act_low, fields.act_high, fields.actions) {
            (Some(low), Some(high), None) => {
                let limits = limits(&low, &high)?;
                (ActionSpace::Continuous(low.len() as u32), Some(limits))
            }
            (None, None, Some(0)) => return Err(SpecError::NoChoice),
            (None, None, Some(n)) => (ActionSpace::Discrete(n), None),
            _ => return Err(SpecError::Neither),
        };
        let Fields { id, obs_dim, max_episode_steps, signals, .. } = fields;
        if let Some(period) = signals.control_period_s.filter(|period| *period <= 0.0) {
            return Err(SpecError::Period { period });
        }
        Ok(Self { id, obs_dim, actions, limits, max_episode_steps, signals })
    }
}

/// Both limits of every action, in order.
fn limits(low: &[Option<f64>], high: &[Option<f64>]) -> Result<(Vec<f32>, Vec<f32>), SpecError> {
    if low.len() != high.len() {
        return Err(SpecError::Limits { low: low.len(), high: high.len() });
    }
    let finite = |limit: &Option<f64>| limit.filter(|it| (*it as f32).is_finite());
    let both = |(action, (low, high))| match (finite(low), finite(high)) {
        (Some(low), Some(high)) if low > high => Err(SpecError::Order { action }),
        (Some(low), Some(high)) => match (at_least(low), at_most(high)) {
            (low, high) if low > high => Err(SpecError::Narrow { action }),
            inside => Ok(inside),
        },
        _ => Err(SpecError::Unlimited { action }),
    };
    low.iter().zip(high).enumerate().map(both).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(actions: &str) -> Result<ActionSpace, String> {
        let line = format!(r#"{{"id":"Robot","obs_dim":3,{actions}"max_episode_steps":5}}"#);
        let spec = serde_json::from_str::<Spec>(&line).map_err(|error| error.to_string())?;
        assert_eq!((spec.id.as_str(), spec.obs_dim), ("Robot", 3));
        assert_eq!(spec.max_episode_steps, NonZeroU64::new(5));
        Ok(spec.actions)
    }

    #[test]
    fn either_space_is_read() {
        let limits = r#""act_low":[-1,-2.5],"act_high":[1,2],"#;
        assert_eq!(read(limits), Ok(ActionSpace::Continuous(2)));
        assert_eq!(read(r#""actions":4,"#), Ok(ActionSpace::Discrete(4)));
    }

    #[test]
    fn half_a_space_is_refused() {
        for (actions, expected) in [
            ("", "give either"),
            (r#""act_low":[-1],"#, "give either"),
            (r#""act_low":[-1],"act_high":[1],"actions":2,"#, "give either"),
            (r#""act_low":[-1],"act_high":[1,1],"#, "1 value(s) and act_high 2"),
            (
                r#""act_low":[-1,null],"act_high":[1,1],"#,
                "action 1 (counted from 0) are no numbers",
            ),
            (r#""act_low":[-1],"act_high":[1e39],"#, "action 0 (counted from 0) are no numbers"),
            (r#""act_low":[2],"act_high":[1],"#, "act_low is above act_high"),
            (
                r#""act_low":[0.52359877],"act_high":[0.523598775],"#,
                "of action 0 (counted from 0) is no single-precision number",
            ),
            (r#""actions":0,"#, "give their number"),
            (r#""actions":2,"control_period_s":-0.02,"#, "control_period_s is -0.02"),
        ] {
            let error = read(actions).unwrap_err();
            assert!(error.contains(expected), "{actions}: {error}");
        }
    }
}
