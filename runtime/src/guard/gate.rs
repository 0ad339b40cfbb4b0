//! Between the sensors and whoever acts and learns: what is acted on, sent, and learned from.

use super::Sensor;
use super::sensors::{Seen, SensorCounts, SensorError, SensorRules, Sensors};

/// A guard over one robot's steps. Each is one [`Gate::send`] of the policy's action and one
/// [`Gate::observe`] of what followed.
#[derive(Debug)]
pub struct Gate<'m> {
    sensors: Sensors<'m>,
    /// Empty where no action is safe.
    safe: &'m [f32],
    seen: Seen,
    skipped: u64,
}

impl<'m> Gate<'m> {
    /// A guard over as many numbers as there are `sensors`, with the action to send where nothing can be
    /// acted on, in the units that actions have here; of none (empty) the rules refuse to go on where
    /// they would send it.
    pub fn new(sensors: &'m mut [Sensor], rules: SensorRules, safe: &'m [f32]) -> Self {
        let rules = if safe.is_empty() { SensorRules { safe: 0, ..rules } } else { rules };
        Self { sensors: Sensors::new(sensors, rules), safe, seen: Seen::Good, skipped: 0 }
    }

    /// What happened to observations so far.
    pub fn counts(&self) -> &SensorCounts {
        self.sensors.counts()
    }

    /// Steps that were not learned from.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Whether the safe action is sent next, whatever the policy says.
    pub fn is_shut(&self) -> bool {
        self.seen == Seen::Bad
    }

    /// Looks at the first observation of an episode, and mends it.
    ///
    /// # Errors
    /// As [`Sensors::observe`].
    pub fn begin(&mut self, raw: &mut [f32]) -> Result<(), SensorError> {
        self.sensors.reset();
        self.seen = self.sensors.observe(raw)?;
        Ok(())
    }

    /// Writes the safe action over the policy's where the last observation cannot be acted on.
    ///
    /// # Panics
    /// If `action` has another length than the safe action.
    pub fn send(&self, action: &mut [f32]) {
        if self.is_shut() {
            action.copy_from_slice(self.safe);
        }
    }

    /// Looks at the observation after an action, and mends it. Says whether the step can be learned from:
    /// nothing was mended before or after it.
    ///
    /// # Errors
    /// As [`Sensors::observe`].
    pub fn observe(&mut self, raw: &mut [f32]) -> Result<bool, SensorError> {
        let before = core::mem::replace(&mut self.seen, self.sensors.observe(raw)?);
        let learnable = before.max(self.seen) == Seen::Good;
        self.skipped += u64::from(!learnable);
        Ok(learnable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::Reaction;

    const RULES: SensorRules = SensorRules {
        on: [Reaction::Hold; 4],
        hold: 1,
        safe: 2,
        range: 20.0,
        jump: 3.0,
        stuck: 50,
    };

    fn step(gate: &mut Gate<'_>, sent: f32) -> (f32, Result<bool, SensorError>) {
        let mut action = [7.0];
        gate.send(&mut action);
        (action[0], gate.observe(&mut [sent]))
    }

    #[test]
    fn steps_beside_a_breach_are_not_learned_from_and_lasting_ones_send_the_safe_action() {
        let mut sensors = [Sensor::within(-1.0, 1.0)];
        let mut gate = Gate::new(&mut sensors, RULES, &[0.5]);
        gate.begin(&mut [0.0]).unwrap();
        assert_eq!(step(&mut gate, 0.1), (7.0, Ok(true)));
        assert_eq!(step(&mut gate, f32::NAN), (7.0, Ok(false)));
        assert_eq!(step(&mut gate, f32::NAN), (7.0, Ok(false)));
        assert_eq!(step(&mut gate, 0.2), (0.5, Ok(false)));
        assert_eq!(step(&mut gate, 0.1), (7.0, Ok(true)));
        assert_eq!((gate.skipped(), gate.counts().safe), (3, 1));
    }

    #[test]
    fn without_a_safe_action_what_cannot_be_held_ends_it() {
        let mut sensors = [Sensor::within(-1.0, 1.0)];
        let mut gate = Gate::new(&mut sensors, RULES, &[]);
        gate.begin(&mut [0.0]).unwrap();
        assert_eq!(step(&mut gate, 2.0), (7.0, Ok(false)));
        assert_eq!(step(&mut gate, 2.0).1.unwrap_err().steps, 2);
        assert!(gate.begin(&mut [f32::NAN]).is_err());
    }
}
