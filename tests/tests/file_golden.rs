//! Files of version 1 are read as they were, the bytes of version 2 do not change, and
//! `formats/SPEC.md` shows them as they are.

use lacewing::lab::config::{Preset, RunConfig};
use lacewing_formats::artifact::{AlignedBytes, LayerSpec, Placed, PolicySpec, PolicyView};
use lacewing_formats::codec::{Encoding, IndexCodec, RowTable, ValueCodec};
use lacewing_formats::policy::{
    ActionHead, Activation, Contract, ContractSpec, Evaluation, Head, LayerNorm,
    ObservationNormaliser, Probe, Provenance, Signal,
};
use lacewing_formats::topology::{Allocation, Csr};
use lacewing_runtime::act::Policy;
use lacewing_runtime::learn::AlgorithmKind;
use std::path::{Path, PathBuf};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("goldens/{name}.lace"))
}

/// The policy of SPEC.md's example: 3 observations, 2 hidden neurons, 1 action.
fn tiny() -> AlignedBytes {
    let layers = [
        LayerSpec {
            topology: Csr::new(3, &[0, 2, 3], &[0, 2, 1]).unwrap(),
            weights: &[0.5, -1.0, 2.0],
            bias: &[0.0, 0.25],
            norm: None,
            activation: Activation::Relu,
        },
        LayerSpec {
            topology: Csr::new(2, &[0, 2], &[0, 1]).unwrap(),
            weights: &[1.0, -0.5],
            bias: &[0.0],
            norm: None,
            activation: Activation::Tanh,
        },
    ];
    let spec = PolicySpec {
        layers: &layers,
        normaliser: Some(ObservationNormaliser {
            mean: &[0.0, 0.0, 1.0],
            std: &[1.0, 2.0, 0.5],
            clip: 5.0,
        }),
        action_head: ActionHead::Scaled { low: &[-2.0], high: &[2.0] },
        control_period_s: 0.05,
        provenance: Provenance {
            environment: "Pendulum-v1",
            algorithm: "td3",
            method: "set",
            program: "lacewing 0.1.0",
            commit: "",
            seed: 7,
            steps: 300,
            evaluation: Some(Evaluation { mean: -150.0, std: 12.5, episodes: 20 }),
        },
        // (0, 0, 1) becomes zeros, so the hidden neurons are 0 and 0.25 and the output is
        // tanh(-0.125).
        probes: &[Probe { observation: &[0.0, 0.0, 1.0], action: &[2.0 * -0.124_353] }],
        contract: None,
        resume: Some(b"opaque"),
    };
    spec.to_bytes(Encoding::COMPACT).unwrap()
}

/// Three discrete actions of two observations: the outputs are what is observed and 0.5.
fn discrete() -> AlignedBytes {
    let layers = [LayerSpec {
        topology: Csr::new(2, &[0, 1, 2, 2], &[0, 1]).unwrap(),
        weights: &[1.0, 1.0],
        bias: &[0.0, 0.0, 0.5],
        norm: None,
        activation: Activation::Identity,
    }];
    let spec = PolicySpec {
        layers: &layers,
        normaliser: None,
        action_head: ActionHead::Argmax,
        control_period_s: 0.02,
        provenance: Provenance {
            environment: "CartPole-v1",
            algorithm: "dqn",
            ..Provenance::default()
        },
        probes: &[
            Probe { observation: &[1.0, 2.0], action: &[1.0] },
            Probe { observation: &[-1.0, 0.0], action: &[2.0] },
        ],
        contract: None,
        resume: None,
    };
    spec.to_bytes(Encoding::PLAIN).unwrap()
}

