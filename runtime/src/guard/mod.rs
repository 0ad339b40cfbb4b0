//! What stands between a bad number and an actuator.

/// Index of the first NaN or infinity.
pub fn first_non_finite(numbers: &[f32]) -> Option<usize> {
    numbers.iter().position(|number| !number.is_finite())
}
