//! Whatever the bytes, the reader answers with a typed error or a policy that keeps its promises.
//!
//! Most mutated files get a correct checksum again: it guards against accidents, not against
//! intent, and all that lies behind it must hold on its own.

use lacewing_formats::artifact::{AlignedBytes, FileError, PolicyView, Section};
use lacewing_formats::codec::{Encoding, IndexCodec, ValueCodec};
use lacewing_formats::policy::{ContractSpec, Signal};
use lacewing_formats::topology::TopologyError;
use lacewing_tests::hostile::{assert_sound, seal};
use lacewing_tests::policy_file::{Owned, Shape};
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::collections::BTreeMap;
use std::mem::{Discriminant, discriminant};

/// Mutated from each of the [`bases`].
const FILES: usize = 10_000;

fn base(widths: &[usize], density: f64, encoding: Encoding) -> Vec<u8> {
    let widths = widths.to_vec();
    let shape =
        Shape { widths, density, normaliser: density > 0.2, probes: 2, resume: Some(70), seed: 3 };
    Owned::random(&shape).write(encoding).unwrap().to_vec()
}

fn discrete() -> Vec<u8> {
    let widths = vec![9, 20, 5];
    let shape = Shape { widths, density: 0.3, normaliser: true, probes: 3, resume: None, seed: 3 };
    Owned::random(&shape).argmax().write(Encoding::PLAIN).unwrap().to_vec()
}

fn agreed() -> Vec<u8> {
    let widths = vec![9, 20, 2];
    let shape = Shape { widths, density: 0.3, normaliser: true, probes: 1, resume: None, seed: 3 };
    let signal = |name| Signal { name, unit: "rad", scale: 0.5, ..Signal::default() };
    let contract = ContractSpec {
        shifted: "gear=0.5",
        history: 3,
        previous_action: true,
        observations: vec![signal("hip")],
        actions: vec![
            signal("left"),
            Signal { rate: Some(3.0), low: Some(-0.5), ..signal("right") },
        ],
    };
    let contract = Some(contract.to_bytes().unwrap());
    let policy = Owned { contract, ..Owned::random(&shape) };
    policy.write(Encoding::PLAIN).unwrap().to_vec()
}

fn foreign(first: usize) -> Vec<u8> {
    let widths = vec![9, 20, 7, 5];
    let shape = Shape { widths, density: 0.3, normaliser: true, probes: 3, resume: None, seed: 3 };
    Owned::random(&shape).foreign(first).write(Encoding::PLAIN).unwrap().to_vec()
}

fn bases() -> Vec<Vec<u8>> {
    let with = |values, indices: IndexCodec| Encoding { values, indices: indices.into() };
    let mixed = with(ValueCodec::F16, IndexCodec::U16);
    let each_codec = IndexCodec::ALL.into_iter().zip(ValueCodec::ALL.into_iter().cycle());
    let each_codec =
        each_codec.map(|(indices, values)| base(&[9, 30, 4], 0.3, with(values, indices)));
    let wide = [IndexCodec::Nibble, IndexCodec::Rice, IndexCodec::Bitmap];
    let wide = wide.map(|indices| base(&[700, 5, 1], 0.02, with(ValueCodec::F32, indices)));
    let few = vec![
        base(&[3, 4, 2], 0.5, Encoding::PLAIN),
        base(&[17, 64, 6], 0.1, Encoding::COMPACT),
        base(&[700, 5, 1], 0.02, Encoding::COMPACT),
        base(&[8, 8, 8, 8, 8], 0.3, mixed),
        base(&[1, 1], 1.0, Encoding::PLAIN),
    ];
    // As files were before there were codecs that do without row pointers.
    let old = include_bytes!("../goldens/v1_tiny.lace").to_vec();
    let others = [old, discrete(), agreed(), foreign(3), foreign(6)];
    few.into_iter().chain(each_codec).chain(wide).chain(others).collect()
}

fn below(rng: &mut impl Rng, bound: usize) -> usize {
    rng.next_u32() as usize % bound.max(1)
}

/// A random place, each section (also the small ones) as likely as any other.
fn place(rng: &mut impl Rng, sections: &[(usize, usize)]) -> usize {
    let (offset, bytes) = sections[below(rng, sections.len())];
    offset + below(rng, bytes)
}