/// One action by two frames of one sensor, agreed on with a robot.
fn agreed() -> AlignedBytes {
    let layers = [LayerSpec {
        topology: Csr::new(2, &[0, 2], &[0, 1]).unwrap(),
        weights: &[0.5, -1.0],
        bias: &[0.0],
        norm: None,
        activation: Activation::Tanh,
    }];
    let contract = ContractSpec {
        shifted: "gear=0.5",
        history: 2,
        previous_action: false,
        observations: vec![Signal {
            name: "hip",
            unit: "deg",
            offset: 90.0,
            scale: 0.25,
            low: Some(0.0),
            high: Some(180.0),
            rate: None,
        }],
        actions: vec![Signal { name: "hip", rate: Some(5.0), ..Signal::default() }],
    };
    let contract = contract.to_bytes().unwrap();
    let spec = PolicySpec {
        layers: &layers,
        normaliser: None,
        action_head: ActionHead::Scaled { low: &[-1.0], high: &[1.0] },
        control_period_s: 0.02,
        provenance: Provenance::default(),
        probes: &[],
        contract: Some(Contract::parse(&contract).unwrap()),
        resume: None,
    };
    spec.to_bytes(Encoding::PLAIN).unwrap()
}

/// What only imported policies have: layer normalisation, other activations, actions in the environment's
/// units.
fn imported() -> AlignedBytes {
    let layers = [
        LayerSpec {
            topology: Csr::new(2, &[0, 1, 2], &[0, 1]).unwrap(),
            weights: &[1.0, 3.0],
            bias: &[0.0, 0.0],
            norm: Some(LayerNorm { epsilon: 1e-5, gain: &[1.0, 2.0], shift: &[0.5, -0.5] }),
            activation: Activation::Elu(1.25),
        },
        LayerSpec {
            topology: Csr::new(2, &[0, 2], &[0, 1]).unwrap(),
            weights: &[1.0, 1.0],
            bias: &[0.25],
            norm: None,
            activation: Activation::LeakyRelu(0.01),
        },
    ];
    let spec = PolicySpec {
        layers: &layers,
        normaliser: None,
        action_head: ActionHead::Clamped { low: &[-20_000.0], high: &[20_000.0] },
        control_period_s: 0.02,
        provenance: Provenance::default(),
        // Sums 1 and 3 become -1 and 1, then -0.5 and 1.5, and ELU of the first is 1.25·(e^-0.5 - 1).
        probes: &[Probe { observation: &[1.0, 1.0], action: &[1.258_163] }],
        contract: None,
        resume: None,
    };
    spec.to_bytes(Encoding::COMPACT).unwrap()
}

/// Columns at the skips of every codec, a row without links, weights that all codecs hold exactly.
fn wide(encoding: Encoding) -> AlignedBytes {
    let layers = [
        LayerSpec {
            topology: Csr::new(300, &[0, 4, 4, 5], &[0, 15, 16, 271, 299]).unwrap(),
            weights: &WIDE,
            bias: &[1.0, 2.0, 3.0],
            norm: None,
            activation: Activation::Relu,
        },
        LayerSpec {
            topology: Csr::new(3, &[0, 2], &[0, 1]).unwrap(),
            weights: &[127.0, 1.0],
            bias: &[0.0],
            norm: None,
            activation: Activation::Identity,
        },
    ];
    let spec = PolicySpec {
        layers: &layers,
        normaliser: None,
        action_head: ActionHead::Scaled { low: &[-1.0], high: &[1.0] },
        control_period_s: 0.01,
        provenance: Provenance::default(),
        probes: &[],
        contract: None,
        resume: None,
    };
    spec.to_bytes(encoding).unwrap()
}

const WIDE: [f32; 5] = [63.5, -0.5, 0.0, 1.0, -127.0];

/// Each codec once.
const GOLDENS: [(&str, IndexCodec, ValueCodec); 5] = [
    ("u16", IndexCodec::U16, ValueCodec::F32),
    ("delta_u8", IndexCodec::DeltaU8, ValueCodec::F16),
    ("bitmap", IndexCodec::Bitmap, ValueCodec::Bf16),
    ("nibble", IndexCodec::Nibble, ValueCodec::Int8),
    ("rice", IndexCodec::Rice, ValueCodec::F16),
];

#[test]
fn version_2_is_still_written_as_it_was() {
    for (name, file) in [
        ("v2_example", tiny()),
        ("v2_argmax", discrete()),
        ("v2_contract", agreed()),
        ("v2_imported", imported()),
    ] {
        if std::env::var_os("LACEWING_WRITE_GOLDENS").is_some() {
            std::fs::write(golden(name), &*file).unwrap();
        }
        assert_eq!(std::fs::read(golden(name)).unwrap(), file.to_vec(), "{name}");
    }
}

