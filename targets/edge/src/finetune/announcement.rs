//! What an environment announces about itself before the first request.

use lacewing_runtime::learn::ActionSpace;
use serde::Deserialize;
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
}

/// The announcement as it is written.
#[derive(Deserialize)]
struct Fields {
    id: String,
    obs_dim: usize,
    act_low: Option<Vec<f32>>,
    act_high: Option<Vec<f32>>,
    actions: Option<u32>,
}

/// Why the announcement names no space of actions.
#[derive(Debug, Error)]
enum SpaceError {
    #[error("act_low has {low} value(s) and act_high {high}: give each action both limits")]
    Limits { low: usize, high: usize },
    #[error("an environment has no discrete action if `actions` is 0: give their number")]
    NoChoice,
    #[error("give either act_low and act_high, or actions (the number of discrete actions)")]
    Neither,
}

impl TryFrom<Fields> for Spec {
    type Error = SpaceError;

    fn try_from(fields: Fields) -> Result<Self, SpaceError> {
        let actions = match (&fields.act_low, &fields.act_high, fields.actions) {
            (Some(low), Some(high), None) if low.len() == high.len() => {
                ActionSpace::Continuous(low.len() as u32)
            }
            (Some(low), Some(high), None) => {
                return Err(SpaceError::Limits { low: low.len(), high: high.len() });
            }
            (None, None, Some(0)) => return Err(SpaceError::NoChoice),
            (None, None, Some(n)) => ActionSpace::Discrete(n),
            _ => return Err(SpaceError::Neither),
        };
        Ok(Self { id: fields.id, obs_dim: fields.obs_dim, actions })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(actions: &str) -> Result<ActionSpace, String> {
        let line = format!(r#"{{"id":"Robot","obs_dim":3,{actions}"max_episode_steps":5}}"#);
        let spec = serde_json::from_str::<Spec>(&line).map_err(|error| error.to_string())?;
        assert_eq!((spec.id.as_str(), spec.obs_dim), ("Robot", 3));
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
            (r#""actions":0,"#, "give their number"),
        ] {
            let error = read(actions).unwrap_err();
            assert!(error.contains(expected), "{actions}: {error}");
        }
    }
}
