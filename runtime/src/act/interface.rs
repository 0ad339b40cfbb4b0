//! What stands between a policy and its robot: the contract of the file, and limits.

use crate::guard::first_non_finite;
use lacewing_formats::artifact::PolicyView;
use lacewing_formats::policy::{ActionHead, Signal};
use thiserror::Error;

/// Why an interface cannot be made, or gives no command.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
pub enum InterfaceError {
    /// The memory is too short.
    #[error("the interface needs memory for {needed} numbers and got {found}")]
    Memory {
        /// See [`Interface::numbers`].
        needed: usize,
        /// Given.
        found: usize,
    },
    /// Something has another length.
    #[error("{found} numbers are given where {expected} are expected")]
    Length {
        /// What would fit.
        expected: usize,
        /// What was given.
        found: usize,
    },
    /// No action fits the limits of both.
    #[error(
        "action {action} lies from {} to {} for the policy and from {} to {} for the driver, so that \
         none is within both: correct the driver's limits, or take the policy of this robot",
        policy.0, policy.1, driver.0, driver.1
    )]
    Disjoint {
        /// Which, counted from 0.
        action: usize,
        /// The policy's limits.
        policy: (f32, f32),
        /// The driver's.
        driver: (f32, f32),
    },
    /// The driver sends another number of observations.
    #[error("the observation has {found} numbers, the policy takes {expected}")]
    Observations {
        /// What the policy takes at a time.
        expected: usize,
        /// What was given.
        found: usize,
    },
    /// A sensor says what it cannot.
    #[error(
        "number {index} of the observation (counted from 0) is {value}, the policy's contract has it \
         from {low} to {high}: check that sensor"
    )]
    Sensor {
        /// Which.
        index: usize,
        /// What it says; may be no number.
        value: f32,
        /// Least in the contract.
        low: f32,
        /// Greatest.
        high: f32,
    },
    /// An action is no number.
    #[error("action {action} (counted from 0) is NaN or infinite: it was not sent")]
    NoNumber {
        /// Which.
        action: usize,
    },
    /// There is no such discrete action.
    #[error("{action} is none of the {choices} discrete actions: it was not sent")]
    NoChoice {
        /// What was asked for.
        action: f32,
        /// How many there are.
        choices: usize,
    },
}

/// Between a policy and its driver: turns what sensors say into the policy's observation (offset and
/// scale, then stacked with earlier frames and the action before, as the file's contract has it), and
/// actions into commands (scale and offset, then rate limits, then limits). Limits are the last that is
/// applied to a command, whatever came before. Without a contract only the file's limits are.
///
/// Each step is one [`Interface::observe`], the policy's own step, and one [`Interface::command`].
#[derive(Debug)]
pub struct Interface<'m> {
    sensors: Scaling<'m>,
    /// Least and greatest value of each sensor.
    range: [&'m mut [f32]; 2],
    /// The policy's observation: frames, the oldest first.
    stack: &'m mut [f32],
    history: usize,
    /// Whether a frame ends with the action before it.
    previous_action: bool,
    actuators: Scaling<'m>,
    /// Least and greatest command; empty for discrete actions.
    low: &'m mut [f32],
    high: &'m mut [f32],
    /// Most change of a command from step to step.
    change: &'m mut [f32],
    /// The last action, in the policy's units, and command.
    action: &'m mut [f32],
    command: &'m mut [f32],
    /// Whether there is an earlier frame and a last command.
    observed: bool,
    commanded: bool,
    /// Discrete actions; 0 where they are scaled.
    choices: usize,
}

/// An offset and a scale for each number.
#[derive(Debug)]
struct Scaling<'m> {
    offset: &'m mut [f32],
    scale: &'m mut [f32],
}

/// Lengths of what an [`Interface`] holds.
struct Lengths {
    sensors: usize,
    observations: usize,
    /// Scaled actions.
    actions: usize,
}

impl Lengths {
    fn of(view: &PolicyView<'_>) -> Self {
        let (observations, outputs) = (view.header().observations(), view.header().outputs());
        let actions = view.action_head().limits().map_or(0, |limits| limits.0.len());
        let sensors = match view.contract() {
            Some(contract) => contract.sensors(observations, outputs),
            None => observations,
        };
        Self { sensors, observations, actions }
    }
}