/// What version 1 had to say is said in version 2 by the same bytes, but for the version and, before
/// the rest of the header, the head.
#[test]
fn version_1_is_version_2_without_a_head() {
    let wide = GOLDENS
        .map(|(name, indices, values)| (name, wide(Encoding { indices: indices.into(), values })));
    for (name, now) in wide.into_iter().chain([("example", tiny())]) {
        let then = AlignedBytes::read(golden(&format!("v1_{name}"))).unwrap();
        let [then_sections, now_sections] = [&then, &now].map(|file| {
            let view = PolicyView::parse(file).unwrap();
            assert_eq!(view.header().head(), Head::Scaled);
            let bytes = |part: Placed| file[part.offset as usize..][..part.bytes as usize].to_vec();
            view.sections().map(|part| (part.section, bytes(part))).collect::<Vec<_>>()
        });
        assert_eq!(then_sections[2..], now_sections[2..], "{name}");
        assert_eq!(now_sections[1].1, [&[0], &then_sections[1].1[..]].concat(), "{name}");
        assert_eq!((then[8], now[8]), (1, 2));
    }
}

#[test]
fn discrete_actions_are_still_read_as_they_were() {
    let bytes = AlignedBytes::read(golden("v2_argmax")).unwrap();
    let view = PolicyView::parse(&bytes).unwrap();
    assert_eq!(view.action_head(), ActionHead::Argmax);
    assert_eq!((view.header().outputs(), view.header().actions()), (3, 1));
    let probes: Vec<_> = view.probes().map(|probe| (probe.observation, probe.action)).collect();
    assert_eq!(probes, [(&[1.0, 2.0][..], &[1.0][..]), (&[-1.0, 0.0], &[2.0])]);
    let policy = Policy::new(view).unwrap();
    policy.check_probes(&mut [0.0], &mut vec![0.0; policy.scratch_len()]).unwrap();
}

#[test]
fn imported_policies_are_still_read_as_they_were() {
    let bytes = AlignedBytes::read(golden("v2_imported")).unwrap();
    let view = PolicyView::parse(&bytes).unwrap();
    let layers: Vec<_> = view.layers().collect();
    assert_eq!(layers[0].activation, Activation::Elu(1.25));
    let norm = LayerNorm { epsilon: 1e-5, gain: &[1.0, 2.0], shift: &[0.5, -0.5] };
    assert_eq!(layers[0].norm, Some(norm));
    assert_eq!((layers[1].activation, layers[1].norm), (Activation::LeakyRelu(0.01), None));
    assert_eq!(view.header().head(), Head::Clamped);
    let policy = Policy::new(view).unwrap();
    policy.check_probes(&mut [0.0], &mut vec![0.0; policy.scratch_len()]).unwrap();
    let mut action = [0.0];
    policy.act(&[1.0, 1.0], &mut action, &mut vec![0.0; policy.scratch_len()]).unwrap();
    // Not lost between limits of ±20,000.
    assert!((action[0] - 1.258_163).abs() < 1e-4, "{action:?}");
}

#[test]
fn every_codec_is_still_read_as_it_was() {
    for (name, indices, values) in GOLDENS {
        let bytes = AlignedBytes::read(golden(&format!("v1_{name}"))).unwrap();
        let view = PolicyView::parse(&bytes).unwrap();
        let layers: Vec<_> = view.layers().collect();
        assert_eq!((layers[0].indices().codec(), layers[0].values().codec()), (indices, values));
        let links: Vec<Vec<_>> = layers.iter().map(|layer| layer.iter().collect()).collect();
        let columns = [(0, 0), (0, 15), (0, 16), (0, 271), (2, 299)];
        let expected =
            columns.iter().zip(WIDE).map(|(&(row, column), weight)| (row, column, weight));
        assert_eq!(links[0], expected.collect::<Vec<_>>(), "{name}");
        assert_eq!(links[1], [(0, 0, 127.0), (0, 1, 1.0)], "{name}");
        assert_eq!(layers[0].bias, [1.0, 2.0, 3.0]);
    }
}

