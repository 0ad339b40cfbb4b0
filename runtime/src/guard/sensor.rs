//! What is known of one sensor, and whether a value of it can be right.

use core::fmt;

/// Values over which mean, variance and the greatest change fade.
const MEMORY: u32 = 10_000;
/// Values before anything is concluded from them.
const SETTLED: u32 = 200;
/// A sensor moves if it changed on at least this share of steps.
const MOVES: f32 = 0.5;
/// A deviation that is smaller than this share of the mean (or of 1) tells nothing of where a sensor may
/// go: it stood still.
const STILL: f32 = 1e-3;
/// A change below this share of its greatest is that of a robot at rest.
const REST: f32 = 0.05;

/// What is wrong with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breach {
    /// NaN or infinite.
    NotFinite,
    /// Outside the limits of the contract; without those, too many deviations off the mean of training; without
    /// that, off the mean so far, by a jump: what moves there step by step is there.
    OutOfRange,
    /// Changed more in one step than it ever does.
    Spike,
    /// The same bits for many steps on which others moved, of a sensor that moves, and for far longer than it
    /// ever rested.
    Stuck,
}

impl Breach {
    /// All, in the order of their counts.
    pub const ALL: [Self; 4] = [Self::NotFinite, Self::OutOfRange, Self::Spike, Self::Stuck];
}

impl fmt::Display for Breach {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::NotFinite => "not a number",
            Self::OutOfRange => "out of range",
            Self::Spike => "a spike",
            Self::Stuck => "stuck",
        })
    }
}

/// How far from usual a value may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tolerance {
    /// Deviations off the mean.
    pub range: f32,
    /// Times the greatest change.
    pub jump: f32,
    /// Steps of the same bits, and three times as many as any rest before; 0: any number.
    pub stuck: u32,
}

/// What is known of one sensor. Means and variances forget as they go (weight 1/10,000 a value at the
/// least), so that a sensor may drift.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sensor {
    /// Of the contract.
    limits: Option<(f32, f32)>,
    mean: f32,
    variance: f32,
    /// Whether those are of the training.
    trained: bool,
    /// Values in mean and variance.
    count: u32,
    /// Greatest change from one good value to the next, fading, and changes that were looked at.
    change: f32,
    changes: u32,
    /// Share of the steps on which others moved that it changed on.
    moving: f32,
    /// Good value before, of this episode.
    last: Option<f32>,
    /// Whatever number came before, in this episode, and for how many steps on which others moved it has been
    /// the same.
    raw: Option<f32>,
    same: u32,
    /// Most of such steps that ended in a good value.
    rest: u32,
    /// Steps since the last good value.
    pub(super) bad: u32,
    /// Bad steps that good ones have not made up for, one by one.
    pub(super) debt: u32,
}

impl Sensor {
    /// A sensor that cannot leave these limits.
    pub fn within(low: f32, high: f32) -> Self {
        Self { limits: Some((low, high)), ..Self::default() }
    }

    /// A sensor whose values have had this mean and standard deviation.
    pub fn around(mean: f32, deviation: f32) -> Self {
        if deviation <= STILL * mean.abs().max(1.0) {
            return Self::default();
        }
        let variance = deviation * deviation;
        Self { mean, variance, trained: true, count: MEMORY, ..Self::default() }
    }

    /// An episode begins: the next value may be anywhere in range. A sensor that was bad still is.
    pub(super) fn reset(&mut self) {
        (self.last, self.raw, self.same) = (None, None, 0);
    }

    /// Whether it is about to move by more than a sensor at rest does.
    pub(super) fn moves_to(&self, value: f32) -> bool {
        self.raw.is_some_and(|raw| (value - raw).abs() > REST * self.change)
    }

    /// What can stand for a bad value: the last good one, or else what is known without any; and whether
    /// it is a value of this episode.
    pub(super) fn substitute(&self) -> (f32, bool) {
        match (self.last, self.limits) {
            (Some(last), _) => (last, true),
            (None, Some((low, high))) => (low / 2.0 + high / 2.0, false),
            (None, None) => (self.mean, false),
        }
    }

