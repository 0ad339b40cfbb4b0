//! How many links each layer may keep.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Structure;

/// Shape of one layer's kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerShape {
    /// Output neurons (or channels).
    pub outputs: usize,
    /// Input neurons (or channels).
    pub inputs: usize,
    /// Height and width of a convolution's window; `None` for a linear layer.
    pub window: Option<[usize; 2]>,
}

impl LayerShape {
    /// A linear layer.
    pub fn linear(inputs: usize, outputs: usize) -> Self {
        Self { outputs, inputs, window: None }
    }

    /// Links of the dense layer.
    pub fn links(&self) -> usize {
        self.outputs * self.inputs * self.window.map_or(1, |[height, width]| height * width)
    }
}

/// How a network's sparsity is spread over its layers.
// Internally tagged, for configuration files; serde wants an allocator for that.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "alloc", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "alloc", serde(rename_all = "kebab-case", tag = "rule", deny_unknown_fields))]
pub enum Allocation {
    /// The same sparsity in every sparse layer.
    #[cfg_attr(feature = "alloc", serde(deserialize_with = "no_field"))]
    Uniform,
    /// Erdős–Rényi: density ∝ (n_in + n_out) / (n_in · n_out) (Mocanu et al. 2018, eq. 3),
    /// scaled so that the network reaches the sparsity asked for.
    #[cfg_attr(feature = "alloc", serde(deserialize_with = "no_field"))]
    Er,
    /// Erdős–Rényi-kernel: the same with the convolution window counted in (Evci et al. 2020,
    /// §3.1). Equal to [`Allocation::Er`] for linear layers.
    #[cfg_attr(feature = "alloc", serde(deserialize_with = "no_field"))]
    Erk,
    /// Erdős–Rényi with a fixed λ a layer: density = λ (n_in + n_out) / (n_in · n_out), at most 1
    /// (Sokar et al. 2022, §4.1). The sparsity is what comes out.
    ErLambda {
        /// λ of the first layer.
        first: f64,
        /// λ of every later sparse layer.
        rest: f64,
    },
}

/// Refuses the fields that serde, for a rule without any, would ignore.
#[cfg(feature = "alloc")]
fn no_field<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct NoField {}
    NoField::deserialize(deserializer).map(drop)
}

/// Why no allocation exists.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
pub enum AllocationError {
    /// Sparsity is not in `[0, 1)`.
    #[error("sparsity must be at least 0 and below 1, not {sparsity}")]
    Sparsity {
        /// What was asked for.
        sparsity: f64,
    },
    /// With a dense output layer even empty hidden layers hold too many links.
    #[error("sparsity {sparsity} cannot be reached with a dense output layer: at most {most:.4}")]
    DenseOutput {
        /// What was asked for.
        sparsity: f64,
        /// The highest reachable.
        most: f64,
    },
    /// `out` must have one place a layer, and there must be a layer.
    #[error("{shapes} layers but {places} places for their densities")]
    Lengths {
        /// Layers given.
        shapes: usize,
        /// Places given.
        places: usize,
    },
    /// The steps of a structure are too coarse for these layers.
    #[error(
        "sparsity {sparsity:.4} is out of reach in {structure} layers of these widths: the nearest \
         is {nearest:.4}; ask for that, or choose a finer structure such as constant-fan-in or \
         blocks-4x1"
    )]
    Structure {
        /// The structure asked for.
        structure: Structure,
        /// The sparsity asked for, or that came out of the rule.
        sparsity: f64,
        /// What the structure can do.
        nearest: f64,
    },
}

/// Writes the density (0 to 1) of each layer to `out`.
///
/// `sparsity` is that of the whole network, biases not counted; with `dense_output` the last layer
/// stays dense and the others carry its share. Layers whose density would pass 1 become dense and
/// the rest is solved again, as in the reference code of Evci et al. 2020.
///
/// # Errors
/// [`AllocationError`] where the sparsity is out of range or out of reach.
pub fn densities(
    shapes: &[LayerShape],
    sparsity: f64,
    allocation: Allocation,
    dense_output: bool,
    out: &mut [f64],
) -> Result<(), AllocationError> {
    if shapes.is_empty() || shapes.len() != out.len() {
        return Err(AllocationError::Lengths { shapes: shapes.len(), places: out.len() });
    }
    if !(0.0..1.0).contains(&sparsity) {
        return Err(AllocationError::Sparsity { sparsity });
    }
    out.fill(0.0);
    if dense_output {
        out[shapes.len() - 1] = 1.0;
    }
    if let Allocation::ErLambda { first, rest } = allocation {
        for (layer, (density, shape)) in out.iter_mut().zip(shapes).enumerate() {
            let lambda = if layer == 0 { first } else { rest };
            *density = (lambda * raw_density(shape, allocation)).clamp(*density, 1.0);
        }
        return Ok(());
    }
    let total: usize = shapes.iter().map(LayerShape::links).sum();
    let budget = (1.0 - sparsity) * total as f64;
    loop {
        let mut left = budget;
        let mut weight = 0.0;
        let mut steepest = 0.0_f64;
        for (shape, &density) in shapes.iter().zip(&*out) {
            if density == 1.0 {
                left -= shape.links() as f64;
            } else {
                let raw = raw_density(shape, allocation);
                weight += raw * shape.links() as f64;
                steepest = steepest.max(raw);
            }
        }
        if left < 0.0 {
            let most = 1.0 - shapes[shapes.len() - 1].links() as f64 / total as f64;
            return Err(AllocationError::DenseOutput { sparsity, most });
        }
        if weight == 0.0 {
            return Ok(());
        }
        let epsilon = left / weight;
        for (density, shape) in out.iter_mut().zip(shapes) {
            let raw = raw_density(shape, allocation);
            if *density < 1.0 && (epsilon * steepest <= 1.0 || raw == steepest) {
                *density = (epsilon * raw).min(1.0);
            }
        }
        if epsilon * steepest <= 1.0 {
            return Ok(());
        }
        // Only the steepest layers became dense this round: forget the rest and solve again.
        out.iter_mut().filter(|density| **density < 1.0).for_each(|density| *density = 0.0);
    }
}