impl<'m> Interface<'m> {
    /// Numbers of memory that [`Interface::new`] takes.
    pub fn numbers(view: &PolicyView<'_>) -> usize {
        let lengths = Lengths::of(view);
        4 * lengths.sensors + lengths.observations + 7 * lengths.actions
    }

    /// The interface of a policy file, in the caller's memory.
    ///
    /// # Errors
    /// [`InterfaceError::Memory`] if there is less than [`Interface::numbers`].
    pub fn new(view: &PolicyView<'_>, memory: &'m mut [f32]) -> Result<Self, InterfaceError> {
        let (needed, found) = (Self::numbers(view), memory.len());
        let mut rest = memory.get_mut(..needed).ok_or(InterfaceError::Memory { needed, found })?;
        let mut take = |numbers| {
            let (taken, left) = core::mem::take(&mut rest).split_at_mut(numbers);
            rest = left;
            taken
        };
        let Lengths { sensors, observations, actions } = Lengths::of(view);
        let contract = view.contract();
        let mut interface = Self {
            sensors: Scaling { offset: take(sensors), scale: take(sensors) },
            range: [take(sensors), take(sensors)],
            stack: take(observations),
            history: contract.map_or(1, |contract| contract.history()),
            previous_action: contract.is_some_and(|contract| contract.previous_action()),
            actuators: Scaling { offset: take(actions), scale: take(actions) },
            low: take(actions),
            high: take(actions),
            change: take(actions),
            action: take(actions),
            command: take(actions),
            observed: false,
            commanded: false,
            choices: match view.action_head() {
                ActionHead::Scaled { .. } | ActionHead::Clamped { .. } => 0,
                ActionHead::Argmax => view.header().outputs(),
            },
        };
        interface.set_signals(view);
        interface.reset();
        Ok(interface)
    }

    fn set_signals(&mut self, view: &PolicyView<'_>) {
        let unsaid = || core::iter::repeat(Signal::default());
        let observations = view.contract().into_iter().flat_map(|contract| contract.observations());
        let [least, greatest] = &mut self.range;
        for (at, signal) in observations.chain(unsaid()).take(least.len()).enumerate() {
            (self.sensors.offset[at], self.sensors.scale[at]) = (signal.offset, signal.scale);
            least[at] = signal.low.unwrap_or(f32::MIN);
            greatest[at] = signal.high.unwrap_or(f32::MAX);
        }
        let Some((low, high)) = view.action_head().limits() else { return };
        let actions = view.contract().into_iter().flat_map(|contract| contract.actions());
        let period = view.header().control_period_s();
        for (at, signal) in actions.chain(unsaid()).take(low.len()).enumerate() {
            (self.actuators.offset[at], self.actuators.scale[at]) = (signal.offset, signal.scale);
            (self.low[at], self.high[at]) = signal.limits(low[at], high[at]);
            let rate = signal.rate.map_or(f64::INFINITY, f64::from);
            self.change[at] = (rate * period) as f32;
        }
    }

    /// Numbers that the driver sends at a time.
    pub fn sensors(&self) -> usize {
        self.sensors.scale.len()
    }

    /// Least and greatest command of each scaled action, in the driver's units.
    pub fn limits(&self) -> (&[f32], &[f32]) {
        (self.low, self.high)
    }

    /// From now on commands keep within these limits too: of both the narrower. Says whether any of
    /// them is narrower than what was.
    ///
    /// # Errors
    /// [`InterfaceError::Disjoint`], [`InterfaceError::Length`]; nothing has changed then.
    pub fn narrow(&mut self, low: &[f32], high: &[f32]) -> Result<bool, InterfaceError> {
        let expected = self.low.len();
        for found in [low.len(), high.len()] {
            if found != expected {
                return Err(InterfaceError::Length { expected, found });
            }
        }
        let both = || self.low.iter().zip(&*self.high).zip(low.iter().zip(high));
        for (action, ((&own_low, &own_high), (&low, &high))) in both().enumerate() {
            // Also where a limit is NaN.
            if !(own_low.max(low) <= own_high.min(high) && low <= high) {
                let (policy, driver) = ((own_low, own_high), (low, high));
                return Err(InterfaceError::Disjoint { action, policy, driver });
            }
        }
        let narrower =
            both().any(|((own_low, own_high), (low, high))| low > own_low || high < own_high);
        self.low.iter_mut().zip(low).for_each(|(own, &other)| *own = own.max(other));
        self.high.iter_mut().zip(high).for_each(|(own, &other)| *own = own.min(other));
        Ok(narrower)
    }