    /// Looks at the next value, and learns from it if it is good. Where no other sensor moves, the robot may
    /// be at rest: that it says the same is no sign.
    pub(super) fn look(
        &mut self,
        value: f32,
        others_move: bool,
        tolerance: &Tolerance,
    ) -> Option<Breach> {
        let is_same = self.raw.map(f32::to_bits) == Some(value.to_bits());
        let rested = if is_same { 0 } else { core::mem::take(&mut self.same) };
        self.same = self.same.saturating_add(u32::from(is_same && others_move));
        let breach = self.breach(value, tolerance);
        if breach.is_none() {
            self.rest = self.rest.max(rested);
        }
        self.raw = if value.is_finite() { Some(value) } else { self.raw };
        match breach {
            Some(_) => {
                (self.bad, self.debt) = (self.bad.saturating_add(1), self.debt.saturating_add(1));
            }
            None => {
                self.learn(value, others_move);
                (self.bad, self.debt) = (0, self.debt.saturating_sub(1));
            }
        }
        breach
    }

    fn breach(&self, value: f32, tolerance: &Tolerance) -> Option<Breach> {
        if !value.is_finite() {
            return Some(Breach::NotFinite);
        }
        let (low, high) = self.range(tolerance);
        let is_known = self.limits.is_some() || self.trained;
        if !(low..=high).contains(&value) && (is_known || self.jumps_to(value, tolerance)) {
            return Some(Breach::OutOfRange);
        }
        if let Some(last) = self.last
            && self.changes >= SETTLED
            && self.change > 0.0
        {
            // It may have moved on every step since its last good value.
            let most = tolerance.jump * self.change * (self.bad as f32 + 1.0);
            if (value - last).abs() > most {
                return Some(Breach::Spike);
            }
        }
        let moves = self.changes >= SETTLED && self.moving >= MOVES;
        let longest = tolerance.stuck.max(self.rest.saturating_mul(3));
        (tolerance.stuck > 0 && self.same >= longest && moves).then_some(Breach::Stuck)
    }

    /// Whether a value is not where the one before lets it be, as that of an episode's first is.
    fn jumps_to(&self, value: f32, tolerance: &Tolerance) -> bool {
        self.raw.is_none_or(|raw| (value - raw).abs() > tolerance.jump * self.change)
    }

    /// Least and greatest value.
    fn range(&self, tolerance: &Tolerance) -> (f32, f32) {
        if let Some(limits) = self.limits {
            return limits;
        }
        let deviation = libm::sqrtf(self.variance);
        if self.count < SETTLED || deviation <= STILL * self.mean.abs().max(1.0) {
            return (f32::MIN, f32::MAX);
        }
        (self.mean - tolerance.range * deviation, self.mean + tolerance.range * deviation)
    }

