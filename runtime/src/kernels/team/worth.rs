//! Whether helpers are worth it just now.

use std::time::Duration;

/// Rounds that are judged together: some ten ms.
const WINDOW: u32 = 32;
/// Rounds without helpers after a window that they were of no use in, at first and at most: after a
/// hiccup they are soon back, and on a busy machine few rounds are lost in trying.
const PAUSES: [u32; 2] = [2 * WINDOW, 128 * WINDOW];

/// Compares rounds with helpers to what they would take without.
#[derive(Debug)]
pub(super) struct Worth {
    /// Rounds of this window so far.
    rounds: u32,
    /// What they took.
    took: Duration,
    /// What they would take the caller alone.
    alone: Duration,
    /// Rounds without helpers that are to come.
    resting: u32,
    /// As many as the next pause has.
    pause: u32,
}

impl Default for Worth {
    fn default() -> Self {
        let zero = Duration::ZERO;
        Self { rounds: 0, took: zero, alone: zero, resting: 0, pause: PAUSES[0] }
    }
}

impl Worth {
    /// Whether the caller should do the next round alone.
    pub(super) fn rests(&mut self) -> bool {
        let rests = self.resting > 0;
        self.resting = self.resting.saturating_sub(1);
        rests
    }

    /// Takes note of a round with helpers; whether they should rest now.
    pub(super) fn round(&mut self, took: Duration, alone: Duration) -> bool {
        self.rounds += 1;
        self.took += took;
        self.alone += alone;
        if self.rounds < WINDOW {
            return false;
        }
        // A gain of less than a twentieth is not worth a second core.
        let pays = self.took.as_nanos() * 20 <= self.alone.as_nanos() * 19;
        let [least, most] = PAUSES;
        *self = match pays {
            true => Self { pause: (self.pause / 2).max(least), ..Self::default() },
            false => {
                Self { resting: self.pause, pause: (self.pause * 2).min(most), ..Self::default() }
            }
        };
        !pays
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The share of many rounds that are done with helpers, of which each window's take so many µs, a
    /// round alone taking 100.
    fn share(took: impl Fn(u32) -> u64) -> f64 {
        let (mut worth, mut with) = (Worth::default(), 0_u32);
        let rounds = 100_000;
        for _ in 0..rounds {
            if !worth.rests() {
                let took = Duration::from_micros(took(with / WINDOW));
                worth.round(took, Duration::from_micros(100));
                with += 1;
            }
        }
        f64::from(with) / f64::from(rounds)
    }

    #[test]
    fn helpers_that_pay_stay_and_others_rest() {
        assert_eq!(share(|_| 60), 1.0);
        assert!(share(|_| 99) < 0.02);
        assert!(share(|_| 1000) < 0.02);
    }

    #[test]
    fn a_hiccup_costs_a_short_pause() {
        // One window in fifty is as slow as a whole slice of another program makes it.
        let share = share(|window| if window % 50 == 9 { 160 } else { 60 });
        assert!(share > 0.95, "{share}");
    }

    #[test]
    fn helpers_are_tried_again() {
        let mut worth = Worth::default();
        let round = |worth: &mut Worth, took| {
            worth.round(Duration::from_micros(took), Duration::from_micros(100))
        };
        for _ in 0..20 {
            while worth.rests() {}
            assert!((1..WINDOW).all(|_| !round(&mut worth, 300)) && round(&mut worth, 300));
        }
        let mut paused = 0;
        while worth.rests() {
            paused += 1;
        }
        assert_eq!(paused, PAUSES[1]);
        assert!((0..1000).all(|_| !worth.rests() && !round(&mut worth, 60)));
    }
}
