//! Every change of a topology against the rule read a second time, link by link.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use lacewing_formats::topology::{
    Amount, Change, CsrMut, Drop, GROWN, Grow, Protect, Scores, Structure, TargetRule,
    TopologyError, age,
};
use lacewing_tests::layer::{Layer, STRUCTURES};
use proptest::prelude::*;
use rand_core::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

type Place = (usize, usize);

/// Small whole numbers, so that there are ties and sums are exact.
fn score(seed: u64, row: usize, col: usize) -> f32 {
    let mixed = (seed ^ (row * 1009 + col * 9176) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 61) as f32
}

/// Rewires by [`score`]; returns sources, links exchanged, and the places asked for.
fn grow_by_score(
    layer: &mut Layer,
    change: &Change<'_>,
    seed: u64,
) -> (Vec<u32>, usize, Vec<Place>) {
    let mut asked = Vec::new();
    let mut score = |row: usize, columns: &[u16], out: &mut [f32]| {
        for (out, &col) in out.iter_mut().zip(columns) {
            *out = score(seed, row, col.into());
            asked.push((row, usize::from(col)));
        }
    };
    let (columns, scores) = (&mut vec![0; layer.cols], &mut vec![0.0; 2 * layer.cols]);
    let grow = Grow::<Xoshiro256PlusPlus>::Scored(Scores { score: &mut score, columns, scores });
    let (source, exchanged) = layer.rewire(change, grow);
    (source, exchanged, asked)
}

/// Places of kept and of grown links.
fn kept_and_grown(layer: &Layer, source: &[u32]) -> (BTreeSet<Place>, BTreeSet<Place>) {
    let (grown, kept): (Vec<_>, Vec<_>) =
        layer.places().into_iter().zip(source).partition(|(_, from)| **from == GROWN);
    let places = |links: Vec<(Place, &u32)>| links.into_iter().map(|(place, _)| place).collect();
    (places(kept), places(grown))
}

/// In every scope the cells with the highest scores of those that are not kept.
fn best_places(layer: &Layer, kept: &BTreeSet<Place>, seed: u64) -> BTreeSet<Place> {
    let mut free: BTreeMap<_, BTreeMap<_, (f32, Vec<Place>)>> = BTreeMap::new();
    for row in 0..layer.rows() {
        for place in (0..layer.cols).map(|col| (row, col)).filter(|at| !kept.contains(at)) {
            let (cell, scope) = layer.cell_and_scope(place);
            let of_cell = free.entry(scope).or_default().entry(cell).or_default();
            of_cell.0 += score(seed, place.0, place.1);
            of_cell.1.push(place);
        }
    }
    let mut wanted = layer.counts();
    let kept_cells: BTreeSet<_> = kept.iter().map(|&place| layer.cell_and_scope(place)).collect();
    kept_cells.iter().for_each(|(_, scope)| *wanted.get_mut(scope).unwrap() -= 1);
    let best = free.into_iter().flat_map(|(scope, cells)| {
        let mut cells: Vec<_> = cells.into_values().collect();
        // Stable: of equals the first in the order of the layer.
        cells.sort_by(|a, b| b.0.total_cmp(&a.0));
        cells.truncate(wanted.get(&scope).copied().unwrap_or(0));
        cells.into_iter().flat_map(|(_, places)| places)
    });
    best.collect()
}

fn layer() -> impl Strategy<Value = Layer> {
    let structure = prop::sample::select(&STRUCTURES[..]);
    (structure, 1..50_usize, 1..50_usize, 0.01..1.1_f64, any::<u64>()).prop_map(
        |(structure, rows, cols, density, seed)| {
            let wanted = density.min(1.0) * (rows * cols) as f64;
            let links = structure.nearest_links(rows, cols, wanted);
            let rng = &mut Xoshiro256PlusPlus::seed_from_u64(seed);
            Layer::random(structure, (rows, cols, links), rng)
        },
    )
}

