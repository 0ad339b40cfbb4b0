//! Limits of commands in f32, inside of those that somebody wrote in more digits.

use alloc::format;

/// The greatest f32 not above `limit`. Nor is its shortest decimal, as which a driver reads it.
pub fn at_most(limit: f64) -> f32 {
    // The nearest, one below or two.
    let mut inside = limit as f32;
    while f64::from(inside).max(decimal(inside)) > limit {
        inside = inside.next_down();
    }
    inside
}

/// The least f32 not below `limit`, nor in decimals.
pub fn at_least(limit: f64) -> f32 {
    -at_most(-limit)
}

/// The number that its shortest decimal is.
fn decimal(number: f32) -> f64 {
    format!("{number}").parse().unwrap_or(f64::from(number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::f64::consts::PI;

    #[test]
    fn limits_that_are_no_f32_are_rounded_inwards_and_the_others_stay() {
        for limit in [PI, PI / 6.0, 1.0 / 3.0, 0.1, 2.0 * PI / 3.0, 0.424_242_424_242, 1e-40, 3e38]
        {
            let (low, high) = (at_least(-limit), at_most(limit));
            assert_eq!(low, -high);
            for found in [f64::from(high), format!("{high}").parse().unwrap()] {
                assert!(found <= limit, "{found} is above {limit}");
                assert!(limit - found <= limit * 3e-7 + 1e-44, "{found} is far below {limit}");
            }
        }
        for limit in [0.0, 1.0, -2.5, 0.15625] {
            let (low, high) = (f64::from(at_least(limit)), f64::from(at_most(limit)));
            assert_eq!((low, high), (limit, limit));
        }
        // A single number whose shortest decimal is above it.
        assert!(0.7 > f64::from(0.7_f32));
        assert_eq!(at_most(f64::from(0.7_f32)), 0.7_f32.next_down());
        assert_eq!(at_least(f64::from(0.7_f32)), 0.7);
    }
}