/// Density of a layer up to the network's common factor.
fn raw_density(shape: &LayerShape, allocation: Allocation) -> f64 {
    let window = shape.window.map_or(0, |[height, width]| height + width);
    let (inputs, outputs) = (shape.inputs as f64, shape.outputs as f64);
    match allocation {
        Allocation::Uniform => 1.0,
        Allocation::Er | Allocation::ErLambda { .. } => (inputs + outputs) / (inputs * outputs),
        Allocation::Erk => (inputs + outputs + window as f64) / shape.links() as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTOR: [LayerShape; 3] = [linear(17, 256), linear(256, 256), linear(256, 6)];
    const CRITIC: [LayerShape; 3] = [linear(23, 256), linear(256, 256), linear(256, 1)];

    const fn linear(inputs: usize, outputs: usize) -> LayerShape {
        LayerShape { outputs, inputs, window: None }
    }

    fn solve(shapes: &[LayerShape; 3], sparsity: f64, rule: Allocation, dense: bool) -> [f64; 3] {
        let mut out = [0.0; 3];
        densities(shapes, sparsity, rule, dense, &mut out).unwrap();
        out
    }

    /// Layer sparsities of the reference code of Grooten et al. 2023 for HalfCheetah.
    #[test]
    fn published_layer_sparsities() {
        let cases = [
            (&ACTOR, 0.8, Allocation::Uniform, [0.8176, 0.8176]),
            (&ACTOR, 0.8, Allocation::Er, [0.0, 0.8719]),
            (&ACTOR, 0.9, Allocation::Uniform, [0.9198, 0.9198]),
            (&ACTOR, 0.9, Allocation::Er, [0.552, 0.9442]),
            (&ACTOR, 0.95, Allocation::Er, [0.8374, 0.9797]),
            (&ACTOR, 0.5, Allocation::Er, [0.0, 0.5449]),
            (&CRITIC, 0.9, Allocation::Uniform, [0.9032, 0.9032]),
            (&CRITIC, 0.9, Allocation::Er, [0.5859, 0.9317]),
        ];
        for (shapes, sparsity, rule, expected) in cases {
            let got = solve(shapes, sparsity, rule, true);
            for (got, expected) in got.iter().zip(expected) {
                let found = 1.0 - got;
                assert!((found - expected).abs() < 1e-4, "{rule:?} {sparsity}: {found}");
            }
            assert_eq!(got[2], 1.0);
        }
    }

    /// Sokar et al. 2022: λ = 7 and 64 leave 106,169 of HalfCheetah's 214,784 weights.
    #[test]
    fn lambda_of_the_paper_gives_its_sizes() {
        let rule = Allocation::ErLambda { first: 7.0, rest: 64.0 };
        let live = |shapes: &[LayerShape; 3]| -> f64 {
            let density = solve(shapes, 0.0, rule, true);
            shapes.iter().zip(density).map(|(shape, d)| shape.links() as f64 * d).sum()
        };
        assert_eq!((live(&ACTOR) + 2.0 * live(&CRITIC)).round(), 106_169.0);
    }

    #[test]
    fn every_rule_meets_the_sparsity_of_the_whole_network() {
        for rule in [Allocation::Uniform, Allocation::Er, Allocation::Erk] {
            for sparsity in [0.0, 0.3, 0.5, 0.9, 0.97] {
                for dense in [false, true] {
                    let total: usize = ACTOR.iter().map(LayerShape::links).sum();
                    let density = solve(&ACTOR, sparsity, rule, dense);
                    let live: f64 =
                        ACTOR.iter().zip(density).map(|(s, d)| s.links() as f64 * d).sum();
                    assert!((1.0 - live / total as f64 - sparsity).abs() < 1e-9, "{density:?}");
                }
            }
        }
    }

    #[test]
    fn impossible_sparsity_is_refused() {
        let mut out = [0.0; 3];
        let mut ask = |sparsity| densities(&ACTOR, sparsity, Allocation::Er, true, &mut out);
        assert_eq!(ask(1.0), Err(AllocationError::Sparsity { sparsity: 1.0 }));
        assert!(matches!(ask(0.99), Err(AllocationError::DenseOutput { .. })));
        assert!(ask(f64::NAN).is_err());
    }
}