    fn learn(&mut self, value: f32, others_move: bool) {
        self.count = MEMORY.min(self.count + 1);
        let off = value - self.mean;
        self.mean += off / self.count as f32;
        let square = off * (value - self.mean);
        self.variance += (square - self.variance) / self.count as f32;
        if let Some(last) = self.last
            && self.bad == 0
        {
            self.changes = MEMORY.min(self.changes + 1);
            let fading = 1.0 - 1.0 / MEMORY as f32;
            self.change = (value - last).abs().max(self.change * fading);
            if others_move {
                let moved = if value == last { 0.0 } else { 1.0 };
                self.moving += (moved - self.moving) / self.changes as f32;
            }
        }
        self.last = Some(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLERANCE: Tolerance = Tolerance { range: 20.0, jump: 3.0, stuck: 50 };

    /// A sensor that has swung between −1 and 1 by 0.1 a step at most.
    fn swinging() -> Sensor {
        let mut sensor = Sensor::default();
        (0..1000).for_each(|step| assert_eq!(sensor.look(swing(step), true, &TOLERANCE), None));
        sensor
    }

    fn swing(step: u32) -> f32 {
        libm::sinf(0.1 * step as f32)
    }

    #[test]
    fn limits_of_the_contract_are_the_range() {
        let mut sensor = Sensor::within(-2.0, 3.0);
        for (value, breach) in [
            (3.0, None),
            (3.1, Some(Breach::OutOfRange)),
            (-2.0, None),
            (-2.1, Some(Breach::OutOfRange)),
            (f32::NAN, Some(Breach::NotFinite)),
            (f32::NEG_INFINITY, Some(Breach::NotFinite)),
        ] {
            assert_eq!(sensor.look(value, true, &TOLERANCE), breach, "{value}");
        }
    }

    #[test]
    fn without_a_contract_the_range_is_the_training_runs_or_learnt() {
        let mut sensor = Sensor::around(5.0, 0.5);
        assert_eq!(sensor.look(15.1, true, &TOLERANCE), Some(Breach::OutOfRange));
        assert_eq!(sensor.look(14.9, true, &TOLERANCE), None);
        // Of a sensor that stood still in training nothing is known.
        assert_eq!(Sensor::around(5.0, 1e-4).look(1e6, true, &TOLERANCE), None);
        let mut sensor = swinging();
        sensor.reset();
        assert_eq!(sensor.look(20.0, true, &TOLERANCE), Some(Breach::OutOfRange));
        assert_eq!(sensor.look(10.0, true, &TOLERANCE), None);
    }

    #[test]
    fn a_spike_is_more_than_it_ever_moves_in_the_steps_since() {
        let mut sensor = swinging();
        let last = swing(999);
        assert_eq!(sensor.look(last + 0.35, true, &TOLERANCE), Some(Breach::Spike));
        // Two steps since the last good value allow twice as much.
        assert_eq!(sensor.look(last + 0.55, true, &TOLERANCE), None);
        // Where a spike was held, nothing was learned of how fast the sensor is.
        let again = last + 0.55;
        assert_eq!(sensor.look(again + 0.35, true, &TOLERANCE), Some(Breach::Spike));
        sensor.reset();
        assert_eq!(sensor.look(-1.0, true, &TOLERANCE), None);
    }

    #[test]
    fn a_sensor_that_moves_is_stuck_where_it_does_not() {
        let mut sensor = swinging();
        let last = swing(999);
        for step in 0..80 {
            let breach = (step >= 49).then_some(Breach::Stuck);
            assert_eq!(sensor.look(last, true, &TOLERANCE), breach, "{step}");
        }
        assert_eq!(sensor.look(last + 0.05, true, &TOLERANCE), None);
        // One that hardly ever moves may stand.
        let mut still = Sensor::default();
        for step in 0..1000_u32 {
            let value = (step / 300) as f32;
            assert!(!matches!(still.look(value, true, &TOLERANCE), Some(Breach::Stuck)), "{step}");
        }
    }

    #[test]
    fn a_robot_at_rest_is_not_stuck() {
        let mut sensor = swinging();
        let last = swing(999);
        for step in 0..1000 {
            assert_eq!(sensor.look(last, false, &TOLERANCE), None, "{step}");
        }
        // One that has rested for 40 steps beside others that moved may rest for three times as many.
        for step in 0..40 {
            assert_eq!(sensor.look(last, true, &TOLERANCE), None, "{step}");
        }
        assert_eq!(sensor.look(last + 0.05, true, &TOLERANCE), None);
        for step in 0..140 {
            let breach = (step >= 120).then_some(Breach::Stuck);
            assert_eq!(sensor.look(last, true, &TOLERANCE), breach, "{step}");
        }
    }

    #[test]
    fn what_moves_out_of_the_range_so_far_is_there() {
        // It hung, and nobody said how far it can go.
        let hanging = || {
            let mut sensor = Sensor::default();
            for step in 0..1000 {
                assert_eq!(sensor.look(0.01 * swing(step), true, &TOLERANCE), None);
            }
            sensor
        };
        let mut sensor = hanging();
        for step in 0..1000 {
            let value = 0.01 * swing(999) + 0.0025 * step as f32;
            assert_eq!(sensor.look(value, true, &TOLERANCE), None, "{value}");
        }
        // An episode that begins elsewhere goes on there.
        let mut sensor = hanging();
        sensor.reset();
        assert_eq!(sensor.look(1.0, true, &TOLERANCE), Some(Breach::OutOfRange));
        assert_eq!(sensor.look(1.001, true, &TOLERANCE), None);
        // Training has said it of this one.
        let mut trained = Sensor::around(0.0, 0.01);
        assert_eq!(trained.look(1.0, true, &TOLERANCE), Some(Breach::OutOfRange));
        assert_eq!(trained.look(1.001, true, &TOLERANCE), Some(Breach::OutOfRange));
    }

    #[test]
    fn a_bad_first_value_has_a_substitute() {
        assert_eq!(Sensor::within(2.0, 4.0).substitute(), (3.0, false));
        assert_eq!(Sensor::around(5.0, 1.0).substitute(), (5.0, false));
        assert_eq!(swinging().substitute(), (swing(999), true));
        assert!(Sensor::within(f32::MIN, f32::MAX).substitute().0.is_finite());
    }
}
