//! From the environment's units to the network's and back.

use serde::{Deserialize, Serialize};

/// How observations are scaled before the first layer: `clamp((x - mean) / std, -clip, clip)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ObservationNormaliser<'a> {
    /// One mean an observation.
    pub mean: &'a [f32],
    /// One standard deviation an observation, above 0.
    pub std: &'a [f32],
    /// Bound of the result, above 0.
    pub clip: f32,
}

impl ObservationNormaliser<'_> {
    /// Scales an observation in place.
    pub fn apply(&self, observation: &mut [f32]) {
        for ((x, mean), std) in observation.iter_mut().zip(self.mean).zip(self.std) {
            *x = ((*x - mean) / std).clamp(-self.clip, self.clip);
        }
    }
}

/// Kinds of [`ActionHead`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Head {
    /// See [`ActionHead::Scaled`].
    #[default]
    Scaled,
    /// See [`ActionHead::Argmax`].
    Argmax,
    /// See [`ActionHead::Clamped`].
    Clamped,
}

impl Head {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scaled => "scaled",
            Self::Argmax => "argmax",
            Self::Clamped => "clamped",
        }
    }
}

/// How the network's outputs become an action.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ActionHead<'a> {
    /// One number an output a ∈ [−1, 1]: `clamp(low + (a + 1) / 2 · (high - low), low, high)`.
    ///
    /// So act the actors of TD3, and of SAC and PPO without their noise: of SAC the rows of the means
    /// with tanh as the last activation, of PPO the means with none, which the limits then clamp.
    Scaled {
        /// Least value of each action, in the environment's units.
        low: &'a [f32],
        /// Greatest value of each action, above the least.
        high: &'a [f32],
    },
    /// One number, which of a set of discrete actions: the index, counted from 0, of the greatest
    /// output, of equals the first. So act DQN and discrete policies without their noise.
    Argmax,
    /// One number an output, in the environment's units already: `clamp(a, low, high)`. So act actors
    /// from elsewhere that end in a linear layer: no rounding comes between the output and the action,
    /// however wide the limits are.
    Clamped {
        /// Least value of each action, in the environment's units.
        low: &'a [f32],
        /// Greatest value of each action, above the least.
        high: &'a [f32],
    },
}

impl<'a> ActionHead<'a> {
    /// Which it is.
    pub fn kind(&self) -> Head {
        match self {
            Self::Scaled { .. } => Head::Scaled,
            Self::Argmax => Head::Argmax,
            Self::Clamped { .. } => Head::Clamped,
        }
    }

    /// Least and greatest value of each action, where it is not discrete.
    pub fn limits(&self) -> Option<(&'a [f32], &'a [f32])> {
        match *self {
            Self::Scaled { low, high } | Self::Clamped { low, high } => Some((low, high)),
            Self::Argmax => None,
        }
    }

    /// How far two values of action number `index` are apart, as a share of half its range; discrete
    /// actions are 0 or 1 apart.
    ///
    /// # Panics
    /// If there is no such action.
    pub fn distance(&self, index: usize, a: f32, b: f32) -> f64 {
        match self {
            Self::Scaled { low, high } | Self::Clamped { low, high } => {
                let half_range = (f64::from(high[index]) - f64::from(low[index])) / 2.0;
                (f64::from(a) - f64::from(b)).abs() / half_range
            }
            Self::Argmax => f64::from(u8::from(a != b)),
        }
    }
}

/// An example of what the policy does, for a device to replay before it trusts the file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Probe<'a> {
    /// In the environment's units, before the normaliser.
    pub observation: &'a [f32],
    /// The action due, as its [`ActionHead`] gives it.
    pub action: &'a [f32],
}

/// Turns actions in the environment's units into numbers in [−1, 1], in place: what [`scale_action`] makes
/// them of.
pub fn unscale_action(action: &mut [f32], low: &[f32], high: &[f32]) {
    for ((action, &low), &high) in action.iter_mut().zip(low).zip(high) {
        *action = ((*action - low) / (high / 2.0 - low / 2.0) - 1.0).clamp(-1.0, 1.0);
    }
}

/// Turns numbers in [−1, 1] into actions in the environment's units, in place:
/// `low + (a + 1) / 2 · (high − low)`, within [low, high] whatever the number.
pub fn scale_action(action: &mut [f32], low: &[f32], high: &[f32]) {
    for ((action, &low), &high) in action.iter_mut().zip(low).zip(high) {
        // Halved before they are subtracted: two wide limits may lie further apart than f32.
        *action = (low + (*action + 1.0) * (high / 2.0 - low / 2.0)).clamp(low, high);
    }
}
