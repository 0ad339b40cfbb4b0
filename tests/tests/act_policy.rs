//! The control step: right actions from every layout, none at all from bad input.

use lacewing_formats::artifact::PolicyView;
use lacewing_formats::codec::{Encoding, IndexCodec, ValueCodec};
use lacewing_formats::policy::Activation;
use lacewing_runtime::act::{ActError, Layout, LoadError, Policy};
use lacewing_runtime::cost::Cost;
use lacewing_runtime::kernels::act::Kernel;
use lacewing_runtime::learn::Block;
use lacewing_tests::actor;
use lacewing_tests::policy_file::{ACTIVATIONS, Owned};

const LAYOUTS: [Layout; 3] = [Layout::InPlace, Layout::Packed, Layout::Dense];

/// Calls `check` with the policy in every layout under every kernel.
fn each_policy(file: &[u8], mut check: impl FnMut(&str, &Policy<'_>)) {
    for kernel in Kernel::available() {
        for layout in LAYOUTS {
            let view = PolicyView::parse(file).unwrap();
            let mut memory = vec![Block::ZERO; Policy::blocks(&view, layout, kernel)];
            let policy = Policy::with_layout(view, layout, kernel, &mut memory).unwrap();
            check(&format!("{} {layout:?}", kernel.name), &policy);
        }
    }
}

fn act(policy: &Policy<'_>, observation: &[f32]) -> Result<Vec<f32>, ActError> {
    let mut action = vec![0.0; policy.actions()];
    policy.act(observation, &mut action, &mut vec![f32::NAN; policy.scratch_len()])?;
    Ok(action)
}

/// How far actions may be off for the sake of the weights' precision.
const TOLERANCES: [(ValueCodec, f64); 4] = [
    (ValueCodec::F32, 1e-5),
    (ValueCodec::F16, 3e-2),
    (ValueCodec::Bf16, 1e-1),
    (ValueCodec::Int8, 1e-1),
];

/// Actions in every layout, by every kernel and from every encoding, are those of the definition.
fn answers(mut network: Owned) {
    network.low.fill(-3.0);
    network.high.fill(0.5);
    let inputs = network.layers[0].cols;
    let wide = (0..inputs).map(|i| 0.2 + i as f32).collect();
    network.normaliser = Some((vec![0.1; inputs], wide, 5.0));
    let observation = actor::observation(&network, 0);
    let expected = actor::reference(&network, &observation);
    for (values, tolerance) in TOLERANCES {
        for indices in IndexCodec::ALL {
            let file = network.write(Encoding { values, indices: indices.into() }).unwrap();
            each_policy(&file, |name, policy| {
                let action = act(policy, &observation).unwrap();
                for (found, expected) in action.iter().zip(&expected) {
                    let error = (f64::from(*found) - expected).abs();
                    assert!(error < tolerance, "{name}: {found}, not {expected}");
                }
            });
        }
    }
}

#[test]
fn actions_are_those_of_the_definition() {
    for (widths, sparsity) in [
        (&[17, 256, 256, 6][..], 0.9),
        (&[17, 256, 256, 6], 0.5),
        (&[3, 64, 64, 1], 0.9),
        (&[376, 256, 256, 17], 0.95),
        (&[1, 1], 0.0),
        (&[5, 3, 70, 2, 33], 0.3),
    ] {
        answers(actor::random(widths, sparsity, 1));
    }
}

#[test]
fn dense_and_sparse_layers_take_turns() {
    let widths = [17, 90, 100, 110, 6];
    for dense in 0..16_usize {
        let mut network = actor::random(&widths, 0.9, 8);
        let full = actor::random(&widths, 0.0, 9);
        for (index, layer) in full.layers.into_iter().enumerate() {
            if dense >> index & 1 == 1 {
                network.layers[index] = layer;
            }
        }
        answers(network);
    }
}

#[test]
fn bad_input_is_a_typed_error_and_leaves_the_action_alone() {
    let network = actor::random(&[4, 32, 2], 0.5, 2);
    let good = actor::observation(&network, 0);
    let file = network.write(Encoding::PLAIN).unwrap();
    each_policy(&file, |name, policy| {
        let mut scratch = vec![0.0; policy.scratch_len()];
        let refused = |observation: &[f32], actions, scratch: &mut [f32], error| {
            let mut action = vec![7.0; actions];
            assert_eq!(policy.act(observation, &mut action, scratch), Err(error), "{name}");
            assert!(action.iter().all(|&a| a == 7.0), "{name} touched the action");
        };
        for length in [0, 3, 5] {
            let error = ActError::ObservationLength { expected: 4, found: length };
            refused(&vec![0.0; length], 2, &mut scratch, error);
        }
        for poison in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for index in 0..4 {
                let mut bad = good.clone();
                bad[index] = poison;
                refused(&bad, 2, &mut scratch, ActError::Observation { index });
            }
        }
        refused(&good, 1, &mut scratch, ActError::ActionLength { expected: 2, found: 1 });
        let expected = scratch.len();
        let short = ActError::ScratchLength { expected, found: expected - 1 };
        refused(&good, 2, &mut scratch[1..], short);
    });
}

