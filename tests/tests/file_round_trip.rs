//! What is written is what is read, for any shape, density and codec.

use lacewing_formats::artifact::{AlignedBytes, FileError, PolicyView, Section, SpecError};
use lacewing_formats::codec::{Encoding, IndexChoice, IndexCodec, RowTable, ValueCodec, Values};
use lacewing_formats::topology::random_topology;
use lacewing_tests::policy_file::{Layer, Owned, Shape};
use proptest::prelude::*;
use rand_core::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

/// Every pair of codecs.
fn encodings() -> Vec<Encoding> {
    let choices =
        IndexCodec::ALL.map(IndexChoice::Fixed).into_iter().chain([IndexChoice::Smallest]);
    choices.flat_map(|indices| ValueCodec::ALL.map(|values| Encoding { values, indices })).collect()
}

fn shape() -> Shape {
    let widths = vec![7, 12, 3];
    Shape { widths, density: 0.4, normaliser: true, probes: 2, resume: Some(100), seed: 1 }
}

/// Everything in the file, as arrays.
fn read(view: &PolicyView<'_>, like: &Owned) -> Owned {
    let layers = view.layers().map(|layer| {
        let mut columns = vec![0; layer.links()];
        layer.decode_columns(&mut columns);
        Layer {
            cols: layer.cols(),
            row_ptr: layer.row_ptr(),
            columns,
            weights: layer.iter().map(|(_, _, weight)| weight).collect(),
            bias: layer.bias.to_vec(),
            norm: layer.norm.map(|n| (n.epsilon, n.gain.to_vec(), n.shift.to_vec())),
            activation: layer.activation,
        }
    });
    let normaliser = view.normaliser();
    let head = view.action_head();
    assert_eq!(*view.provenance(), like.provenance);
    Owned {
        layers: layers.collect(),
        normaliser: normaliser.map(|norm| (norm.mean.to_vec(), norm.std.to_vec(), norm.clip)),
        head: head.kind(),
        low: head.limits().map_or(vec![], |limits| limits.0.to_vec()),
        high: head.limits().map_or(vec![], |limits| limits.1.to_vec()),
        control_period_s: view.header().control_period_s(),
        provenance: like.provenance,
        probes: (view.probes())
            .map(|probe| (probe.observation.to_vec(), probe.action.to_vec()))
            .collect(),
        contract: view.contract().map(|contract| contract.bytes().to_vec()),
        resume: view.resume().map(<[u8]>::to_vec),
    }
}

