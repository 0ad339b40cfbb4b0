//! Structured topologies stay what they are, whatever learning does to them.

use std::collections::BTreeMap;

use lacewing_formats::topology::{
    AllocationError, Change, CsrMut, Drop, GROWN, Grow, Structure, TargetRule, TopologyError,
};
use lacewing_runtime::learn::{
    Block, Learner, Mlp, Resume, ResumeHeader, Sparsity, Td3, Td3Config, Training,
};
use lacewing_tests::layer::{Layer, STRUCTURES};
use lacewing_tests::learner::{self, seeds, td3_shape, written};
use lacewing_tests::program::lacewing;
use lacewing_tests::runs::{SHORT, progress, succeed, train};
use proptest::prelude::*;
use rand_core::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

/// Also no scope may be without a link, and scopes of one size have as many.
fn assert_even(layer: &Layer) {
    let counts = layer.counts();
    let width = match layer.structure {
        Structure::ConstantFanIn => layer.cols,
        Structure::Groups { columns } => usize::from(columns).min(layer.cols),
        _ => return,
    };
    assert_eq!(counts.len(), layer.rows() * layer.cols.div_ceil(width), "a scope is empty");
    let mut by_group = BTreeMap::new();
    for ((_, group), count) in counts {
        let full = (group + 1) * width <= layer.cols;
        assert_eq!(*by_group.entry(if full { 0 } else { group }).or_insert(count), count);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn structures_hold_through_rewiring_and_following(
        structure in prop::sample::select(&STRUCTURES[..]),
        (rows, cols) in (1..70_usize, 1..70_usize),
        density in 0.01..1.0_f64,
        signed: bool,
        seed: u64,
    ) {
        let rng = &mut Xoshiro256PlusPlus::seed_from_u64(seed);
        let links = structure.nearest_links(rows, cols, density * (rows * cols) as f64);
        let shape = (rows, cols, links);
        let mut online = Layer::random(structure, shape, rng);
        let mut target = online.clone();
        let (counts, sizes) = (online.counts(), online.sizes());
        assert_even(&online);
        let rule = if signed { Drop::SignedMagnitude } else { Drop::Magnitude };
        let change = Change { fraction: 0.3, drop: rule, protect: None };
        for round in 0..6 {
            online.draw_weights(rng);
            let (before, strengths) = (online.clone(), online.strengths());
            let (source, exchanged) = online.rewire(&change, Grow::Random(rng));
            prop_assert_eq!(online.counts(), counts.clone());
            let grown = source.iter().filter(|&&from| from == GROWN).count();
            prop_assert_eq!(grown, exchanged);
            let free = counts.iter().filter(|(scope, count)| **count < sizes[*scope]);
            prop_assert!(exchanged > 0 || free.map(|(_, count)| count).sum::<usize>() < 8);
            let (old, new) = (before.places(), online.places());
            let mut kept = BTreeMap::new();
            for (at, &from) in source.iter().enumerate() {
                if from == GROWN {
                    prop_assert_eq!(online.weights[at], 0.0);
                } else {
                    prop_assert_eq!(old[from as usize], new[at]);
                    prop_assert_eq!(before.weights[from as usize], online.weights[at]);
                    kept.extend([online.cell_and_scope(new[at])]);
                }
            }
            // Nothing stays that is weaker than something that went, where there was a choice.
            if rule == Drop::Magnitude {
                let scopes: BTreeMap<_, _> =
                    old.iter().map(|&place| before.cell_and_scope(place)).collect();
                let gone = scopes.keys().filter(|cell| !kept.contains_key(cell));
                let strongest_gone = gone.map(|cell| strengths[cell]).fold(0.0, f32::max);
                for (cell, scope) in &kept {
                    prop_assert!(counts[scope] == sizes[scope] || strengths[cell] >= strongest_gone);
                }
            }

            let tau = [0.005, 0.5, 1.0][round % 3];
            let expected = target.followed(&online, tau, TargetRule::OwnTopology);
            target.follow(&mut online, tau, TargetRule::OwnTopology);
            prop_assert_eq!(target.counts(), counts.clone());
            let found = target.dense();
            prop_assert!(found.keys().eq(expected.keys()));
            for (at, weight) in found {
                prop_assert!((weight - expected[&at]).abs() <= 1e-6);
            }
        }
    }

    #[test]
    fn other_numbers_of_links_are_refused_with_the_nearest(
        structure in prop::sample::select(&STRUCTURES[..]),
        (rows, cols) in (1..50_usize, 1..50_usize),
        links in 1..2500_usize,
    ) {
        prop_assume!(links <= rows * cols);
        let (mut row_ptr, mut col_idx) = (vec![0; rows + 1], vec![0; links]);
        let rng = &mut Xoshiro256PlusPlus::seed_from_u64(1);
        match CsrMut::random(structure, cols, &mut row_ptr, &mut col_idx, rng) {
            Ok(_) => prop_assert_eq!(structure.nearest_links(rows, cols, links as f64), links),
            Err(TopologyError::Links { nearest, .. }) => {
                prop_assert!(nearest != links);
                let mut col_idx = vec![0; nearest];
                let drawn = CsrMut::random(structure, cols, &mut row_ptr, &mut col_idx, rng);
                prop_assert!(drawn.is_ok());
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}

#[test]
fn growth_is_uniform_over_the_free_places_of_the_scope() {
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(2);
    let mut grown = [0_u32; 8];
    let change = Change { fraction: 0.3, drop: Drop::Magnitude, protect: None };
    for _ in 0..4000 {
        let mut layer = Layer {
            structure: Structure::Groups { columns: 4 },
            cols: 8,
            row_ptr: vec![0, 2, 4],
            col_idx: vec![1, 6, 2, 5],
            weights: vec![0.1, 5.0, 6.0, 7.0],
        };
        let (source, exchanged) = layer.rewire(&change, Grow::Random(rng));
        assert_eq!(exchanged, 1);
        let at = source.iter().position(|&from| from == GROWN).unwrap();
        let (row, col) = layer.places()[at];
        assert_eq!(row, 0);
        grown[col] += 1;
    }
    // 4000 draws over the four places of the first group: 1000 each, sigma 27.
    assert!(grown[..4].iter().all(|grown| grown.abs_diff(1000) < 140), "{grown:?}");
    assert_eq!(grown[4..], [0; 4]);
}

#[test]
fn a_diverged_network_can_be_followed() {
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(4);
    for structure in STRUCTURES {
        let links = structure.nearest_links(20, 33, 200.0);
        let mut online = Layer::random(structure, (20, 33, links), rng);
        let mut target = Layer::random(structure, (20, 33, links), rng);
        online.weights.fill(f32::NAN);
        target.follow(&mut online, 0.5, TargetRule::OwnTopology);
        assert_eq!(target.counts(), online.counts());
    }
}

const OBSERVATIONS: usize = 17;
const ACTIONS: usize = 6;

fn sparsity(share: f64, structure: Structure) -> Sparsity {
    Sparsity { structure, ..learner::sparsity(share) }
}

#[test]
fn every_structure_meets_the_sparsity_or_names_the_nearest() {
    for structure in STRUCTURES {
        for share in [0.5, 0.7, 0.8, 0.9, 0.95, 0.97] {
            for hidden in [&[256, 256][..], &[400, 300], &[100, 50, 33]] {
                let ask = |share| {
                    let spread = sparsity(share, structure);
                    td3_shape(OBSERVATIONS, ACTIONS as u32, hidden, &spread)
                };
                let (share, shape) = match ask(share) {
                    Ok(shape) => (share, shape),
                    Err(AllocationError::Structure { nearest, .. }) => {
                        (nearest, ask(nearest).unwrap())
                    }
                    Err(AllocationError::DenseOutput { .. }) => continue,
                    Err(other) => panic!("{other}"),
                };
                let off = (shape.policy.sparsity() - share).abs();
                assert!(off <= 0.1 * (1.0 - share), "{structure} {share} {hidden:?}: {off}");
                assert_eq!(shape.critic.unwrap().structure, Structure::Unstructured);
            }
        }
    }
    // A quarter of the links must live in each group of four.
    let ask = td3_shape(17, 6, &[256, 256], &sparsity(0.9, Structure::Groups { columns: 4 }));
    let error = ask.unwrap_err().to_string();
    assert!(error.contains("n-of-4") && error.contains("nearest is 0.7"), "{error}");
    // At 90 % HalfCheetah's actor stays within a quarter of a percent point.
    for structure in STRUCTURES {
        if let Ok(shape) = td3_shape(17, 6, &[256, 256], &sparsity(0.9, structure)) {
            assert!((shape.policy.sparsity() - 0.9).abs() < 0.0025, "{structure}");
        }
    }
}

fn assert_policy(policy: &Mlp<'_>, structure: Structure) {
    for layer in policy.layers() {
        let topology = layer.topology;
        let (mut row_ptr, mut col_idx) = (topology.row_ptr().to_vec(), topology.col_idx().to_vec());
        CsrMut::new(structure, topology.cols(), &mut row_ptr, &mut col_idx).unwrap();
    }
}

#[test]
fn structures_survive_learning_and_resuming() {
    let method = learner::every_seventh();
    let config = Td3Config { batch: 8, ..Td3Config::default() };
    let training = Training { method, ..Training::default() };
    let mut transitions = learner::replay_memory(40, OBSERVATIONS, ACTIONS);
    let mut replay = learner::full_replay(&mut transitions, OBSERVATIONS, ACTIONS);
    for structure in STRUCTURES {
        // One group of 17 inputs, and widths that no block divides.
        let spread = sparsity(0.6, structure);
        let shape = td3_shape(OBSERVATIONS, ACTIONS as u32, &[67, 50], &spread).unwrap();
        let blocks = Td3::blocks(&shape, &config, &training);
        let (mut memory, mut other) = (vec![Block::ZERO; blocks], vec![Block::ZERO; blocks]);
        let mut agent = Td3::new(shape.clone(), config, training, &mut memory, seeds(3)).unwrap();
        let before: Vec<_> =
            agent.policy().layers().map(|l| l.topology.col_idx().to_vec()).collect();
        for _ in 0..30 {
            agent.update(&mut replay).unwrap();
        }
        assert_policy(agent.policy(), structure);
        let moved = agent.policy().layers().zip(&before).nth(1).unwrap();
        assert_ne!(moved.0.topology.col_idx(), moved.1, "{structure}");
        let saved = learner::save(&agent);
        let resume = Resume::parse(&saved).unwrap();
        assert_eq!(resume.shape(), &shape);
        let mut restored = resume.restore(config.into(), training, &mut other).unwrap();
        for _ in 0..30 {
            assert_eq!(agent.update(&mut replay), restored.update(&mut replay));
        }
        assert_eq!(learner::save(&agent), written(|sink| restored.save(sink)));
        assert_policy(restored.policy(), structure);
    }
}

#[test]
fn a_section_whose_links_are_not_the_structure_it_names_is_refused() {
    let (config, training) = (Td3Config::default(), Training::default());
    // So many links that they could be as many in every row.
    let spread = sparsity(0.6, Structure::ConstantFanIn);
    let fitting = td3_shape(OBSERVATIONS, ACTIONS as u32, &[64, 64], &spread).unwrap();
    let mut free = fitting.clone();
    free.policy.structure = Structure::Unstructured;
    let mut memory = vec![Block::ZERO; Td3::blocks(&free, &config, &training)];
    let agent = Td3::new(free, config, training, &mut memory, seeds(3)).unwrap();
    let saved = learner::save(&agent);
    let resume = Resume::parse(&saved).unwrap();
    for structure in [Structure::ConstantFanIn, Structure::Blocks { rows: 7 }] {
        let mut header: ResumeHeader = resume.header().clone();
        header.shape.policy.structure = structure;
        let mut forged = written(|sink| header.write(sink));
        forged.extend_from_slice(resume.body());
        let mut memory = vec![Block::ZERO; Td3::blocks(&fitting, &config, &training)];
        let error = Resume::parse(&forged)
            .and_then(|resume| resume.restore(config.into(), training, &mut memory).map(drop));
        assert!(error.unwrap_err().to_string().contains("topology"), "{structure}");
    }
}

#[test]
fn a_structured_run_repeats_and_says_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let runs = ["first", "second"].map(|name| folder.path().join(name));
    for run in &runs {
        succeed(train(&SHORT, run).args(["--structure", "k-per-32"]));
    }
    let read = |run: &std::path::Path| std::fs::read(run.join("policy.lace")).unwrap();
    assert!(read(&runs[0]) == read(&runs[1]) && progress(&runs[0]) == progress(&runs[1]));
    let mut inspect = std::process::Command::new(lacewing());
    let shown = succeed(inspect.arg("inspect").arg(&runs[0]));
    assert!(String::from_utf8_lossy(&shown.stdout).contains("set-k-per-32"));

    let refused = |arguments: &[&str], words: &str| {
        let out = folder.path().join("none");
        let output = train(&SHORT, &out).args(arguments).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && stderr.contains(words), "{stderr}");
        assert!(!out.exists());
    };
    refused(&["--structure", "blocky"], "expected `unstructured`, `constant-fan-in`");
    refused(&["--set", "structure='n-of-1'"], "expected `unstructured`, `constant-fan-in`");
    refused(&["--structure", "n-of-2"], "the nearest is");
}
