//! How few bits the topology of a layer can take.

/// Bits a link, on average, that no code for the links of a layer can stay below where any link of
/// it is alive with probability `density`, on its own: H(p) / p with the binary entropy
/// H(p) = -p log2 p - (1 - p) log2 (1 - p) (Shannon 1948). 0 where none or all are alive.
pub fn entropy_bound(density: f64) -> f64 {
    if density <= 0.0 || density >= 1.0 {
        return 0.0;
    }
    let dead = 1.0 - density;
    -libm::log2(density) - dead * libm::log2(dead) / density
}

#[cfg(test)]
mod tests {
    use super::entropy_bound;

    #[test]
    fn bound_is_shannons() {
        // H(1/2) = 1 bit a cell, two cells a link; H(0.1) = 0.468996 bits.
        assert!((entropy_bound(0.5) - 2.0).abs() < 1e-12);
        assert!((entropy_bound(0.1) - 4.689_956).abs() < 1e-6);
        assert_eq!([0.0, 1.0].map(entropy_bound), [0.0, 0.0]);
    }
}
