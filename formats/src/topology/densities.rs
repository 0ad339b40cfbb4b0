//! The density of each layer, by the rule of an [`Allocation`].

use super::{Allocation, AllocationError, LayerShape};

/// Writes the density (0 to 1) of each layer to `out`.
///
/// `sparsity` is that of the whole network, biases not counted, unless the rule says otherwise; with
/// `dense_output` the last layer stays dense and the others carry its share (not so where the rule
/// is [`Allocation::Explicit`]). Layers whose density would pass 1 become dense and
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
    match allocation {
        Allocation::Uniform | Allocation::Er | Allocation::Erk => {
            solve(shapes, sparsity, allocation, out)
        }
        Allocation::Balanced { closeness } if !(0.0..=1.0).contains(&closeness) => {
            Err(AllocationError::Closeness { closeness })
        }
        Allocation::Balanced { .. } => solve(shapes, sparsity, allocation, out),
        Allocation::ErLambda { first, rest } => {
            for (layer, (density, shape)) in out.iter_mut().zip(shapes).enumerate() {
                let lambda = if layer == 0 { first } else { rest };
                *density = (lambda * raw_density(shape, allocation)).clamp(*density, 1.0);
            }
            Ok(())
        }
        Allocation::InputOnly => {
            let (first, rest) = out.split_at_mut(1);
            first[0] = first[0].max(1.0 - sparsity);
            rest.fill(1.0);
            Ok(())
        }
        Allocation::Explicit { sparsities } => {
            let (layers, list) = (shapes.len(), sparsities.as_slice());
            if list.len() != layers {
                return Err(AllocationError::Explicit { layers, sparsities: list.len() });
            }
            if let Some(&sparsity) = list.iter().find(|sparsity| !(0.0..1.0).contains(*sparsity)) {
                return Err(AllocationError::Sparsity { sparsity });
            }
            out.iter_mut().zip(list).for_each(|(density, sparsity)| *density = 1.0 - sparsity);
            Ok(())
        }
    }
}

/// Finds the common factor ε of the layers' densities; layers of density 1 in `out` stay dense.
fn solve(
    shapes: &[LayerShape],
    sparsity: f64,
    allocation: Allocation,
    out: &mut [f64],
) -> Result<(), AllocationError> {
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
        // The last two have no common factor to find.
        Allocation::Uniform | Allocation::InputOnly | Allocation::Explicit { .. } => 1.0,
        Allocation::Balanced { closeness } => libm::pow(shape.links() as f64, -closeness),
        Allocation::Er | Allocation::ErLambda { .. } => (inputs + outputs) / (inputs * outputs),
        Allocation::Erk => (inputs + outputs + window as f64) / shape.links() as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{LayerSparsities, MAX_SPARSITIES};
    use super::*;

    const ACTOR: [LayerShape; 3] = [linear(17, 256), linear(256, 256), linear(256, 6)];
    const CRITIC: [LayerShape; 3] = [linear(23, 256), linear(256, 256), linear(256, 1)];

    const fn linear(inputs: usize, outputs: usize) -> LayerShape {
        LayerShape { outputs, inputs, window: None }
    }

    fn densities_of(
        shapes: &[LayerShape; 3],
        sparsity: f64,
        rule: Allocation,
        dense: bool,
    ) -> [f64; 3] {
        let mut out = [0.0; 3];
        densities(shapes, sparsity, rule, dense, &mut out).unwrap();
        out
    }

    /// Layer sparsities of the reference code of Grooten et al. 2023 for HalfCheetah.
    #[test]
    fn published_layer_sparsities() {
        let new = Allocation::Balanced { closeness: 0.2 };
        let cases = [
            (&ACTOR, 0.5, new, [0.1949, 0.532]),
            (&ACTOR, 0.8, new, [0.6997, 0.8254]),
            (&ACTOR, 0.9, new, [0.8679, 0.9232]),
            (&ACTOR, 0.95, new, [0.9521, 0.9721]),
            (&CRITIC, 0.8, new, [0.6963, 0.8124]),
            (&CRITIC, 0.9, new, [0.8509, 0.9079]),
            (&CRITIC, 0.95, new, [0.9282, 0.9557]),
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
            let got = densities_of(shapes, sparsity, rule, true);
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
            let density = densities_of(shapes, 0.0, rule, true);
            shapes.iter().zip(density).map(|(shape, d)| shape.links() as f64 * d).sum()
        };
        assert_eq!((live(&ACTOR) + 2.0 * live(&CRITIC)).round(), 106_169.0);
    }

    /// A 3 × 3 convolution of 16 to 32 channels (4608 links, Σ of its shape 54) before 100 to 10
    /// neurons (1000 links, 110): ε = 560.8 / (54 + 110) at a density of 0.1.
    #[test]
    fn epsilon_of_the_kernel_rule_by_hand() {
        let convolution = LayerShape { outputs: 32, inputs: 16, window: Some([3, 3]) };
        let mut out = [0.0; 2];
        let shapes = [convolution, linear(100, 10)];
        densities(&shapes, 0.9, Allocation::Erk, false, &mut out).unwrap();
        let epsilon = 560.8 / 164.0;
        for (found, due) in out.iter().zip([epsilon * 54.0 / 4608.0, epsilon * 110.0 / 1000.0]) {
            assert!((found - due).abs() < 1e-12, "{out:?}");
        }
        // At a density of 0.5 the linear layer would have 1.88 of its links: it becomes dense.
        densities(&shapes, 0.5, Allocation::Erk, false, &mut out).unwrap();
        assert!((out[0] - (2804.0 - 1000.0) / 4608.0).abs() < 1e-12 && out[1] == 1.0, "{out:?}");
    }

    #[test]
    fn layers_given_one_by_one() {
        assert_eq!(densities_of(&ACTOR, 0.75, Allocation::InputOnly, true), [0.25, 1.0, 1.0]);
        let rule = |list: &[f64]| {
            let sparsities = LayerSparsities::new(list).unwrap();
            Allocation::Explicit { sparsities }
        };
        assert_eq!(densities_of(&ACTOR, 0.0, rule(&[0.5, 0.75, 0.25]), true), [0.5, 0.25, 0.75]);
        let mut out = [0.0; 3];
        let mut ask = |list: &[f64]| densities(&ACTOR, 0.0, rule(list), true, &mut out);
        assert_eq!(ask(&[0.5]), Err(AllocationError::Explicit { layers: 3, sparsities: 1 }));
        assert_eq!(ask(&[0.5, 1.0, 0.5]), Err(AllocationError::Sparsity { sparsity: 1.0 }));
        assert_eq!(LayerSparsities::new(&[0.0; MAX_SPARSITIES + 1]), None);
    }

    #[test]
    fn every_rule_meets_the_sparsity_of_the_whole_network() {
        let balanced = [0.0, 0.2, 1.0].map(|closeness| Allocation::Balanced { closeness });
        for rule in
            [Allocation::Uniform, Allocation::Er, Allocation::Erk].into_iter().chain(balanced)
        {
            for sparsity in [0.0, 0.3, 0.5, 0.9, 0.97] {
                for dense in [false, true] {
                    let total: usize = ACTOR.iter().map(LayerShape::links).sum();
                    let density = densities_of(&ACTOR, sparsity, rule, dense);
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
        for closeness in [-0.1, 1.1, f64::NAN] {
            let rule = Allocation::Balanced { closeness };
            let error = densities(&ACTOR, 0.5, rule, true, &mut out).unwrap_err();
            assert!(matches!(error, AllocationError::Closeness { .. }));
        }
    }
}