/// Every activation with and without normalisation, behind layers that repacking moves about.
#[test]
fn imported_policies_act_as_they_are_defined() {
    for first in 0..ACTIVATIONS.len() {
        for sparsity in [0.0, 0.9] {
            let mut network =
                actor::random(&[17, 96, 64, 6], sparsity, first as u64).foreign(first);
            network.low.fill(-100.0);
            network.high.fill(100.0);
            let observation = actor::observation(&network, 0);
            let expected = actor::reference(&network, &observation);
            let file = network.write(Encoding::PLAIN).unwrap();
            each_policy(&file, |name, policy| {
                let action = act(policy, &observation).unwrap();
                for (found, expected) in action.iter().zip(&expected) {
                    let error = (f64::from(*found) - expected).abs() / expected.abs().max(1.0);
                    assert!(error < 1e-5, "{name}, from {first}: {found}, not {expected}");
                }
            });
        }
    }
}

#[test]
fn an_overflow_is_an_error_not_an_action() {
    let mut network = actor::random(&[4, 8, 8, 2], 0.0, 3);
    for layer in &mut network.layers {
        layer.weights.fill(3e38);
    }
    network.layers[2].activation = Activation::Identity;
    let file = network.write(Encoding::PLAIN).unwrap();
    each_policy(&file, |name, policy| {
        let mut action = [7.0; 2];
        let mut scratch = vec![0.0; policy.scratch_len()];
        let result = policy.act(&[1.0; 4], &mut action, &mut scratch);
        assert_eq!(result, Err(ActError::Overflow { index: 0 }), "{name}");
        assert_eq!(action, [7.0; 2]);
    });
}

#[test]
fn actions_stay_within_their_limits() {
    let mut network = actor::random(&[4, 8, 2], 0.0, 4);
    network.layers[1].activation = Activation::Identity;
    network.layers[1].weights.fill(1000.0);
    network.low = vec![-2.0, f32::MIN];
    network.high = vec![0.25, f32::MAX];
    let file = network.write(Encoding::PLAIN).unwrap();
    each_policy(&file, |name, policy| {
        for sign in [-1.0, 1.0] {
            let action = act(policy, &[sign * 100.0; 4]).unwrap();
            for (action, (low, high)) in action.iter().zip(network.low.iter().zip(&network.high)) {
                assert!((low..=high).contains(&action), "{name}: {action}");
            }
        }
    });
}

#[test]
fn probes_tell_a_damaged_policy_from_a_whole_one() {
    let mut network = actor::random(&[5, 64, 3], 0.8, 5);
    for index in 0..3 {
        let observation = actor::observation(&network, index);
        let action = actor::reference(&network, &observation).iter().map(|&a| a as f32).collect();
        network.probes.push((observation, action));
    }
    let check = |file: &[u8], expected: fn(Result<(), LoadError>) -> bool| {
        each_policy(file, |name, policy| {
            let mut scratch = vec![0.0; policy.scratch_len()];
            let result = policy.check_probes(&mut [0.0; 3], &mut scratch);
            assert!(expected(result), "{name}: {result:?}");
        });
    };
    check(&network.write(Encoding::PLAIN).unwrap(), |result| result.is_ok());
    network.layers[0].bias[7] += 0.5;
    check(&network.write(Encoding::PLAIN).unwrap(), |result| {
        matches!(result, Err(LoadError::ProbeDiffers { probe: 0, .. }))
    });
}