fn rule() -> impl Strategy<Value = Drop> {
    prop::sample::select(&[Drop::Magnitude, Drop::SignedMagnitude][..])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_best_scores_grow_where_links_went(
        mut layer in layer(),
        drop in rule(),
        fraction in prop::sample::select(&[0.0, 0.1, 0.3, 1.0][..]),
        seed: u64,
    ) {
        let rng = &mut Xoshiro256PlusPlus::seed_from_u64(seed);
        for round in 0..4 {
            layer.draw_weights(rng);
            let (before, seed) = (layer.clone(), seed ^ round);
            let change = Change { fraction, drop, protect: None };
            let (source, exchanged, asked) = grow_by_score(&mut layer, &change, seed);
            prop_assert_eq!(layer.counts(), before.counts());
            let (kept, grown) = kept_and_grown(&layer, &source);
            prop_assert_eq!(grown.len(), exchanged);
            prop_assert_eq!(&grown, &best_places(&layer, &kept, seed));
            prop_assert!(asked.iter().all(|place| !kept.contains(place)));
            prop_assert!(asked.is_sorted_by_key(|place| place.0));
            // What goes does not depend on what comes.
            let mut other = before;
            let (source, _) = other.rewire(&change, Grow::Random(rng));
            prop_assert_eq!(kept_and_grown(&other, &source).0, kept);
        }
    }

    #[test]
    fn young_links_are_not_dropped(
        mut layer in layer(),
        drop in rule(),
        changes in 0..4_u8,
        seed: u64,
    ) {
        let rng = &mut Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut ages = vec![u8::MAX; layer.weights.len()];
        let mut unprotected = layer.clone();
        for round in 0..6 {
            let before = layer.places();
            let young = |(at, _): &(usize, &Place)| ages[*at] < changes;
            let young: Vec<_> = before.iter().enumerate().filter(young).map(|it| *it.1).collect();
            let protect = Some(Protect { ages: &ages, changes });
            let change = Change { fraction: 0.3, drop, protect };
            let (source, exchanged) = layer.rewire(&change, Grow::Random(rng));
            let (kept, grown) = kept_and_grown(&layer, &source);
            prop_assert!(young.iter().all(|place| kept.contains(place)));
            // All links are old at first, and then protection changes nothing.
            if round == 0 {
                let change = Change { protect: None, ..change };
                let (_, free) = unprotected.rewire(&change, Grow::Random(rng));
                prop_assert_eq!(exchanged, free);
            }
            age(&mut ages, &source);
            for (place, &age) in layer.places().iter().zip(&ages) {
                prop_assert_eq!(age == 0, grown.contains(place));
            }
        }
    }

    #[test]
    fn pruning_leaves_the_strongest_of_every_scope(
        mut layer in layer(),
        drop in rule(),
        share in 0.0..1.2_f64,
    ) {
        let (before, links) = (layer.clone(), layer.weights.len());
        let keep = (share * links as f64) as usize;
        let source = layer.prune(keep, drop);
        let due = layer.structure.nearest_links(layer.rows(), layer.cols, keep as f64);
        prop_assert_eq!(source.len(), due.min(links));
        // A legal topology of the structure: this panics where it is none.
        layer.topology();
        let old = before.places();
        for (at, place) in layer.places().into_iter().enumerate() {
            prop_assert_eq!(old[source[at] as usize], place);
            prop_assert_eq!(before.weights[source[at] as usize], layer.weights[at]);
        }
        if drop == Drop::Magnitude {
            let (all, left) = (before.strengths(), layer.strengths());
            let scopes: BTreeMap<_, _> = old.iter().map(|&at| before.cell_and_scope(at)).collect();
            for (gone, weak) in all.iter().filter(|(cell, _)| !left.contains_key(cell)) {
                let of_scope = left.iter().filter(|(cell, _)| scopes[cell] == scopes[gone]);
                prop_assert!(of_scope.into_iter().all(|(_, strong)| strong >= weak));
            }
        }
    }

    #[test]
    fn targets_follow_through_any_changes(
        mut online in layer(),
        rule in prop::sample::select(&[TargetRule::OwnTopology, TargetRule::OnlineTopology][..]),
        changes in prop::collection::vec(0..3_u8, 1..10),
        seed: u64,
    ) {
        let rng = &mut Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut target = online.clone();
        for (round, kind) in changes.into_iter().enumerate() {
            online.draw_weights(rng);
            let change = Change { fraction: 0.3, drop: Drop::Magnitude, protect: None };
            match kind {
                0 => drop(online.rewire(&change, Grow::Random(rng))),
                1 => drop(grow_by_score(&mut online, &change, seed)),
                _ => drop(online.prune(online.weights.len() * 3 / 4, Drop::Magnitude)),
            }
            let tau = [0.005, 0.5, 1.0][round % 3];
            let expected = target.followed(&online, tau, rule);
            target.follow(&mut online, tau, rule);
            prop_assert_eq!(target.counts(), online.counts());
            target.topology();
            if rule == TargetRule::OnlineTopology {
                prop_assert_eq!(target.places(), online.places());
            }
            let found = target.dense();
            prop_assert!(found.keys().eq(expected.keys()));
            for (at, weight) in found {
                prop_assert!((weight - expected[&at]).abs() <= 1e-6);
            }
        }
    }

    #[test]
    fn a_pruned_topology_returns_into_arrays_of_full_size(mut layer in layer(), share in 0.0..1.0) {
        let (structure, cols, room) = (layer.structure, layer.cols, layer.weights.len());
        layer.prune((share * room as f64) as usize, Drop::Magnitude);
        let links = layer.weights.len();
        let rng = &mut Xoshiro256PlusPlus::seed_from_u64(7);
        let (mut row_ptr, mut col_idx) = (vec![0; layer.rows() + 1], vec![0; room]);
        let mut restored =
            CsrMut::random(structure, cols, &mut row_ptr, &mut col_idx, rng).unwrap();
        restored.shrink_to(links).unwrap();
        let fill = |row_ptr: &mut [u32], col_idx: &mut [u16]| {
            row_ptr.copy_from_slice(&layer.row_ptr);
            col_idx.copy_from_slice(&layer.col_idx);
        };
        restored.replace(fill).unwrap();
        prop_assert_eq!(restored.view().row_ptr(), &layer.row_ptr[..]);
        prop_assert_eq!(restored.view().col_idx(), &layer.col_idx[..]);
        let error = restored.shrink_to(links + 1).unwrap_err();
        prop_assert_eq!(error, TopologyError::Room { links: links + 1, room: links });

        // The transpose of the layer shrinks with it.
        let mut link = vec![0; room];
        let (mut row_ptr, mut col_idx) = (vec![0; cols + 1], vec![0; room]);
        let mut full = Layer::random(structure, (layer.rows(), cols, room), rng);
        let full = full.topology();
        let mut columns =
            CsrMut::transposed(full.view(), &mut row_ptr, &mut col_idx, &mut link).unwrap();
        columns.transpose_from(restored.view(), &mut link[..links]);
        let places: BTreeSet<_> = layer.places().into_iter().collect();
        for col in 0..cols {
            for at in columns.view().row(col) {
                let row = usize::from(columns.view().col_idx()[at]);
                prop_assert!(places.contains(&(row, col)));
                prop_assert_eq!(usize::from(layer.col_idx[link[at] as usize]), col);
            }
        }
        prop_assert_eq!(columns.view().links(), links);
    }
}