fn mutate(rng: &mut impl Rng, bases: &[Vec<u8>]) -> Vec<u8> {
    let original = &bases[below(rng, bases.len())];
    let aligned = AlignedBytes::from(&original[..]);
    let view = PolicyView::parse(&aligned).unwrap();
    let sections = view.sections().map(|part| (part.offset as usize, part.bytes as usize));
    let sections: Vec<_> = sections.collect();
    let mut file = original.clone();
    for _ in 0..1 + below(rng, 3) {
        let at = place(rng, &sections).min(file.len().saturating_sub(1));
        match below(rng, 8) {
            0 | 1 => file[at] ^= 1 << below(rng, 8),
            2 => file[at] = [0, 1, 0x7f, 0x80, 0xff][below(rng, 5)],
            3 => {
                let words = [0, 1, 0x7f80_0000, 0xffc0_0001, u32::MAX, 0x8000_0000, 65_536];
                let word = words[below(rng, words.len())].to_le_bytes();
                let at = at / 4 * 4;
                let room = (file.len() - at).min(4);
                file[at..at + room].copy_from_slice(&word[..room]);
            }
            4 => file.truncate(at.max(1)),
            5 => {
                let bytes = 1 + below(rng, 130);
                file.extend((0..bytes).map(|_| 0));
            }
            6 => {
                let other = &bases[below(rng, bases.len())];
                let (from, bytes) = (below(rng, other.len()), 1 + below(rng, 200));
                let part = &other[from..(from + bytes).min(other.len())];
                let end = (at + part.len()).min(file.len());
                file.splice(at..end, part.iter().copied());
            }
            _ => {
                // Header bytes are few and decide most.
                let at = (32 + below(rng, 110)).min(file.len() - 1);
                file[at] = rng.next_u32() as u8;
            }
        }
    }
    if below(rng, 8) != 0 {
        seal(&mut file);
    }
    file
}

#[test]
fn mutated_files_are_refused_or_sound() {
    let bases = bases();
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(20_261_121);
    let mut errors = BTreeMap::<String, usize>::new();
    let files = FILES * bases.len();
    let mut sound = 0;
    for _ in 0..files {
        let file = AlignedBytes::from(&mutate(rng, &bases)[..]);
        match PolicyView::parse(&file) {
            Ok(view) => {
                assert_sound(&view);
                sound += 1;
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                let name = format!("{error:?}");
                let name = name.split([' ', '{']).next().unwrap_or_default().to_owned();
                *errors.entry(name).or_default() += 1;
            }
        }
    }
    // The mutations are only worth something if they get past the checksum and to every check.
    println!("{sound} sound, refused: {errors:?}");
    assert!(sound > files / 20, "only {sound} of {files} files were read");
    let behind = errors.values().sum::<usize>() - errors["Damaged"];
    assert!(behind > files / 4, "only {behind} of {files} files reached the checks behind");
    assert!(errors.len() >= 18, "only these errors were reached: {errors:?}");
}

#[test]
fn every_prefix_of_a_file_is_refused() {
    for base in bases() {
        for length in 0..base.len() {
            let mut prefix = AlignedBytes::from(&base[..length]);
            let refused = PolicyView::parse(&prefix).unwrap_err();
            assert!(matches!(refused, FileError::Truncated { .. }), "{length}: {refused}");
            seal(&mut prefix);
            assert!(PolicyView::parse(&prefix).is_err(), "{length}, sealed");
        }
    }
}

/// A file with one edit, sealed.
fn edited(base: &[u8], edit: impl FnOnce(&mut Vec<u8>)) -> FileError {
    let mut file = base.to_vec();
    edit(&mut file);
    seal(&mut file);
    PolicyView::parse(&AlignedBytes::from(&file[..])).unwrap_err()
}

fn offset(base: &[u8], section: Section) -> usize {
    let aligned = AlignedBytes::from(base);
    let view = PolicyView::parse(&aligned).unwrap();
    view.sections().find(|part| part.section == section).unwrap().offset as usize
}