/// A layer whose outputs are what is observed.
fn choice_of(widths: usize) -> Owned {
    let mut network = actor::random(&[widths, widths], 0.0, 5).argmax();
    let layer = &mut network.layers[0];
    for (link, weight) in layer.weights.iter_mut().enumerate() {
        *weight = f32::from(u8::from(link / widths == link % widths));
    }
    layer.bias.fill(0.0);
    layer.activation = Activation::Identity;
    network
}

#[test]
fn a_discrete_action_is_the_first_of_the_greatest_outputs() {
    let file = choice_of(4).write(Encoding::PLAIN).unwrap();
    each_policy(&file, |name, policy| {
        for (outputs, expected) in [
            ([1.0, 3.0, 2.0, -9.0], 1.0),
            ([-1.0, -3.0, -0.5, -9.0], 2.0),
            ([0.0, 5.0, 5.0, 5.0], 1.0),
            ([0.0, -0.0, 0.0, -0.0], 0.0),
            ([-f32::MAX, -f32::MAX, 0.0, f32::MAX], 3.0),
        ] {
            assert_eq!(act(policy, &outputs), Ok(vec![expected]), "{name}: {outputs:?}");
        }
        let length = ActError::ActionLength { expected: 1, found: 4 };
        let mut scratch = vec![0.0; policy.scratch_len()];
        assert_eq!(policy.act(&[0.0; 4], &mut [0.0; 4], &mut scratch), Err(length));
    });
    let mut network = choice_of(4);
    network.layers[0].weights.fill(3e38);
    let file = network.write(Encoding::PLAIN).unwrap();
    each_policy(&file, |name, policy| {
        let overflow = Err(ActError::Overflow { index: 0 });
        assert_eq!(act(policy, &[2.0; 4]), overflow, "{name}");
    });
}

/// Rounding may decide between outputs that are as good as equal, and between no others.
#[test]
fn a_probe_may_choose_another_index_where_outputs_are_as_great() {
    for (outputs, agrees) in [
        ([100.0, 99.995, 0.0], true),
        ([100.0, 99.98, 0.0], false),
        ([1.0, 1.0, 0.0], true),
        ([-1.0, -1.00001, -2.0], true),
        ([-1.0, -1.001, -2.0], false),
    ] {
        let mut network = choice_of(3);
        network.probes = vec![(outputs.to_vec(), vec![1.0])];
        let file = network.write(Encoding::PLAIN).unwrap();
        each_policy(&file, |name, policy| {
            let mut scratch = vec![0.0; policy.scratch_len()];
            let differs =
                LoadError::ProbeDiffers { probe: 0, action: 0, expected: 1.0, found: 0.0 };
            let expected = if agrees { Ok(()) } else { Err(differs) };
            let found = policy.check_probes(&mut [0.0], &mut scratch);
            assert_eq!(found, expected, "{name}: {outputs:?}");
        });
    }
}

#[test]
fn memory_is_what_was_asked_for() {
    let file = actor::random(&[17, 64, 6], 0.9, 6).write(Encoding::PLAIN).unwrap();
    let view = PolicyView::parse(&file).unwrap();
    for kernel in Kernel::available() {
        assert_eq!(Policy::blocks(&view, Layout::InPlace, kernel), 0);
        let dense = Policy::blocks(&view, Layout::Dense, kernel);
        assert_eq!(dense * Block::BYTES, 4 * (17 * 64 + 64 * 6));
        let mut short = vec![Block::ZERO; dense - 1];
        let result = Policy::with_layout(view.clone(), Layout::Dense, kernel, &mut short);
        assert!(matches!(result, Err(LoadError::Memory(_))), "{}", kernel.name);
    }
}

#[test]
fn cost_follows_its_convention() {
    let network = actor::random(&[10, 20, 5], 0.75, 7);
    let file = network.write(Encoding::PLAIN).unwrap();
    let cost = Cost::of(&PolicyView::parse(&file).unwrap());
    assert_eq!((cost.links, cost.dense_links), (50 + 25, 200 + 100));
    assert_eq!(cost.link_flops, 2 * 75);
    assert_eq!(cost.flops, 2 * 75 + 25 + 25);
    assert_eq!(cost.dense_flops, 2 * 300 + 25 + 25);
    assert_eq!(cost.sparsity(), 0.75);
}