#[test]
fn a_diverged_layer_is_pruned_to_the_same_number() {
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(4);
    for structure in STRUCTURES {
        for drop in [Drop::Magnitude, Drop::SignedMagnitude] {
            let links = structure.nearest_links(20, 33, 300.0);
            let mut layer = Layer::random(structure, (20, 33, links), rng);
            layer.weights.iter_mut().step_by(2).for_each(|weight| *weight = f32::NAN);
            let keep = structure.nearest_links(20, 33, 200.0);
            assert_eq!(layer.prune(keep, drop).len(), keep);
            layer.topology();
        }
    }
}

/// Kernels read where a view points without a check.
#[test]
fn scores_that_panic_leave_a_legal_topology() {
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(4);
    let mut layer = Layer::random(Structure::Unstructured, (9, 9, 30), rng);
    let changed = catch_unwind(AssertUnwindSafe(|| {
        let mut score = |row: usize, _: &[u16], _: &mut [f32]| assert!(row < 5, "on purpose");
        let (columns, scores) = (&mut [0; 9], &mut [0.0; 18]);
        let grow =
            Grow::<Xoshiro256PlusPlus>::Scored(Scores { score: &mut score, columns, scores });
        layer.rewire(&Change { fraction: 0.3, drop: Drop::Magnitude, protect: None }, grow)
    }));
    assert!(changed.is_err());
    assert_eq!(layer.topology().view().links(), 30);
}

#[test]
fn amounts_are_read_as_they_are_written() {
    let texts = [
        (Amount::Constant(0.05), r#"{"constant":0.05}"#),
        (Amount::Cosine(0.3), r#"{"cosine":0.3}"#),
        (Amount::Cubic, r#""cubic""#),
    ];
    for (amount, text) in texts {
        assert_eq!(serde_json::to_string(&amount).unwrap(), text);
        assert_eq!(serde_json::from_str::<Amount>(text).unwrap(), amount);
    }
    for bad in [r#"{"kind":"cubic","fraction":0.3}"#, r#"{"kind":"cosine"}"#] {
        assert!(serde_json::from_str::<Amount>(bad).is_err(), "{bad}");
    }
}
