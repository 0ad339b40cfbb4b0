//! Int8 execution: every kernel equals whole-number arithmetic bit for bit, and f32 to within what
//! rounding allows.

use lacewing_formats::artifact::{AlignedBytes, PolicyView};
use lacewing_formats::codec::{Encoding, IndexCodec, ValueCodec, Values};
use lacewing_formats::topology::Structure;
use lacewing_runtime::act::{Layout, LoadError, Policy};
use lacewing_runtime::kernels::act::{INT8_BLOCK, Int8Kernel, Int8Plan, Kernel};
use lacewing_runtime::learn::{Arena, Block};
use lacewing_tests::actor;
use lacewing_tests::one_layer::{OneLayer, Shifted, layer, put_back};
use proptest::prelude::*;

fn kernels() -> impl Iterator<Item = (&'static str, &'static Int8Kernel)> {
    Kernel::available().filter_map(|kernel| Some((kernel.name, kernel.int8()?)))
}

/// An input in 8 bits, worked out from the definition: bytes, scale, what stands for zero.
fn quantised(x: &[f32]) -> (Vec<u8>, f32, i64) {
    let largest = x.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
    let negative = x.iter().any(|x| x.is_sign_negative());
    let (steps, zero) = if negative { (127.0, 128) } else { (255.0, 0) };
    let inverse = if largest == 0.0 { 0.0 } else { steps / largest };
    let byte = |x: &f32| (x * inverse).round_ties_even() as i64 + zero;
    (x.iter().map(|x| byte(x) as u8).collect(), largest / steps, zero)
}

/// Outputs worked out from the definition in whole numbers, and the f32 ones with how far rounding may
/// take them from those.
fn expected(file: &AlignedBytes, x: &[f32]) -> Vec<(f32, f64, f64)> {
    let layer = layer(file);
    let (bytes, scale, zero) = quantised(x);
    let rows = 0..layer.rows();
    let row = |row: usize| {
        let links: Vec<_> = layer.iter().filter(|link| link.0 == row).collect();
        let weight_scale = match layer.values() {
            Values::Int8 { scales, .. } => scales[row].to_f32(),
            _ => links.iter().fold(0.0_f32, |largest, link| largest.max(link.2.abs())) / 127.0,
        };
        let (mut sum, mut exact, mut error) = (0_i64, 0.0, 0.0);
        for &(_, column, weight) in &links {
            let (byte, x) = (bytes[usize::from(column)], f64::from(x[usize::from(column)]));
            let rounded = (weight / weight_scale).round_ties_even();
            let rounded = if rounded.is_nan() { 0 } else { rounded as i64 };
            sum += rounded * (i64::from(byte) - zero);
            let (w, s, t) = (f64::from(weight), f64::from(weight_scale), f64::from(scale));
            exact += w * x;
            error += 0.501 * (w.abs() * t + x.abs() * s + s * t);
        }
        (i32::try_from(sum).unwrap() as f32 * (scale * weight_scale), exact, error)
    };
    rows.map(row).collect()
}

/// Runs every int8 layout of every kernel, misaligned, and checks each output.
fn agrees(case: &OneLayer) {
    for values in [ValueCodec::F32, ValueCodec::Int8] {
        let file = case.file(Encoding { values, indices: IndexCodec::U16.into() });
        let expected = expected(&file, &case.x);
        for (name, kernel) in kernels() {
            run(kernel, &file, &case.x, |layout, y| {
                for (row, (y, (whole, exact, error))) in y.iter().zip(&expected).enumerate() {
                    let name = format!("{name} {layout} {values:?}, row {row}");
                    assert_eq!(y.to_bits(), whole.to_bits(), "{name}: {y} is not {whole}");
                    let off = (f64::from(*y) - exact).abs();
                    assert!(off <= error + 1e-30, "{name}: {y} is {off} off {exact} ± {error}");
                }
            });
        }
    }
}