/// `v1_tiny` was written when gaps still came with row pointers.
#[test]
fn version_1_is_still_read_as_it_was() {
    for (name, with_pointers) in [("tiny", true), ("example", false)] {
        let bytes = AlignedBytes::read(golden(&format!("v1_{name}"))).unwrap();
        let view = PolicyView::parse(&bytes).unwrap();
        let links: Vec<Vec<_>> = view.layers().map(|layer| layer.iter().collect()).collect();
        assert_eq!(links[0], [(0, 0, 0.5), (0, 2, -1.0), (1, 1, 2.0)]);
        assert_eq!(links[1], [(0, 0, 1.0), (0, 1, -0.5)]);
        let mut tables = view.layers().map(|layer| layer.row_table());
        assert!(tables.all(|table| matches!(table, RowTable::Pointers(_)) == with_pointers));
        assert_eq!(view.resume(), Some(&b"opaque"[..]));
        assert_eq!(view.provenance().environment, "Pendulum-v1");
    }
}

/// The policies of the long runs, written before there were codecs without row pointers.
#[test]
fn records_are_still_read_and_answer_as_they_did() {
    for run in ["halfcheetah-set-90-seed1", "halfcheetah-set-lambda-seed1"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("records").join(run);
        let bytes = AlignedBytes::read(path.join("policy.lace")).unwrap();
        let view = PolicyView::parse(&bytes).unwrap();
        assert!(view.probes().len() > 0);
        let policy = Policy::new(view).unwrap();
        let (mut action, mut scratch) =
            (vec![0.0; policy.actions()], vec![0.0; policy.scratch_len()]);
        policy.check_probes(&mut action, &mut scratch).unwrap();
    }
}

/// So that `lacewing train --config` makes them again.
#[test]
fn records_are_of_the_published_ds_td3() {
    let records = Path::new(env!("CARGO_MANIFEST_DIR")).join("records");
    let structures = std::fs::read_dir(records.join("structures")).unwrap();
    let runs = structures.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let long = ["halfcheetah-set-90-seed1", "halfcheetah-set-lambda-seed1"];
    let runs: Vec<_> = runs.chain(long.map(|run| records.join(run))).collect();
    assert_eq!(runs.len(), 20);
    for run in runs {
        let config = RunConfig::from_file(&run.join("config.toml")).unwrap();
        config.validate().unwrap();
        let published = RunConfig::defaults("HalfCheetah-v5", AlgorithmKind::Td3, Preset::DsTd3);
        let published = RunConfig {
            seed: config.seed,
            steps: config.steps,
            structure: config.structure,
            sparsity: config.sparsity,
            allocation: config.sparsity.map_or(published.allocation, |_| Some(Allocation::Er)),
            ..published
        };
        assert_eq!(config, published, "{}", run.display());
    }
}

/// Lines such as `0020  03 9a 99 ...  what it is` in SPEC.md's block of bytes.
#[test]
fn the_specification_shows_every_byte() {
    let spec = Path::new(env!("CARGO_MANIFEST_DIR")).join("../formats/SPEC.md");
    let spec = std::fs::read_to_string(spec).unwrap();
    let blocks: Vec<_> = spec.split("```hexdump\n").skip(1).collect();
    assert_eq!(blocks.len(), 3);
    for (block, name) in blocks.into_iter().zip(["v2_example", "v2_argmax", "v2_contract"]) {
        let (block, _) = block.split_once("```").unwrap();
        let mut shown = shown_bytes(block);
        shown.resize(shown.len().next_multiple_of(64), 0);
        assert_eq!(shown, std::fs::read(golden(name)).unwrap(), "{name}");
    }
}

fn shown_bytes(block: &str) -> Vec<u8> {
    let mut shown = Vec::new();
    for line in block.lines() {
        let mut parts = line.split("  ").filter(|part| !part.is_empty());
        let (offset, bytes) = (parts.next().unwrap(), parts.next().unwrap());
        let offset = usize::from_str_radix(offset, 16).unwrap();
        assert!(offset >= shown.len(), "{line}");
        // What is left out is padding.
        shown.resize(offset, 0);
        shown.extend(bytes.split(' ').map(|byte| u8::from_str_radix(byte, 16).unwrap()));
    }
    shown
}