    /// Turns what the driver would call a command into an action in the policy's units, in place: as
    /// [`Interface::command`] has it, backwards and without limits.
    ///
    /// # Errors
    /// [`InterfaceError::Length`], [`InterfaceError::NoNumber`].
    pub fn action_of(&self, command: &mut [f32]) -> Result<(), InterfaceError> {
        let (expected, found) = (self.actuators.scale.len(), command.len());
        if found != expected {
            return Err(InterfaceError::Length { expected, found });
        }
        if let Some(action) = first_non_finite(command) {
            return Err(InterfaceError::NoNumber { action });
        }
        let Scaling { offset, scale } = &self.actuators;
        for ((number, offset), scale) in command.iter_mut().zip(&**offset).zip(&**scale) {
            *number = (*number - offset) / scale;
        }
        Ok(())
    }

    /// An episode begins: there are no earlier frames, and no action came before. Its first command is
    /// held by limits alone, as nobody knows where the actuators are.
    pub fn reset(&mut self) {
        (self.observed, self.commanded) = (false, false);
        self.action.fill(0.0);
    }

    /// The policy's observation after the driver sent `raw`. Frames before the first are like it.
    ///
    /// # Errors
    /// [`InterfaceError::Observations`], [`InterfaceError::Sensor`]; it is then as if nothing had been
    /// sent.
    pub fn observe(&mut self, raw: &[f32]) -> Result<&[f32], InterfaceError> {
        let (expected, found) = (self.sensors(), raw.len());
        if expected != found {
            return Err(InterfaceError::Observations { expected, found });
        }
        for (index, &value) in raw.iter().enumerate() {
            let [low, high] = [self.range[0][index], self.range[1][index]];
            // NaN is in no range.
            if !(low..=high).contains(&value) {
                return Err(InterfaceError::Sensor { index, value, low, high });
            }
        }
        let frame = self.stack.len() / self.history;
        let earlier = self.stack.len() - frame;
        self.stack.copy_within(frame.min(earlier).., 0);
        let (before, newest) = self.stack.split_at_mut(earlier);
        let Scaling { offset, scale } = &self.sensors;
        for (at, value) in raw.iter().enumerate() {
            newest[at] = (value - offset[at]) * scale[at];
        }
        if self.previous_action {
            newest[found..].copy_from_slice(self.action);
        }
        if !self.observed {
            before.chunks_exact_mut(frame).for_each(|older| older.copy_from_slice(newest));
        }
        self.observed = true;
        Ok(self.stack)
    }

    /// Turns an action of the policy into the command for the actuators, in place.
    ///
    /// # Errors
    /// [`InterfaceError`] where there is none; nothing may be sent then.
    pub fn command(&mut self, action: &mut [f32]) -> Result<(), InterfaceError> {
        let (expected, found) = (if self.choices > 0 { 1 } else { self.low.len() }, action.len());
        if found != expected {
            return Err(InterfaceError::Length { expected, found });
        }
        if let Some(action) = first_non_finite(action) {
            return Err(InterfaceError::NoNumber { action });
        }
        if self.choices > 0 {
            let (action, choices) = (action[0], self.choices);
            let known = (0.0..choices as f32).contains(&action) && libm::truncf(action) == action;
            return if known { Ok(()) } else { Err(InterfaceError::NoChoice { action, choices }) };
        }
        self.action.copy_from_slice(action);
        for (at, action) in action.iter_mut().enumerate() {
            let mut command = self.actuators.offset[at] + self.actuators.scale[at] * *action;
            if self.commanded {
                let (last, change) = (self.command[at], self.change[at]);
                command = command.clamp(last - change, last + change);
            }
            *action = command.clamp(self.low[at], self.high[at]);
        }
        self.command.copy_from_slice(action);
        self.commanded = true;
        Ok(())
    }
}
