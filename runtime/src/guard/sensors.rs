//! What becomes of an observation that cannot be right.

use super::sensor::{Breach, Sensor, Tolerance};
use core::fmt;
use thiserror::Error;

/// How a breach is met at first. What lasts climbs: held values become the safe action, and that becomes
/// a stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reaction {
    /// The policy acts on the last good value instead.
    #[default]
    Hold,
    /// The safe action is sent instead of the policy's.
    Safe,
    /// Nothing more is sent.
    Refuse,
}

/// When a value is a breach, and how it is met.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SensorRules {
    /// By [`Breach`], in the order of [`Breach::ALL`].
    pub on: [Reaction; 4],
    /// Steps in a row for which a value is held.
    pub hold: u32,
    /// Steps, after those, for which the safe action is sent; each good step in between makes up for one.
    pub safe: u32,
    /// Standard deviations off the mean that a sensor without limits may be.
    pub range: f32,
    /// Times its greatest change so far that a sensor may change in a step.
    pub jump: f32,
    /// Steps on which others moved after which a sensor that moves is stuck on the same bits, unless it has
    /// rested for a third of that before; 0: never.
    pub stuck: u32,
}

impl SensorRules {
    /// The rules by default, with every breach met in the same way at first.
    pub fn all(reaction: Reaction) -> Self {
        Self { on: [reaction; 4], ..Self::default() }
    }
}

impl Default for SensorRules {
    fn default() -> Self {
        Self { on: [Reaction::Hold; 4], hold: 5, safe: 100, range: 20.0, jump: 3.0, stuck: 50 }
    }
}

/// What an observation is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Seen {
    /// To act on and to learn from.
    Good,
    /// To act on: some of it are last good values.
    Held,
    /// Neither: the safe action is to be sent.
    Bad,
}

/// A sensor that is not to be acted on.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
#[error(
    "number {index} of the observation (counted from 0) is {breach} ({value}), and bad on {steps} step(s) \
     that good ones do not make up for: check that sensor"
)]
pub struct SensorError {
    /// Which, counted from 0.
    pub index: usize,
    /// What is wrong.
    pub breach: Breach,
    /// What it says.
    pub value: f32,
    /// Bad steps, less the good ones since.
    pub steps: u32,
}

/// Breaches by kind, and what they led to, so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SensorCounts {
    /// In the order of [`Breach::ALL`]; a sensor and a step each.
    pub breaches: [u64; 4],
    /// Steps on which the policy acted on held values.
    pub held: u64,
    /// Steps with the safe action.
    pub safe: u64,
}

impl fmt::Display for SensorCounts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (breach, count) in Breach::ALL.iter().zip(self.breaches) {
            write!(out, "{count} {breach}, ")?;
        }
        write!(out, "{} steps held, {} with the safe action", self.held, self.safe)
    }
}

/// A guard over what the driver sends, before anything else looks at it.
///
/// After a breach the observation is whole again: the last good value, or where there is none in this
/// episode the mean or middle of the sensor, stands for the bad one. In an episode that begins with a
/// breach nothing is held, as there is nothing to hold: the safe action is sent.
#[derive(Debug)]
pub struct Sensors<'m> {
    sensors: &'m mut [Sensor],
    rules: SensorRules,
    counts: SensorCounts,
}

impl<'m> Sensors<'m> {
    /// A guard over as many numbers as there are `sensors`.
    pub fn new(sensors: &'m mut [Sensor], rules: SensorRules) -> Self {
        Self { sensors, rules, counts: SensorCounts::default() }
    }

    /// What happened so far.
    pub fn counts(&self) -> &SensorCounts {
        &self.counts
    }

    /// An episode begins: sensors may be anywhere in their range.
    pub fn reset(&mut self) {
        self.sensors.iter_mut().for_each(Sensor::reset);
    }

    /// Looks at what the driver sent and mends it, `[sensors]`.
    ///
    /// # Errors
    /// [`SensorError`] where the rules refuse to act on.
    ///
    /// # Panics
    /// If there is another number of sensors.
    pub fn observe(&mut self, raw: &mut [f32]) -> Result<Seen, SensorError> {
        assert_eq!(raw.len(), self.sensors.len());
        let SensorRules { range, jump, stuck, .. } = self.rules;
        let tolerance = Tolerance { range, jump, stuck };
        let (mut seen, mut refused) = (Seen::Good, None);
        let moving = self
            .sensors
            .iter()
            .zip(&*raw)
            .filter(|(sensor, value)| sensor.moves_to(**value))
            .count();
        for (index, (sensor, value)) in self.sensors.iter_mut().zip(raw).enumerate() {
            let others_move = moving > usize::from(sensor.moves_to(*value));
            let Some(breach) = sensor.look(*value, others_move, &tolerance) else { continue };
            self.counts.breaches[breach as usize] += 1;
            let (substitute, of_episode) = sensor.substitute();
            match self.rules.reaction(breach, sensor, of_episode) {
                Reaction::Hold => seen = seen.max(Seen::Held),
                Reaction::Safe => seen = Seen::Bad,
                Reaction::Refuse => {
                    let steps = sensor.debt;
                    refused = refused.or(Some(SensorError { index, breach, value: *value, steps }));
                }
            }
            *value = substitute;
        }
        if let Some(refused) = refused {
            return Err(refused);
        }
        self.counts.held += u64::from(seen == Seen::Held);
        self.counts.safe += u64::from(seen == Seen::Bad);
        Ok(seen)
    }
}

