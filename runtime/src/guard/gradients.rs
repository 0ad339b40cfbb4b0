//! Whether an update's gradients are of a usual size, before the optimiser steps along them.

/// Updates over which a usual norm is averaged.
const MEMORY: u32 = 1000;
/// Updates before anything is concluded.
const SETTLED: u32 = 100;

/// Most that the norm of a gradient may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GradientRules {
    /// Whatever came before.
    pub most: f32,
    /// Times its running mean.
    pub times: f32,
}

impl Default for GradientRules {
    fn default() -> Self {
        Self { most: f32::INFINITY, times: 20.0 }
    }
}

/// The usual norm of the gradient of `PARTS` parts of an update, each of its own size.
///
/// A norm that is refused counts as the most that was allowed, so that what was unusual for long enough
/// becomes usual: some 80 updates where it is a hundred times the running mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GradientGuard<const PARTS: usize> {
    rules: GradientRules,
    /// Mean norm, and of how many.
    usual: [(f32, u32); PARTS],
}

impl<const PARTS: usize> GradientGuard<PARTS> {
    /// A guard that has seen nothing.
    pub fn new(rules: GradientRules) -> Self {
        Self { rules, usual: [(0.0, 0); PARTS] }
    }

    /// Whether a step along a gradient of this norm may be taken.
    ///
    /// # Panics
    /// If there is no such part.
    pub fn allows(&mut self, part: usize, norm: f32) -> bool {
        if norm == 0.0 {
            // A network whose units are all at rest: no step, and no usual size.
            return true;
        }
        let (mean, count) = &mut self.usual[part];
        let usual = if *count >= SETTLED { self.rules.times * *mean } else { f32::INFINITY };
        let most = usual.min(self.rules.most);
        // NaN is not within.
        let allowed = norm <= most && norm.is_finite();
        if norm.min(most).is_finite() {
            *count = MEMORY.min(*count + 1);
            *mean += (norm.min(most) - *mean) / *count as f32;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled() -> GradientGuard<2> {
        let mut guard = GradientGuard::new(GradientRules::default());
        for norm in [0.5, 1.5].iter().cycle().take(1000) {
            assert!(guard.allows(0, *norm) && guard.allows(1, 100.0 * norm));
        }
        guard
    }

    #[test]
    fn what_is_far_off_its_own_mean_is_refused() {
        let mut guard = settled();
        for norm in [20.9, f32::MAX, f32::INFINITY, f32::NAN] {
            assert!(!guard.allows(0, norm), "{norm}");
        }
        assert!(guard.allows(0, 19.9) && guard.allows(1, 1900.0));
    }

    #[test]
    fn an_absolute_bound_holds_from_the_start() {
        let rules = GradientRules { most: 5.0, ..GradientRules::default() };
        let mut guard = GradientGuard::<1>::new(rules);
        assert!(!guard.allows(0, 5.1) && guard.allows(0, 5.0));
        let mut free = GradientGuard::<1>::new(GradientRules::default());
        assert!(free.allows(0, 1e30) && !free.allows(0, f32::NAN));
    }

    #[test]
    fn rest_does_not_become_usual() {
        let mut guard = GradientGuard::<1>::new(GradientRules::default());
        assert!((0..2 * SETTLED).all(|_| guard.allows(0, 0.0)));
        assert!(guard.allows(0, 1.0));
    }

    #[test]
    fn what_stays_becomes_usual() {
        let mut guard = settled();
        let refused = (1..1000).position(|_| guard.allows(0, 100.0)).unwrap();
        assert!((60..110).contains(&refused), "{refused}");
    }
}