/// What remains of the weights in a codec; for int8 only the definition of its scale is repeated.
fn rounded(policy: &Owned, codec: ValueCodec) -> Owned {
    let mut policy = policy.clone();
    for layer in &mut policy.layers {
        for ends in layer.row_ptr.windows(2) {
            let row = &mut layer.weights[ends[0] as usize..ends[1] as usize];
            let largest = row.iter().fold(0.0, |largest: f32, weight| largest.max(weight.abs()));
            let scale = half::bf16::from_f32(largest / 127.0).to_f32();
            for weight in row {
                *weight = match codec {
                    ValueCodec::F32 => *weight,
                    ValueCodec::F16 => half::f16::from_f32(*weight).to_f32(),
                    ValueCodec::Bf16 => half::bf16::from_f32(*weight).to_f32(),
                    ValueCodec::Int8 => (*weight / scale).round_ties_even() * scale,
                };
            }
        }
    }
    policy
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn what_is_written_is_read(
        encoding in prop::sample::select(encodings()),
        widths in prop::collection::vec(1_usize..600, 2..5),
        density in prop_oneof![Just(0.0), Just(1.0), 0.0..0.02, 0.0..1.0],
        normaliser: bool,
        probes in 0_usize..4,
        resume in prop::option::of(0_usize..200),
        kind in 0_usize..3,
        seed: u64,
    ) {
        let shape = Shape { widths, density, normaliser, probes, resume, seed };
        let policy = Owned::random(&shape);
        let discrete = kind == 1;
        let policy = match kind {
            0 => policy,
            1 => policy.argmax(),
            _ => policy.foreign(seed as usize % 100),
        };
        let bytes = policy.write(encoding).unwrap();
        prop_assert_eq!(&bytes, &policy.write(encoding).unwrap());
        let view = PolicyView::parse(&bytes).unwrap();
        let found = read(&view, &policy);
        prop_assert_eq!(&found, &rounded(&policy, encoding.values));
        // What was read is written again as it was.
        prop_assert_eq!(&found.write(encoding).unwrap(), &bytes);
        prop_assert_eq!(view.header().observations(), shape.widths[0]);
        let outputs = *shape.widths.last().unwrap();
        prop_assert_eq!(view.header().outputs(), outputs);
        prop_assert_eq!(view.header().actions(), if discrete { 1 } else { outputs });
    }

    /// Constant fan-in needs no row pointers, in any codec that would have them.
    #[test]
    fn rows_of_one_length_store_none(
        encoding in prop::sample::select(encodings()),
        rows in 1_usize..40, cols in 1_usize..400, density in 0.0..=1.0, seed: u64,
    ) {
        let fan_in = (density * cols as f64) as usize;
        let mut policy = Owned::random(&Shape { widths: vec![cols, rows], density: 0.0, seed, ..shape() });
        let rng = &mut Xoshiro256PlusPlus::seed_from_u64(seed);
        let layer = &mut policy.layers[0];
        layer.row_ptr = (0..=rows).map(|row| (row * fan_in) as u32).collect();
        for _ in 0..rows {
            let mut columns = vec![0; fan_in];
            random_topology(cols, &mut [0; 2], &mut columns, rng);
            layer.weights.extend(columns.iter().map(|&column| f32::from(column) - 7.5));
            layer.columns.extend(columns);
        }
        let bytes = policy.write(encoding).unwrap();
        let view = PolicyView::parse(&bytes).unwrap();
        prop_assert_eq!(&read(&view, &policy), &rounded(&policy, encoding.values));
        prop_assert!(view.sections().all(|placed| placed.section != Section::RowPointers(0)));
    }
}

/// A one-row layer with exactly these columns.
fn row(cols: usize, columns: &[u16]) -> Owned {
    let mut policy = Owned::random(&Shape { widths: vec![cols, 1], density: 0.0, ..shape() });
    let layer = &mut policy.layers[0];
    layer.columns = columns.to_vec();
    layer.row_ptr = vec![0, columns.len() as u32];
    layer.weights = vec![0.25; columns.len()];
    policy
}

#[test]
fn gaps_around_the_escapes_survive() {
    let ends = [0, 14, 15, 16, 29, 30, 254, 255, 256, 509, 510, 511, 765, 65_534, 65_535];
    for &last in &ends {
        for first in ends.iter().filter(|&&first| first < last) {
            let policy = row(1 << 16, &[*first, last]);
            for indices in IndexCodec::ALL {
                let encoding = Encoding { indices: indices.into(), ..Encoding::PLAIN };
                let bytes = policy.write(encoding).unwrap();
                assert_eq!(read(&PolicyView::parse(&bytes).unwrap(), &policy), policy);
            }
        }
    }
}

