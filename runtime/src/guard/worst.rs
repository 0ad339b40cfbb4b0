//! How far, and for how long, a run was below the frozen policy.

/// The worst window of a run, for the record of it.
#[derive(Debug)]
pub struct Worst<'m> {
    /// Rewards of the present window.
    ring: &'m mut [f32],
    next: usize,
    full: bool,
    total: f64,
    reference: f64,
    margin: f64,
    least: Option<f64>,
    below: u64,
    longest: u64,
}

impl<'m> Worst<'m> {
    /// Windows of as many steps as `ring` has numbers; below is more than `margin` less than
    /// `reference`.
    ///
    /// # Panics
    /// If `ring` is empty.
    pub fn new(ring: &'m mut [f32], reference: f64, margin: f64) -> Self {
        assert!(!ring.is_empty());
        let (next, full, total) = (0, false, 0.0);
        Self { ring, next, full, total, reference, margin, least: None, below: 0, longest: 0 }
    }

    /// Takes the same reward for some steps into account.
    pub fn add(&mut self, reward: f64, steps: u64) {
        for _ in 0..steps {
            let place = &mut self.ring[self.next];
            self.total -= if self.full { f64::from(*place) } else { 0.0 };
            *place = reward as f32;
            self.total += f64::from(*place);
            self.next += 1;
            if self.next == self.ring.len() {
                // Rounding of the sum does not add up.
                self.total = self.ring.iter().map(|&reward| f64::from(reward)).sum();
                (self.next, self.full) = (0, true);
            }
            if self.full {
                self.judge(self.total / self.ring.len() as f64);
            }
        }
    }

    fn judge(&mut self, mean: f64) {
        self.least = Some(self.least.map_or(mean, |least| least.min(mean)));
        self.below = if mean < self.reference - self.margin { self.below + 1 } else { 0 };
        self.longest = self.longest.max(self.below);
    }

    /// Least mean of any window; none before the first is over.
    pub fn least(&self) -> Option<f64> {
        self.least
    }

    /// The same as a share of the reference's size, how much of it is missing: 0.1 is 10 % below.
    pub fn shortfall(&self) -> f64 {
        self.least.map_or(0.0, |least| (self.reference - least) / self.reference.abs())
    }

    /// Most steps in a row at which the window before was below.
    pub fn longest(&self) -> u64 {
        self.longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_window_and_the_longest_time_below_are_found() {
        let mut ring = [0.0; 4];
        let mut worst = Worst::new(&mut ring, 10.0, 1.0);
        worst.add(10.0, 3);
        assert_eq!((worst.least(), worst.shortfall()), (None, 0.0));
        worst.add(10.0, 2);
        worst.add(6.0, 2);
        worst.add(10.0, 4);
        // Windows 10, 10, 9, 8, 8, 8, 9, 10.
        assert_eq!((worst.least(), worst.longest()), (Some(8.0), 3));
        assert!((worst.shortfall() - 0.2).abs() < 1e-12);
        worst.add(9.5, 100);
        assert_eq!(worst.longest(), 3);
    }

    #[test]
    fn negative_returns_have_the_same_meaning() {
        let mut ring = [0.0; 2];
        let mut worst = Worst::new(&mut ring, -10.0, 1.0);
        worst.add(-10.5, 4);
        assert_eq!(worst.longest(), 0);
        worst.add(-15.0, 2);
        assert!((worst.shortfall() - 0.5).abs() < 1e-12);
        assert_eq!(worst.longest(), 2);
    }
}
