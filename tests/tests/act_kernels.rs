//! Every act kernel of this processor against the scalar oracle.

use half::f16;
use lacewing_formats::codec::{Encoding, IndexCodec, ValueCodec};
use lacewing_formats::policy::Activation;
use lacewing_formats::topology::Structure;
use lacewing_runtime::kernels::act::{
    Dense, EvenPlan, Fours, Geometry, Kernel, Links, PackedPlan, Weights,
};
use lacewing_runtime::learn::{Arena, Block};
use lacewing_tests::one_layer::{LARGEST, OneLayer, Shifted, layer, put_back};
use lacewing_tests::policy_file::ACTIVATIONS;
use proptest::prelude::*;

/// Every way that a file stores links, with a name.
fn encodings() -> Vec<(String, Encoding)> {
    let all = ValueCodec::ALL.into_iter().flat_map(|values| {
        IndexCodec::ALL.map(|indices| {
            let name = format!("{values}, {}", indices.name());
            (name, Encoding { values, indices: indices.into() })
        })
    });
    all.collect()
}

/// The scalar oracle's outputs and how far another order of summation may be from them: twice
/// the classic bound n · 2⁻²⁴ · Σ|w·x| of an n-term dot product (Higham 2002, §3.1).
fn oracle(case: &OneLayer) -> Vec<(f32, f32)> {
    let file = case.file(Encoding::PLAIN);
    let layer = layer(&file);
    let mut sizes = vec![0.0; case.rows()];
    for (row, column, weight) in layer.iter() {
        sizes[row] += (weight * case.x[usize::from(column)]).abs();
    }
    let mut y = vec![0.0; case.rows()];
    Kernel::available().next().unwrap().multiply(&Weights::InPlace(layer), &case.x, &mut y);
    let tolerance = case.cols as f32 * 2.0_f32.powi(-23);
    y.into_iter().zip(sizes).map(|(y, size)| (y, tolerance * size)).collect()
}

/// This processor's, and the twin of the Cortex-M's.
fn kernels() -> impl Iterator<Item = &'static Kernel> {
    Kernel::available().chain([Kernel::cortex_m_twin()])
}

/// Runs every layout of `kernel` from each of `encodings`, input and output shifted off their
/// natural alignment, and hands each result to `check`.
fn run(
    case: &OneLayer,
    kernel: &Kernel,
    encodings: &[(String, Encoding)],
    mut check: impl FnMut(&str, &[f32]),
) {
    let x = Shifted::new(&case.x);
    let mut y = Shifted::new(&vec![f32::MAX; case.rows()]);
    for (encoding_name, encoding) in encodings {
        let file = case.file(*encoding);
        let layer = layer(&file);
        y.get_mut().fill(f32::MAX);
        kernel.multiply(&Weights::InPlace(layer), x.get(), y.get_mut());
        check(&format!("in place, {encoding_name}"), y.get());

        let mut memory = vec![Block::ZERO; Dense::blocks(&layer)];
        let mut arena = Arena::new(&mut memory);
        let dense = Dense::new(&layer, kernel.panel(), None, &mut arena).unwrap();
        assert_eq!(arena.left(), 0, "memory asked for and not used");
        y.get_mut().fill(f32::MAX);
        kernel.multiply(&Weights::Dense(dense), x.get(), y.get_mut());
        check(&format!("dense, {encoding_name}"), y.get());

        let links = Links::new(&layer, None);
        for plan in [false, true].into_iter().flat_map(|regroup| kernel.plans(&links, regroup)) {
            let mut memory = vec![Block::ZERO; plan.blocks()];
            let mut arena = Arena::new(&mut memory);
            let weights = plan.write(&mut arena).unwrap();
            assert_eq!(arena.left(), 0, "memory asked for and not used");
            assert_eq!((weights.rows(), weights.cols()), (layer.rows(), layer.cols()));
            // What is read beyond the inputs is not used.
            let mut padded = case.x.clone();
            padded.resize(weights.input_len(), f32::NAN);
            y.get_mut().fill(f32::MAX);
            kernel.multiply(&weights, Shifted::new(&padded).get(), y.get_mut());
            let y = plan.order().map_or(y.get().to_vec(), |order| put_back(y.get(), order));
            check(&format!("{}, {encoding_name}", plan.name()), &y);
        }
    }
}