/// Links counted in one, two and four bytes a row.
#[test]
fn rows_of_any_length_survive() {
    for (longest, bytes_per_row) in [(255, 1), (256, 2), (65_535, 2), (65_536, 4)] {
        let columns: Vec<u16> = (0..longest).map(|column| column as u16).collect();
        let mut policy = row(1 << 16, &columns);
        let layer = &mut policy.layers[0];
        layer.row_ptr.push(layer.columns.len() as u32);
        layer.bias.push(0.0);
        policy.low.push(-1.0);
        policy.high.push(1.0);
        for probe in &mut policy.probes {
            probe.1.push(0.0);
        }
        for indices in IndexCodec::ALL {
            let encoding = Encoding { indices: indices.into(), ..Encoding::PLAIN };
            let bytes = policy.write(encoding).unwrap();
            let view = PolicyView::parse(&bytes).unwrap();
            assert_eq!(read(&view, &policy), policy);
            let table = view.layers().next().unwrap().row_table();
            match indices {
                IndexCodec::U16 => assert_eq!(table, RowTable::Pointers(&[0, longest, longest])),
                IndexCodec::DeltaU8 | IndexCodec::Nibble => {
                    assert_eq!(table.bytes(), 2 * bytes_per_row, "{table:?}");
                }
                IndexCodec::Bitmap | IndexCodec::Rice => assert_eq!(table, RowTable::InColumns),
            }
        }
    }
}

#[test]
fn a_weight_that_rounds_to_zero_stays_a_link() {
    let mut policy = row(4, &[1, 3]);
    policy.layers[0].weights = vec![1e-12, 0.5];
    let bytes = policy.write(Encoding::COMPACT).unwrap();
    let layer = PolicyView::parse(&bytes).unwrap().layers().next().unwrap();
    assert_eq!(layer.iter().collect::<Vec<_>>(), [(0, 1, 0.0), (0, 3, 0.5)]);
}

#[test]
fn sections_cover_the_file_in_order_and_without_overlap() {
    let policy = Owned::random(&shape());
    let bytes = policy.write(Encoding::PLAIN).unwrap();
    let view = PolicyView::parse(&bytes).unwrap();
    let sections: Vec<_> = view.sections().collect();
    assert_eq!(sections[0].section, Section::Preamble);
    let mut end = 0;
    for placed in &sections {
        assert!(placed.offset >= end && placed.offset < end + 64, "{placed:?}");
        end = placed.offset + placed.bytes;
    }
    assert_eq!(end.next_multiple_of(64), bytes.len() as u64);
    let resume = sections.last().unwrap();
    assert_eq!((resume.section, resume.bytes), (Section::Resume, 100));
    assert!(view.resume().unwrap().as_ptr().addr().is_multiple_of(64));
    let Values::F32(weights) = view.layers().next().unwrap().values() else { panic!("not f32") };
    assert!(weights.as_ptr().addr().is_multiple_of(64));
}

#[test]
fn misaligned_bytes_are_refused_and_their_copy_is_read() {
    let bytes = Owned::random(&shape()).write(Encoding::PLAIN).unwrap();
    let mut shifted = AlignedBytes::zeroed(bytes.len() + 4);
    shifted[4..].copy_from_slice(&bytes);
    assert_eq!(PolicyView::parse(&shifted[4..]), Err(FileError::Misaligned));
    assert!(PolicyView::parse(&AlignedBytes::from(&shifted[4..])).is_ok());
}

/// A way to spoil a policy, and what the writer says of it.
type Spoil = (fn(&mut Owned), SpecError);

