//! Normalisation of a layer's sums.

/// Layer normalisation (Ba et al. 2016) of a layer's sums z, biases included, before its activation:
/// `(z − mean z) / √(var z + epsilon) · gain + shift`, mean and variance (divided by the number of
/// outputs) over the outputs of the layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerNorm<'a> {
    /// Added to the variance, finite and above 0.
    pub epsilon: f32,
    /// One an output.
    pub gain: &'a [f32],
    /// One an output.
    pub shift: &'a [f32],
}
