//! Second moments in 8 bits.

/// A number from zero up: 6 bits of exponent, 2 of mantissa, no sign. Zero, and from 2⁻⁴⁴ to 786,432 in steps of
/// an eighth to a quarter of themselves.
///
/// Adam's second moment changes by a thousandth of itself in a step, far less than such a step; rounded to
/// the nearest it would stay where it is. So it is rounded up or down at random, by how near each is
/// (stochastic rounding: Gupta et al. 2015, eq. 2), which is right on the mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Zeroable, bytemuck::Pod)]
#[repr(transparent)]
pub struct Float8(u8);

/// Bits of an f32's mantissa that are left out.
const LEFT_OUT: u32 = 21;
/// Code 0 as an exponent and a mantissa of f32: a quarter below 2⁻⁴⁴.
const LOW: u32 = ((127 - 44) << 2) - 1;

impl Float8 {
    /// Zero.
    pub const ZERO: Self = Self(0);

    /// The nearest; what is too large or too small is the largest or the least above zero: a second moment of
    /// zero would make a step without a bound.
    pub fn nearest(number: f32) -> Self {
        Self::rounded(number, 1 << (LEFT_OUT - 1))
    }

    /// One of the two next to `number`, which `random` bits decide.
    pub fn random(number: f32, random: u32) -> Self {
        Self::rounded(number, random >> (32 - LEFT_OUT))
    }

    fn rounded(number: f32, added: u32) -> Self {
        if number <= 0.0 {
            return Self::ZERO;
        }
        // Exponent and mantissa of an f32 are one number that grows with it, so what is carried is right.
        let code = ((number.to_bits() + added) >> LEFT_OUT).saturating_sub(LOW);
        Self(code.clamp(1, 255) as u8)
    }

    /// As f32, without rounding.
    pub fn to_f32(self) -> f32 {
        match self.0 {
            0 => 0.0,
            code => f32::from_bits((u32::from(code) + LOW) << LEFT_OUT),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Xoshiro256PlusPlus;
    use rand_core::{Rng, SeedableRng};

    #[test]
    fn every_code_is_a_number_of_its_own_and_comes_back() {
        let numbers = (0..=255).map(|code| Float8(code).to_f32());
        assert!(numbers.clone().is_sorted_by(|a, b| a < b));
        for (code, number) in numbers.enumerate() {
            assert_eq!(Float8::nearest(number), Float8(code as u8));
            for random in [0, 1 << 20, u32::MAX] {
                assert_eq!(Float8::random(number, random), Float8(code as u8), "{number}");
            }
        }
        assert_eq!(Float8(1).to_f32(), 2.0_f32.powi(-44));
        assert_eq!(Float8(255).to_f32(), 786_432.0);
    }

    #[test]
    fn what_is_beyond_is_the_last_and_no_number_panics() {
        for (number, code) in [(1e-30, 1), (f32::MAX, 255), (f32::INFINITY, 255), (-1.0, 0)] {
            assert_eq!(Float8::nearest(number), Float8(code));
            assert_eq!(Float8::random(number, u32::MAX), Float8(code));
        }
        Float8::random(f32::NAN, u32::MAX);
    }

    #[test]
    fn it_is_right_on_the_mean() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        for number in [3.3_f32, 0.9999, 1.7e-7, 4.1e5] {
            let count = 20_000;
            let sum: f64 = (0..count)
                .map(|_| f64::from(Float8::random(number, rng.next_u32()).to_f32()))
                .sum();
            let off = sum / f64::from(count) / f64::from(number) - 1.0;
            assert!(off.abs() < 0.005, "{number}: {off}");
        }
        // As the second moment does: a thousandth at a time.
        let mut v = Float8::nearest(1.0);
        let mut mean = 0.0;
        for step in 0..60_000 {
            v = Float8::random(0.999 * v.to_f32() + 0.001 * 2.0, rng.next_u32());
            mean += if step < 10_000 { 0.0 } else { v.to_f32() / 50_000.0 };
        }
        assert!((mean - 2.0).abs() < 0.1, "{mean}");
    }
}
