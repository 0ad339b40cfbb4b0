//! Densities that more than one algorithm needs.

/// ½ log 2π.
pub const LOG_SQRT_2PI: f32 = 0.918_938_5;

/// `log (1 − tanh² u)` without cancellation: `2 (log 2 − u − log (1 + e⁻²ᵘ))`.
pub fn log_one_minus_tanh_squared(u: f32) -> f32 {
    // log (1 + eˣ) for x = −2 |u|, which cannot overflow; the function is even.
    let size = u.abs();
    2.0 * (core::f32::consts::LN_2 - size - libm::log1pf(libm::expf(-2.0 * size)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_derivative_of_tanh_has_this_logarithm() {
        for u in [-30.0_f32, -3.0, -0.5, 0.0, 1e-3, 2.0, 9.0] {
            let exact = 2.0 * (core::f64::consts::LN_2 - f64::from(u).abs())
                - 2.0 * libm::log1p(libm::exp(-2.0 * f64::from(u).abs()));
            assert!(
                (f64::from(log_one_minus_tanh_squared(u)) - exact).abs() < 1e-5 * (1.0 - exact)
            );
            if u.abs() < 3.0 {
                let plain = libm::log(1.0 - libm::pow(libm::tanh(f64::from(u)), 2.0));
                assert!((exact - plain).abs() < 1e-9);
            }
        }
    }
}