#[test]
fn the_writer_refuses_what_no_reader_would_take() {
    let length = |section, expected, found| SpecError::Length { section, expected, found };
    let not_finite = |section, index| FileError::NotFinite { section, index }.into();
    let cases: [Spoil; 21] = [
        (|p| p.layers.clear(), FileError::NoLayers.into()),
        (|p| p.layers = vec![p.layers[1].clone(); 17], SpecError::Layers { layers: 17 }),
        (|p| p.layers.swap(0, 1), SpecError::Inputs { layer: 1, expected: 3, found: 7 }),
        (
            |p| (p.layers[1].row_ptr, p.layers[1].columns) = (vec![0], vec![]),
            SpecError::NoOutputs { layer: 1 },
        ),
        (|p| p.layers[0].weights.truncate(33), length(Section::Weights(0), 34, 33)),
        (|p| p.layers[1].bias.push(0.0), length(Section::Biases(1), 3, 4)),
        (|p| p.layers[1].weights[2] = f32::NAN, not_finite(Section::Weights(1), 2)),
        (|p| p.layers[0].bias[3] = f32::INFINITY, not_finite(Section::Biases(0), 3)),
        (|p| p.low[1] = f32::NEG_INFINITY, not_finite(Section::Low, 1)),
        (|p| p.high[2] = p.low[2], FileError::Limits { index: 2 }.into()),
        (|p| p.high.truncate(2), length(Section::High, 3, 2)),
        (|p| p.normaliser.as_mut().unwrap().1[4] = 0.0, FileError::Std { index: 4 }.into()),
        (|p| p.normaliser.as_mut().unwrap().2 = -1.0, FileError::Clip.into()),
        (|p| p.normaliser.as_mut().unwrap().0.truncate(6), length(Section::Mean, 7, 6)),
        (|p| p.control_period_s = 0.0, FileError::ControlPeriod.into()),
        (|p| p.probes[1].1[0] = 9.0, FileError::ProbeAction { probe: 1 }.into()),
        (|p| p.probes[0].0.truncate(6), length(Section::ProbeObservations, 7, 6)),
        (|p| p.probes = vec![p.probes[0].clone(); 65], SpecError::Probes { probes: 65 }),
        (|p| p.provenance.commit = "\x1b[2J", FileError::Text.into()),
        (|p| p.provenance.method = "x".repeat(97).leak(), FileError::Text.into()),
        (
            |p| p.provenance.evaluation.as_mut().unwrap().mean = f64::NAN,
            FileError::Evaluation.into(),
        ),
    ];
    let mut policy = Owned::random(&shape()).argmax();
    policy.probes[1].1[0] = 3.0;
    let refused = FileError::ProbeAction { probe: 1 }.into();
    assert_eq!(policy.write(Encoding::PLAIN), Err(refused));
    policy.probes[1].1.push(0.0);
    assert_eq!(policy.write(Encoding::PLAIN), Err(length(Section::ProbeActions, 1, 2)));
    for (index, (spoil, expected)) in cases.into_iter().enumerate() {
        let mut policy = Owned::random(&shape());
        spoil(&mut policy);
        assert_eq!(policy.write(Encoding::PLAIN), Err(expected), "case {index}");
    }
}

/// A row's largest weight is kept to half a step, nothing is clipped, and no scale is 0.
#[test]
fn int8_keeps_rows_of_any_size() {
    for largest in [1e-45_f32, 1e-40, 1e-38, 3e-9, 0.02, 1.0, 4.0e4, 1e30, 3.3e38] {
        let mut policy = row(4, &[0, 1, 3]);
        policy.layers[0].weights = vec![-largest, 0.0, largest / 3.0];
        let encoding = Encoding { values: ValueCodec::Int8, ..Encoding::PLAIN };
        let bytes = policy.write(encoding).unwrap();
        let layer = PolicyView::parse(&bytes).unwrap().layers().next().unwrap();
        let Values::Int8 { values, scales } = layer.values() else { panic!("not int8") };
        let scale = scales[0].to_f32();
        for ((_, _, found), weight) in layer.iter().zip(&policy.layers[0].weights) {
            assert!((found - weight).abs() <= 0.51 * scale, "{found}, not {weight}");
        }
        // Below this not even the scale is a normal number.
        assert!(values[0] == -127 || largest < 1e-35, "{largest}: {values:?}");
        assert_eq!(values[1], 0);
    }
}

#[test]
fn weights_beyond_half_precision_are_refused_in_it_only() {
    let mut policy = Owned::random(&shape());
    policy.layers[1].weights[0] = 1e6;
    let refused = SpecError::Weight { layer: 1, value: 1e6, codec: ValueCodec::F16 };
    assert_eq!(policy.write(Encoding::COMPACT), Err(refused));
    assert!(policy.write(Encoding::PLAIN).is_ok());
}
