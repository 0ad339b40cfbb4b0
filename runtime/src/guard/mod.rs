//! What stands between a bad number and an actuator, and between learning and a robot.
//!
//! | module | holds |
//! |---|---|
//! | `sensor`, `sensors` | what is known of a sensor; what becomes of an observation that cannot be right |
//! | `known`, `gate` | what a policy file says of sensors; what is sent and learned from |
//! | `gradients` | whether the optimiser may step along a gradient |
//! | `cusum`, `missing`, `baseline` | the return that is missing; over a window and more; what the frozen policy returns |
//! | `judge`, `event` | keep, freeze or roll back; what is logged of it |
//! | `worst` | how far, and for how long, a run was below the frozen policy |

mod baseline;
mod cusum;
mod event;
mod gate;
mod gradients;
mod judge;
mod known;
mod missing;
mod sensor;
mod sensors;
mod worst;

pub use baseline::{Baseline, MAX_WINDOWS};
pub use cusum::Cusum;
pub use event::{Acting, Event, Switch, Why};
pub use gate::Gate;
pub use gradients::{GradientGuard, GradientRules};
pub use judge::{Judge, JudgeRules, RulesError};
pub use known::know;
pub use missing::Missing;
pub use sensor::{Breach, Sensor};
pub use sensors::{Reaction, Seen, SensorCounts, SensorError, SensorRules, Sensors};
pub use worst::Worst;

/// Index of the first NaN or infinity.
pub fn first_non_finite(numbers: &[f32]) -> Option<usize> {
    numbers.iter().position(|number| !number.is_finite())
}