impl SensorRules {
    /// What is due about a breach, where there is a value to hold or not.
    fn reaction(&self, breach: Breach, sensor: &Sensor, can_hold: bool) -> Reaction {
        let first = self.on[breach as usize];
        let hold = if first == Reaction::Hold && can_hold { self.hold } else { 0 };
        if first == Reaction::Refuse || sensor.debt > hold.saturating_add(self.safe) {
            Reaction::Refuse
        } else if sensor.bad <= hold {
            Reaction::Hold
        } else {
            Reaction::Safe
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observe(sensors: &mut Sensors<'_>, raw: [f32; 2]) -> (Result<Seen, SensorError>, [f32; 2]) {
        let mut raw = raw;
        (sensors.observe(&mut raw), raw)
    }

    #[test]
    fn what_lasts_is_held_then_made_safe_then_refused() {
        let mut memory = [Sensor::within(-1.0, 1.0); 2];
        let rules = SensorRules { hold: 2, safe: 3, ..SensorRules::default() };
        let mut sensors = Sensors::new(&mut memory, rules);
        assert_eq!(observe(&mut sensors, [0.5, 0.25]), (Ok(Seen::Good), [0.5, 0.25]));
        let nan = f32::NAN;
        for expected in [Seen::Held, Seen::Held, Seen::Bad, Seen::Bad, Seen::Bad] {
            assert_eq!(observe(&mut sensors, [nan, 0.75]), (Ok(expected), [0.5, 0.75]));
        }
        let refused = observe(&mut sensors, [nan, 0.75]).0.unwrap_err();
        assert_eq!((refused.index, refused.breach, refused.steps), (0, Breach::NotFinite, 6));
        // It comes back, and so does the whole ladder.
        assert_eq!(observe(&mut sensors, [0.0, 9.0]), (Ok(Seen::Held), [0.0, 0.75]));
        let counts = SensorCounts { breaches: [6, 1, 0, 0], held: 3, safe: 3 };
        assert_eq!(*sensors.counts(), counts);
    }

    #[test]
    fn each_kind_of_breach_has_a_reaction_of_its_own() {
        let mut memory = [Sensor::within(-1.0, 1.0); 2];
        let on = [Reaction::Hold, Reaction::Safe, Reaction::Refuse, Reaction::Hold];
        let mut sensors = Sensors::new(&mut memory, SensorRules { on, ..SensorRules::default() });
        assert_eq!(observe(&mut sensors, [0.0, 0.0]).0, Ok(Seen::Good));
        assert_eq!(observe(&mut sensors, [f32::NAN, 0.0]).0, Ok(Seen::Held));
        // The graver one counts.
        assert_eq!(observe(&mut sensors, [2.0, f32::NAN]).0, Ok(Seen::Bad));
        let mut memory = [Sensor::within(-1.0, 1.0); 2];
        let mut strict = Sensors::new(&mut memory, SensorRules::all(Reaction::Refuse));
        assert_eq!(observe(&mut strict, [0.0, 0.0]).0, Ok(Seen::Good));
        let refused = observe(&mut strict, [0.0, 2.0]).0.unwrap_err();
        assert_eq!((refused.index, refused.value), (1, 2.0));
    }

    #[test]
    fn an_episode_that_begins_with_a_breach_begins_with_the_safe_action() {
        let mut memory = [Sensor::around(3.0, 1.0), Sensor::within(-1.0, 1.0)];
        let mut sensors = Sensors::new(&mut memory, SensorRules::default());
        let nan = f32::NAN;
        assert_eq!(observe(&mut sensors, [nan, nan]), (Ok(Seen::Bad), [3.0, 0.0]));
        assert_eq!(observe(&mut sensors, [2.0, 0.5]), (Ok(Seen::Good), [2.0, 0.5]));
        // What lasts over episodes lasts, and one good value in between mends little.
        for _ in 0..100 {
            sensors.reset();
            assert_eq!(observe(&mut sensors, [nan, 0.5]).0, Ok(Seen::Bad));
        }
        assert_eq!(observe(&mut sensors, [nan, 0.5]).0.unwrap_err().steps, 101);
    }
}