#[test]
fn each_forgery_has_its_own_answer() {
    let plain = &base(&[3, 4, 2], 0.5, Encoding::PLAIN);
    let compact = &base(&[700, 5, 1], 0.02, Encoding::COMPACT);
    let int8 = Encoding { values: ValueCodec::Int8, ..Encoding::PLAIN };
    let int8 = &base(&[9, 8, 4], 0.4, int8);
    let with = |indices: IndexCodec| Encoding { indices: indices.into(), ..Encoding::PLAIN };
    let bitmap = &base(&[9, 8, 4, 1], 0.4, with(IndexCodec::Bitmap));
    let nibble = &base(&[700, 5, 1], 0.02, with(IndexCodec::Nibble));
    let discrete = &discrete();
    let rice = &base(&[700, 5, 1], 0.02, with(IndexCodec::Rice));
    // The only layer of 5 rows and 70 links: activation and values follow, then Rice, tag 4.
    let low_bits = |file: &mut Vec<u8>, bits| {
        let at = file.windows(5).position(|bytes| bytes == [5, 70, 1, 0, 4]).unwrap();
        file[at + 5] = bits;
    };
    let put = |base: &[u8], section, at: usize, bytes: &[u8]| {
        let start = offset(base, section) + at;
        edited(base, |file| file[start..start + bytes.len()].copy_from_slice(bytes))
    };
    let action = |action: f32| put(discrete, Section::ProbeActions, 8, &action.to_le_bytes());
    let nan = f32::NAN.to_le_bytes();
    let (foreign, gains) = (&foreign(4), Section::Gains(0));
    let finish = |at: usize, bytes: &[u8]| {
        let alpha = 0.01_f32.to_le_bytes();
        let code = foreign.windows(4).position(|bytes| bytes == alpha).unwrap() - 1;
        assert_eq!(foreign[code], 20);
        edited(foreign, |file| file[code + at..][..bytes.len()].copy_from_slice(bytes))
    };
    let topology = |layer, source| FileError::Topology { layer, source };
    let weights = Section::Weights(0);
    let cases = [
        (edited(plain, |file| file[0] = b'P'), FileError::NotAPolicy),
        (edited(plain, |file| file[8] = 3), FileError::Version { version: 3 }),
        (edited(plain, |file| file[28] = 1), FileError::Padding { offset: 28 }),
        (edited(plain, |file| file[24..28].fill(0xff)), FileError::Header),
        (edited(plain, |file| file[24] -= 1), FileError::Header),
        // The header starts with the head and the number of observations.
        (edited(plain, |file| file[32] = 3), FileError::Header),
        (edited(plain, |file| file[33] = 0), FileError::Width { layer: 0, width: 0 }),
        (edited(plain, |file| file[8] = 0), FileError::Version { version: 0 }),
        // Version 1 has no head: this one's, 0, is then the number of observations.
        (edited(plain, |file| file[8] = 1), FileError::Header),
        // Limits that an index needs not, and none where they are due.
        (
            edited(plain, |file| file[32] = 1),
            FileError::Layout { expected: plain.len() as u64 - 128, found: plain.len() as u64 },
        ),
        (
            edited(discrete, |file| file[32] = 0),
            FileError::Layout {
                expected: discrete.len() as u64 + 128,
                found: discrete.len() as u64,
            },
        ),
        (
            edited(plain, |file| file.extend([0; 64])),
            FileError::Layout { expected: plain.len() as u64, found: plain.len() as u64 + 64 },
        ),
        (put(plain, weights, 4, &nan), FileError::NotFinite { section: weights, index: 1 }),
        (put(compact, weights, 0, &[0, 0x7c]), FileError::NotFinite { section: weights, index: 0 }),
        (put(int8, Section::Scales(0), 6, &[0, 0]), FileError::Scale { layer: 0, row: 3 }),
        (put(int8, Section::Scales(1), 1, &[0xbf]), FileError::Scale { layer: 1, row: 0 }),
        (put(int8, Section::Scales(1), 0, &[0, 0x7f]), FileError::Scale { layer: 1, row: 0 }),
        (put(plain, Section::Std, 8, &[0; 4]), FileError::Std { index: 2 }),
        (put(plain, Section::Low, 0, &1e9_f32.to_le_bytes()), FileError::Limits { index: 0 }),
        (
            put(plain, Section::ProbeActions, 8, &1e9_f32.to_le_bytes()),
            FileError::ProbeAction { probe: 1 },
        ),
        (action(5.0), FileError::ProbeAction { probe: 2 }),
        (action(0.5), FileError::ProbeAction { probe: 2 }),
        (action(-1.0), FileError::ProbeAction { probe: 2 }),
        (action(f32::NAN), FileError::NotFinite { section: Section::ProbeActions, index: 2 }),
        (
            put(plain, Section::RowPointers(0), 0, &[1]),
            topology(0, TopologyError::RowPointerEnds { links: 6 }),
        ),
        (
            put(plain, Section::RowPointers(0), 4, &[0xff; 4]),
            topology(0, TopologyError::RowPointerOrder { row: 1 }),
        ),
        (
            put(compact, Section::RowPointers(0), 0, &[0xff]),
            topology(0, TopologyError::RowLengths { links: 70 }),
        ),
        (
            put(bitmap, Section::Columns(1), 0, &[0]),
            topology(1, TopologyError::RowLengths { links: 13 }),
        ),
        // A cell past the last in place of one of the two.
        (
            put(bitmap, Section::Columns(2), 0, &[0b1_0010]),
            topology(2, TopologyError::ColumnOrder { row: 1 }),
        ),
        (
            put(nibble, Section::Columns(0), 0, &[0xff; 32]),
            topology(0, TopologyError::ColumnOrder { row: 0 }),
        ),
        (
            put(rice, Section::Columns(0), 0, &[0; 9]),
            topology(0, TopologyError::RowLengths { links: 70 }),
        ),
        // A code, α and ε of the first layer.
        (finish(0, &[16 + 13]), FileError::Header),
        (finish(0, &[32]), FileError::Header),
        (finish(1, &nan), FileError::Finish { layer: 0 }),
        (finish(5, &nan), FileError::Finish { layer: 0 }),
        (finish(5, &[0; 4]), FileError::Finish { layer: 0 }),
        (put(foreign, gains, 4, &nan), FileError::NotFinite { section: gains, index: 1 }),
        // An unknown number of low bits: the length of the codes follows it in the header.
        (edited(rice, |file| low_bits(file, 0)), FileError::Header),
        (edited(rice, |file| low_bits(file, 25)), FileError::Header),
        (
            put(plain, Section::Columns(1), 0, &[4, 0]),
            topology(1, TopologyError::ColumnOrder { row: 0 }),
        ),
        (
            put(compact, Section::Columns(0), 0, &[255, 255, 255]),
            topology(0, TopologyError::ColumnOrder { row: 0 }),
        ),
    ];
    for (index, (found, expected)) in cases.into_iter().enumerate() {
        assert_eq!(found, expected, "case {index}");
    }
}

#[test]
fn lengths_beyond_memory_are_refused_before_anything_is_read() {
    let base = base(&[3, 4, 2], 0.5, Encoding::PLAIN);
    let mut file = AlignedBytes::from(&base[..]);
    file[16..24].fill(0xff);
    assert_eq!(PolicyView::parse(&file), Err(FileError::TooLarge { bytes: u64::MAX }));
    let kinds: Vec<Discriminant<FileError>> = [&b""[..], b"\x89LACE\r\n"]
        .map(|bytes| discriminant(&PolicyView::parse(bytes).unwrap_err()))
        .to_vec();
    let truncated = discriminant(&FileError::Truncated { expected: 0, found: 0 });
    assert_eq!(kinds, [truncated, truncated]);
}

#[test]
fn text_mode_transfer_and_other_files_are_no_policies() {
    let base = base(&[3, 4, 2], 0.5, Encoding::PLAIN);
    let text: Vec<_> = base.iter().copied().filter(|&byte| byte != b'\r').collect();
    for bytes in [&text[..], b"\x7fELF", b"hello, here is no policy at all, only a long text"] {
        assert_eq!(PolicyView::parse(&AlignedBytes::from(bytes)), Err(FileError::NotAPolicy));
    }
}
