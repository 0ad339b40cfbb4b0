//! Options of the guards.

use crate::EdgeError;
use clap::{Args, ValueEnum};
use lacewing_runtime::act::Policy;
use lacewing_runtime::guard::{Judge, JudgeRules, Reaction, SensorRules};

/// Options of the guards.
#[derive(Args)]
pub struct GuardOptions {
    /// What is done at first about a sensor that says NaN, is out of range, jumps or is stuck; if it goes
    /// on for 5 steps, hold becomes safe, and after 100 steps of that nothing more is sent
    #[arg(long, value_name = "REACTION", default_value = "hold")]
    on_bad_sensor: OnBadSensor,
    /// Action to send where sensors cannot be acted on, in the policy's units, such as 0,0.5 [default: the
    /// middle of the limits; of discrete actions there is none, and it stops instead]
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', allow_hyphen_values = true)]
    safe_action: Vec<f32>,
    /// Steps within which a policy that does worse than the frozen one is rolled back; at first the frozen
    /// one acts for five of them, to be measured [default: a twentieth of the steps, 100 to 1000, or two
    /// episodes if those are longer]
    #[arg(long, value_name = "STEPS", value_parser = clap::value_parser!(u32).range(1..))]
    guard_window: Option<u32>,
}

#[derive(Clone, Copy, ValueEnum)]
enum OnBadSensor {
    /// Act on its last good value
    Hold,
    /// Send the safe action
    Safe,
    /// Stop
    Refuse,
}

impl GuardOptions {
    /// Whether a window was asked for.
    pub fn has_window(&self) -> bool {
        self.guard_window.is_some()
    }

    /// How sensors are guarded.
    pub fn sensors(&self) -> SensorRules {
        SensorRules::all(match self.on_bad_sensor {
            OnBadSensor::Hold => Reaction::Hold,
            OnBadSensor::Safe => Reaction::Safe,
            OnBadSensor::Refuse => Reaction::Refuse,
        })
    }

    /// The judge of a policy that learns for so many steps, in episodes of so many as the driver says.
    ///
    /// # Errors
    /// [`EdgeError::Guard`].
    pub fn judge(&self, steps: u64, episode: Option<u64>) -> Result<Judge, EdgeError> {
        let whole = |steps: u64| u32::try_from(steps).unwrap_or(u32::MAX);
        let two = 2 * u64::from(whole(episode.unwrap_or(0)));
        let window = self.guard_window.unwrap_or(whole((steps / 20).clamp(100, 1000).max(two)));
        // One that goes on for longer than that is judged by the step.
        let episode = episode.map_or(0, whole);
        let episode = if u64::from(window) < two { 0 } else { episode };
        Ok(Judge::new(JudgeRules { window, episode, pause: window, ..JudgeRules::default() })?)
    }

    /// The action to send where sensors cannot be acted on; none where no action is known to be safe.
    ///
    /// # Errors
    /// [`EdgeError::SafeAction`] and [`EdgeError::UnsafeAction`] if it is none of the policy's.
    pub fn safe_action(&self, policy: &Policy<'_>) -> Result<Vec<f32>, EdgeError> {
        let (expected, given) = (policy.actions(), &self.safe_action);
        let limits = policy.view().action_head().limits();
        if given.is_empty() {
            return Ok(limits.map_or_else(Vec::new, |(low, high)| {
                low.iter().zip(high).map(|(low, high)| low / 2.0 + high / 2.0).collect()
            }));
        }
        if given.len() != expected || !given.iter().all(|number| number.is_finite()) {
            return Err(EdgeError::SafeAction { expected });
        }
        let (last, discrete) = ([policy.view().header().outputs() as f32 - 1.0], limits.is_none());
        let (low, high) = limits.unwrap_or((&[0.0], &last));
        let whole = if discrete { ", in whole numbers" } else { "" };
        for (index, (&value, (&low, &high))) in given.iter().zip(low.iter().zip(high)).enumerate() {
            if !(low..=high).contains(&value) || discrete && value.fract() != 0.0 {
                return Err(EdgeError::UnsafeAction { index, value, low, high, whole });
            }
        }
        Ok(given.clone())
    }
}