fn run(kernel: &Int8Kernel, file: &AlignedBytes, x: &[f32], mut check: impl FnMut(&str, &[f32])) {
    let layer = layer(file);
    let mut bytes = Shifted::new(&vec![0xa5; x.len().next_multiple_of(INT8_BLOCK)]);
    let quantised = kernel.quantise(Shifted::new(x).get(), bytes.get_mut());
    for plan in [
        Int8Plan::sparse(&layer, None, false),
        Int8Plan::sparse(&layer, None, true),
        Int8Plan::dense(&layer, None),
    ] {
        let mut memory = vec![Block::ZERO; plan.blocks()];
        let mut arena = Arena::new(&mut memory);
        let weights = plan.write(&mut arena).unwrap();
        assert_eq!(arena.left(), 0, "memory asked for and not used");
        assert_eq!((weights.rows(), weights.cols()), (layer.rows(), layer.cols()));
        let mut y = Shifted::new(&vec![f32::MAX; layer.rows()]);
        kernel.multiply(&weights, &quantised, y.get_mut());
        let y = plan.order().map_or(y.get().to_vec(), |order| put_back(y.get(), order));
        check(if plan.is_sparse() { "sparse" } else { "dense" }, &y);
    }
    let mut memory = vec![Block::ZERO; Int8Plan::dense(&layer, None).blocks() - 1];
    assert!(Int8Plan::dense(&layer, None).write(&mut Arena::new(&mut memory)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_kernel_multiplies_whole_numbers_exactly(
        rows in 1_usize..=200, cols in 1_usize..=600, density in 0.0..=1.0_f64, seed: u64,
        structure in prop_oneof![
            Just(Structure::Unstructured), Just(Structure::Groups { columns: 32 }), Just(Structure::Blocks { rows: 16 }),
        ],
        positive: bool,
    ) {
        let mut case = OneLayer::structured(rows, cols, density, structure, seed);
        if positive {
            case.x.iter_mut().for_each(|x| *x = x.abs());
        }
        agrees(&case);
    }
}

#[test]
fn empty_full_and_widest_layers() {
    for (rows, cols, density) in
        [(1, 1, 0.0), (1, 1, 1.0), (6, 256, 1.0), (33, 129, 0.0), (2, 65_535, 1.0)]
    {
        agrees(&OneLayer::random(rows, cols, density, 7));
    }
    // The largest sums there can be.
    let mut case = OneLayer::random(1, 65_535, 1.0, 7);
    for sign in [1.0, -1.0] {
        case.x.fill(1.0);
        case.values.fill(sign);
        agrees(&case);
        case.x.fill(-1.0);
        agrees(&case);
    }
}

#[test]
fn inputs_of_zero_give_zero() {
    let mut case = OneLayer::random(40, 70, 0.5, 3);
    for zero in [0.0, -0.0, 1e-42] {
        case.x.fill(zero);
        let file = case.file(Encoding::PLAIN);
        for (name, kernel) in kernels() {
            run(kernel, &file, &case.x, |layout, y| {
                assert!(y.iter().all(|&y| y == 0.0), "{name} {layout}: {y:?}");
            });
        }
    }
}

#[test]
fn a_non_finite_input_makes_every_output_non_finite() {
    let mut case = OneLayer::random(50, 90, 0.3, 11);
    for poison in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        case.x[64] = poison;
        let file = case.file(Encoding::PLAIN);
        for (name, kernel) in kernels() {
            run(kernel, &file, &case.x, |layout, y| {
                let hidden = y.iter().position(|y| y.is_finite());
                assert_eq!(hidden, None, "{name} {layout} hides {poison}");
            });
        }
    }
}

#[test]
fn policies_act_close_to_f32_and_the_same_sparse_and_dense() {
    let network = actor::random(&[17, 256, 256, 6], 0.9, 1);
    let file = network.write(Encoding::PLAIN).unwrap();
    let view = PolicyView::parse(&file).unwrap();
    for kernel in Kernel::available().filter(|kernel| kernel.int8().is_some()) {
        for index in 0..50 {
            let observation = actor::observation(&network, index);
            let expected = actor::reference(&network, &observation);
            let mut actions = [Layout::Int8, Layout::DenseInt8].map(|layout| {
                let mut memory = vec![Block::ZERO; Policy::blocks(&view, layout, kernel)];
                let policy = Policy::with_layout(view.clone(), layout, kernel, &mut memory);
                let policy = policy.unwrap();
                let (mut action, mut scratch) = ([0.0; 6], vec![f32::NAN; policy.scratch_len()]);
                policy.act(&observation, &mut action, &mut scratch).unwrap();
                action
            });
            assert_eq!(actions[0], actions[1], "{}", kernel.name);
            for (action, expected) in actions[0].iter_mut().zip(&expected) {
                let error = (f64::from(*action) - expected).abs();
                assert!(error < 0.05, "{}: {action}, not {expected}", kernel.name);
            }
        }
    }
}

#[test]
fn a_kernel_without_int8_says_so() {
    let file = actor::random(&[3, 8, 1], 0.5, 1).write(Encoding::PLAIN).unwrap();
    let view = PolicyView::parse(&file).unwrap();
    let without = Kernel::available().filter(|kernel| kernel.int8().is_none());
    for kernel in without {
        for layout in [Layout::Int8, Layout::DenseInt8] {
            assert_eq!(Policy::blocks(&view, layout, kernel), 0);
            let result = Policy::with_layout(view.clone(), layout, kernel, &mut []).map(drop);
            assert_eq!(result, Err(LoadError::NoInt8 { kernel: kernel.name }));
        }
    }
}
