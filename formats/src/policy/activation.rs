//! What follows a layer's sums.

use core::fmt;
use serde::Serialize;

/// The function applied to every output of a layer, after its bias and its [`super::LayerNorm`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// x.
    Identity,
    /// max(x, 0).
    Relu,
    /// tanh(x).
    Tanh,
    /// min(max(x, 0), 6).
    Relu6,
    /// x above 0, α·x below, with this finite α.
    LeakyRelu(f32),
    /// x above 0, α·(eˣ − 1) below, with this finite α (Clevert et al. 2016, eq. 15).
    Elu(f32),
    /// [`Activation::Elu`] with [`SELU_ALPHA`], times [`SELU_SCALE`] (Klambauer et al. 2017, eq. 2).
    Selu,
    /// x / (1 + e⁻ˣ), also known as swish.
    Silu,
    /// x·(1 + erf(x / √2)) / 2 (Hendrycks & Gimpel 2016).
    Gelu,
    /// x·(1 + tanh(√(2/π)·(x + 0.044715·x³))) / 2, the approximation of [`Activation::Gelu`].
    GeluTanh,
    /// 1 / (1 + e⁻ˣ).
    Sigmoid,
    /// x / (1 + |x|).
    Softsign,
    /// ln(1 + eˣ).
    Softplus,
}

/// α of [`Activation::Selu`].
pub const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;
/// What [`Activation::Selu`] multiplies by.
pub const SELU_SCALE: f64 = 1.050_700_987_355_480_5;

impl Activation {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Relu => "relu",
            Self::Tanh => "tanh",
            Self::Relu6 => "relu6",
            Self::LeakyRelu(_) => "leaky-relu",
            Self::Elu(_) => "elu",
            Self::Selu => "selu",
            Self::Silu => "silu",
            Self::Gelu => "gelu",
            Self::GeluTanh => "gelu-tanh",
            Self::Sigmoid => "sigmoid",
            Self::Softsign => "softsign",
            Self::Softplus => "softplus",
        }
    }

    /// α, of those that have one.
    pub fn alpha(self) -> Option<f32> {
        match self {
            Self::LeakyRelu(alpha) | Self::Elu(alpha) => Some(alpha),
            _ => None,
        }
    }

    /// The function in f64: what every kernel is held to.
    pub fn apply(self, x: f64) -> f64 {
        let elu = |alpha: f64| if x > 0.0 { x } else { alpha * libm::expm1(x) };
        match self {
            Self::Identity => x,
            // Comparisons, so that NaN stays NaN.
            Self::Relu => {
                if x < 0.0 {
                    0.0
                } else {
                    x
                }
            }
            Self::Tanh => libm::tanh(x),
            Self::Relu6 => x.clamp(0.0, 6.0),
            Self::LeakyRelu(alpha) => {
                if x < 0.0 {
                    f64::from(alpha) * x
                } else {
                    x
                }
            }
            Self::Elu(alpha) => elu(alpha.into()),
            Self::Selu => SELU_SCALE * elu(SELU_ALPHA),
            Self::Silu => x / (1.0 + libm::exp(-x)),
            Self::Gelu => x * libm::erfc(-x / core::f64::consts::SQRT_2) / 2.0,
            Self::GeluTanh => {
                let root = core::f64::consts::FRAC_2_SQRT_PI / core::f64::consts::SQRT_2;
                x * (1.0 + libm::tanh(root * (x + 0.044715 * x * x * x))) / 2.0
            }
            Self::Sigmoid => 1.0 / (1.0 + libm::exp(-x)),
            Self::Softsign => x / (1.0 + x.abs()),
            Self::Softplus => x.max(0.0) + libm::log1p(libm::exp(-x.abs())),
        }
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.alpha() {
            Some(alpha) => write!(f, "{} {alpha}", self.name()),
            None => f.write_str(self.name()),
        }
    }
}