fn agrees(case: &OneLayer, encodings: &[(String, Encoding)]) {
    let oracle = oracle(case);
    for kernel in kernels() {
        run(case, kernel, encodings, |layout, y| {
            for (row, (y, (expected, tolerance))) in y.iter().zip(&oracle).enumerate() {
                assert!(
                    (y - expected).abs() <= *tolerance,
                    "{} {layout}, row {row}: {y} is not {expected} ± {tolerance}",
                    kernel.name
                );
            }
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn every_kernel_equals_the_scalar_oracle(
        encoding in prop::sample::select(encodings()),
        rows in 1_usize..=600, cols in 1_usize..=600, density in 0.0..=1.0_f64, seed: u64,
    ) {
        agrees(&OneLayer::random(rows, cols, density, seed), &[encoding]);
    }

    #[test]
    fn every_kernel_equals_the_scalar_oracle_on_structured_layers(
        encoding in prop::sample::select(encodings()),
        rows in 1_usize..=300, cols in 1_usize..=300, density in 0.0..=0.25_f64, seed: u64,
        structure in prop_oneof![
            (1_u16..=40).prop_map(|columns| Structure::Groups { columns }),
            Just(Structure::Groups { columns: 32 }),
            (1_u16..=20).prop_map(|rows| Structure::Blocks { rows }),
        ],
    ) {
        agrees(&OneLayer::structured(rows, cols, density, structure, seed), &[encoding]);
    }

    #[test]
    fn every_kernel_equals_the_scalar_oracle_on_small_and_odd_shapes(
        rows in 1_usize..=40, cols in 1_usize..=70, density in 0.0..=1.0_f64, seed: u64,
    ) {
        agrees(&OneLayer::random(rows, cols, density, seed), &encodings());
    }
}

#[test]
fn empty_and_full_layers() {
    for (rows, cols) in [(1, 1), (6, 256), (256, 17), (33, 65)] {
        for density in [0.0, 1.0] {
            agrees(&OneLayer::random(rows, cols, density, 7), &encodings());
        }
    }
}

#[test]
fn the_widest_layers() {
    for density in [0.01, 1.0] {
        agrees(&OneLayer::random(2, 65_535, density, 7), &encodings());
    }
}

#[test]
fn every_finite_f16_is_widened_exactly() {
    let values: Vec<f32> = (0..=u16::MAX)
        .map(|bits| f16::from_bits(bits).to_f32())
        .filter(|x| x.is_finite())
        .collect();
    let links = values.len();
    // Nine copies side by side, so that whole vectors and odd links both see every value.
    let case = OneLayer {
        cols: 9,
        row_ptr: (0..=links as u32).map(|row| 9 * row).collect(),
        col_idx: (0..9 * links as u32).map(|link| (link % 9) as u16).collect(),
        values: values.iter().flat_map(|&value| [value; 9]).collect(),
        x: vec![1.0; 9],
    };
    let file = case.file(Encoding { values: ValueCodec::F16, ..Encoding::PLAIN });
    let mut x = [0.0; 9];
    for (kernel, column) in kernels().flat_map(|kernel| [(kernel, 0), (kernel, 8)]) {
        x.fill(0.0);
        x[column] = 1.0;
        let mut y = vec![0.0; links];
        kernel.multiply(&Weights::InPlace(layer(&file)), &x, &mut y);
        assert_eq!(y, values, "{}, column {column}", kernel.name);
    }
}

#[test]
fn a_non_finite_input_reaches_every_output_linked_to_it() {
    let mut case = OneLayer::random(50, 90, 0.3, 11);
    let finite = oracle(&case);
    for poison in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        case.x[64] = poison;
        for kernel in kernels() {
            run(&case, kernel, &encodings(), |layout, y| {
                for (row, y) in y.iter().enumerate() {
                    let name = kernel.name;
                    if case.linked(row, 64) {
                        assert!(!y.is_finite(), "{name} {layout} hides {poison} from row {row}");
                    } else if layout.starts_with("in place") {
                        assert!((y - finite[row].0).abs() <= finite[row].1, "{name} {layout}");
                    }
                }
            });
        }
    }
}

#[test]
fn denormal_weights_become_zero_where_they_are_repacked() {
    let mut case = OneLayer::random(20, 40, 0.5, 5);
    case.values.fill(1e-42);
    case.x.fill(1e3);
    for kernel in Kernel::available() {
        let f32 = [(String::from("f32"), Encoding::PLAIN)];
        run(&case, kernel, &f32, |layout, y| {
            for (row, y) in y.iter().enumerate() {
                let linked = case.row_ptr[row] < case.row_ptr[row + 1];
                let kept = layout.starts_with("in place") && linked;
                assert_eq!(*y > 0.0, kept, "{} {layout}: {y}", kernel.name);
            }
        });
        let mut y = [1e-42, -1e-42, f32::MIN_POSITIVE];
        kernel.finish(Activation::Relu, &[0.0; 3], &mut y);
        assert_eq!(y, [0.0, 0.0, f32::MIN_POSITIVE], "{}", kernel.name);
    }
}

#[test]
fn denormal_inputs_are_kept() {
    let mut case = OneLayer::random(20, 40, 1.0, 5);
    case.values.fill(LARGEST);
    case.x.fill(0.0);
    case.x[33] = 1e-42;
    for kernel in kernels() {
        run(&case, kernel, &encodings(), |layout, y| {
            let expected = LARGEST * 1e-42;
            assert!(y.iter().all(|&y| y == expected), "{} {layout}: {y:?}", kernel.name);
        });
    }
}

/// In another order, or with a rounding between product and sum, these come out otherwise.
#[test]
fn the_cortex_m_twin_adds_in_the_order_of_the_assembly() {
    let sum_of = |weights: &[f32], x: &[f32]| {
        let cols = weights.len();
        let case = OneLayer {
            cols,
            row_ptr: vec![0, cols as u32],
            col_idx: (0..cols as u16).collect(),
            values: weights.to_vec(),
            x: x.to_vec(),
        };
        let (file, mut y) = (case.file(Encoding::PLAIN), [0.0]);
        Kernel::cortex_m_twin().multiply(&Weights::InPlace(layer(&file)), &case.x, &mut y);
        y[0]
    };
    // So large that a 1 added to it is lost.
    let large = 2.0_f32.powi(30);
    // Link 4 goes to the sum of link 0, if four are left or two, and to that of link 2 if it is the last.
    assert_eq!(sum_of(&[large, 1.0, 0.0, 0.0, -large, 0.0, 0.0, 0.0], &[1.0; 8]), 1.0);
    assert_eq!(sum_of(&[large, 1.0, 0.0, 0.0, -large, 0.0], &[1.0; 6]), 1.0);
    assert_eq!(sum_of(&[large, 1.0, 0.0, 0.0, -large], &[1.0; 5]), 0.0);
    assert_eq!(sum_of(&[0.0, 0.0, large, 1.0, -large], &[1.0; 5]), 1.0);
    assert_eq!(sum_of(&[0.0, 0.0, large, 1.0, 0.0, 0.0, -large], &[1.0; 7]), 1.0);
    // (1 + 2⁻¹²)² - 1 with one rounding.
    let factor = 1.0 + 2.0_f32.powi(-12);
    let mut weights = [0.0; 8];
    (weights[0], weights[4]) = (-1.0, factor);
    let mut x = [1.0; 8];
    x[4] = factor;
    assert_eq!(sum_of(&weights, &x), 2.0_f32.powi(-11) + 2.0_f32.powi(-24));
}

#[test]
fn rows_come_in_fours_only_where_all_of_their_columns_agree() {
    let rows = |columns: [&[u16]; 8]| {
        let mut row_ptr = vec![0];
        for row in columns {
            row_ptr.push(row_ptr[row_ptr.len() - 1] + row.len() as u32);
        }
        let col_idx = columns.concat();
        let values = vec![1.0; col_idx.len()];
        OneLayer { cols: 9, row_ptr, col_idx, values, x: vec![1.0; 9] }
    };
    let (a, b, none): (&[u16], &[u16], &[u16]) = (&[0, 3, 8], &[5], &[]);
    let cases = [
        ([a, a, a, a, b, b, b, b], true),
        ([none, none, none, none, a, a, a, a], true),
        ([a, a, a, a, b, b, b, none], false),
        ([a, a, a, a, none, b, b, b], false),
        ([a, a, a, b, b, b, b, b], false),
        ([a, a, a, &[0, 3], b, b, b, b], false),
        ([a, a, a, &[0, 3, 7], b, b, b, b], false),
    ];
    for (columns, expected) in cases {
        for (name, encoding) in encodings() {
            let case = rows(columns);
            let file = case.file(encoding);
            assert_eq!(Fours::new(layer(&file)).is_some(), expected, "{columns:?}, {name}");
        }
    }
}

#[test]
fn packed_twin_reads_any_geometry() {
    let case = OneLayer::random(45, 77, 0.2, 3);
    let (oracle, file) = (oracle(&case), case.file(Encoding::PLAIN));
    let kernel = Kernel::available().next().unwrap();
    for geometry in [
        Geometry { lanes: 4, block: 16, links: 1 },
        Geometry { lanes: 16, block: 8, links: 1 },
        Geometry { lanes: 16, block: 32, links: 4 },
        Geometry { lanes: 16, block: 32, links: 1 },
    ] {
        let plan = PackedPlan::new(&Links::new(&layer(&file), None), geometry, true);
        let mut memory = vec![Block::ZERO; plan.blocks::<f32>()];
        let packed = plan.write(&mut Arena::new(&mut memory), |_, weight| weight).unwrap();
        let mut x = case.x.clone();
        x.resize(96, 0.0);
        let mut y = vec![0.0; 45];
        kernel.multiply(&Weights::Packed(packed), &x, &mut y);
        for (y, (expected, tolerance)) in put_back(&y, plan.order()).iter().zip(&oracle) {
            assert!((y - expected).abs() <= *tolerance);
        }
    }
}

#[test]
fn even_twin_reads_every_number_of_links() {
    let structure = Structure::Groups { columns: 32 };
    for links in 1..=8 {
        let case = OneLayer::structured(83, 77, f64::from(links) / 32.0, structure, 3);
        let (oracle, file) = (oracle(&case), case.file(Encoding::PLAIN));
        let plan = EvenPlan::new(&Links::new(&layer(&file), None)).unwrap();
        let mut memory = vec![Block::ZERO; plan.blocks()];
        let even = plan.write(&mut Arena::new(&mut memory)).unwrap();
        assert_eq!(even.links(), links as usize);
        let (mut x, mut y) = (case.x.clone(), vec![0.0; 83]);
        x.resize(96, f32::NAN);
        Kernel::available().next().unwrap().multiply(&Weights::Even(even), &x, &mut y);
        for (y, (expected, tolerance)) in y.iter().zip(&oracle) {
            assert!((y - expected).abs() <= *tolerance, "{links} links: {y}, not {expected}");
        }
    }
}

#[test]
fn dense_twin_reads_panels_of_any_height() {
    let case = OneLayer::random(45, 77, 0.6, 3);
    let (oracle, file) = (oracle(&case), case.file(Encoding::PLAIN));
    for panel in [1, 3, 8, 32, 64] {
        let mut memory = vec![Block::ZERO; Dense::blocks(&layer(&file))];
        let dense = Dense::new(&layer(&file), panel, None, &mut Arena::new(&mut memory)).unwrap();
        let mut y = vec![0.0; 45];
        Kernel::available().next().unwrap().multiply(&Weights::Dense(dense), &case.x, &mut y);
        for (y, (expected, tolerance)) in y.iter().zip(&oracle) {
            assert!((y - expected).abs() <= *tolerance, "panels of {panel}");
        }
    }
}

#[test]
fn too_little_memory_is_refused() {
    let file = OneLayer::random(32, 64, 0.5, 9).file(Encoding::PLAIN);
    for kernel in Kernel::available() {
        for plan in kernel.plans(&Links::new(&layer(&file), None), true) {
            let mut memory = vec![Block::ZERO; plan.blocks() - 1];
            assert!(plan.write(&mut Arena::new(&mut memory)).is_err(), "{}", plan.name());
        }
    }
}

/// The bound holds for each kernel against f64, so also between a kernel and the scalar one, twice.
#[test]
fn activations_follow_their_functions_and_never_hide_nan() {
    let near = (-4000..=4000).map(|i| i as f32 / 400.0);
    let inputs: Vec<f32> = near.chain((-900..=900).map(|i| i as f32 / 10.0)).collect();
    let bias = vec![0.25; inputs.len()];
    for kernel in Kernel::available() {
        for activation in ACTIVATIONS {
            let mut y = inputs.clone();
            kernel.finish(activation, &bias, &mut y);
            for (y, x) in y.iter().zip(&inputs) {
                let expected = activation.apply(f64::from(x + 0.25));
                let error = (f64::from(*y) - expected).abs() / expected.abs().max(1.0);
                let name = kernel.name;
                assert!(error < 5e-7, "{name} {activation}({x} + 0.25) = {y}, not {expected}");
            }
            let mut y = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-42];
            kernel.finish(activation, &[0.0; 4], &mut y);
            assert!(y[0].is_nan(), "{} {activation}", kernel.name);
            for (y, x) in y[1..3].iter().zip([f64::INFINITY, f64::NEG_INFINITY]) {
                let limit = activation.apply(x) as f32;
                // Of products with an infinite factor there may be none.
                let agree = limit.is_nan() || y.is_nan() || (y - limit).abs() < 1e-6 || *y == limit;
                assert!(agree, "{} {activation}({x}) = {y}, not {limit}", kernel.name);
            }
        }
    }
}

/// Layer normalisation is its definition, also where all outputs are far from zero.
#[test]
fn normalisation_follows_its_definition() {
    for kernel in Kernel::available() {
        for rows in [1, 2, 15, 16, 17, 31, 32, 33, 256, 300] {
            for offset in [0.0, 100.0] {
                let wave = |row: usize, step: f32| (row as f32 * step).sin();
                let gain: Vec<f32> = (0..rows).map(|row| 1.0 + wave(row, 3.0)).collect();
                let bias: Vec<f32> = (0..rows).map(|row| offset + wave(row, 5.0)).collect();
                let mut y: Vec<f32> = (0..rows).map(|row| 2.0 * wave(row, 7.0)).collect();
                let z: Vec<f64> = y.iter().zip(&bias).map(|(y, bias)| (y + bias).into()).collect();
                kernel.normalise(1e-5, &gain, &bias, &mut y);
                let mean = z.iter().sum::<f64>() / rows as f64;
                let variance = z.iter().map(|z| (z - mean).powi(2)).sum::<f64>() / rows as f64;
                for ((y, z), gain) in y.iter().zip(z).zip(gain) {
                    let expected = (z - mean) / (variance + 1e-5).sqrt() * f64::from(gain);
                    let error = (f64::from(*y) - expected).abs();
                    let bound = 2e-6 * (1.0 + f64::from(offset));
                    assert!(error < bound, "{} {rows}: {y}, not {expected}", kernel.name);
                }
            }
        }
        let mut y = [1.0, f32::NAN, 2.0];
        kernel.normalise(1e-5, &[1.0; 3], &[0.0; 3], &mut y);
        assert!(y.iter().all(|y| y.is_nan()), "{}: {y:?}", kernel.name);
    }
}
