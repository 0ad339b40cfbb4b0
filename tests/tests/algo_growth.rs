//! RigL in every algorithm and every structure: links grow where the dense gradient, found by differences
//! in f64, is largest.

use lacewing_formats::topology::Structure;
use lacewing_runtime::learn::{AgentShape, Method, Replay, Role, Settings, Sparsity};
use lacewing_tests::layer::{Layer, STRUCTURES};
use lacewing_tests::learner::{fill, replay_memory, shuffled, sparsity};
use lacewing_tests::methods::{BATCH, Case, OBSERVATIONS, cases, saved};
use lacewing_tests::oracle::{Scene, Step};
use lacewing_tests::saved::{Online, Saved};
use std::collections::BTreeMap;

/// Row, or block of rows, and column.
type Cell = (usize, usize);
/// A score for every cell of a scope.
type Scores = BTreeMap<Cell, f64>;

/// The update of the first change of topology.
const CHANGE: u64 = 3;

/// An agent before and after the update of the change.
fn around_change(case: &Case) -> [Saved; 2] {
    case.with(|mut agent| {
        let mut seen = Vec::new();
        case.train(&mut agent, CHANGE, |agent, _| seen.push(saved(agent)));
        let after = seen.pop().unwrap();
        [seen.pop().unwrap(), after]
    })
}

/// The minibatch of the update of the change.
fn minibatch(case: &Case, before: &Saved) -> Vec<Step> {
    let actions = case.shape.actions;
    let mut memory = replay_memory(100, OBSERVATIONS, actions.numbers());
    let mut data = Replay::new(&mut memory, OBSERVATIONS, actions.numbers()).unwrap();
    fill(&mut data, actions);
    let noise = match case.settings {
        Settings::Td3(_) => actions.numbers(),
        Settings::Sac(_) => 2 * actions.numbers(),
        Settings::Dqn(_) => 0,
        Settings::Ppo(ppo) => {
            let fresh = case.with(|agent| saved(&agent));
            let all = (0..data.len()).map(|at| Step::stored(&data, at)).collect();
            let mut scene = Scene::new(&fresh, all);
            scene.derive(&ppo);
            let order = shuffled(data.len(), fresh.header.rng);
            let third = order.into_iter().skip(2 * BATCH as usize);
            return third.map(|at| scene.steps[at].clone()).collect();
        }
    };
    Step::drawn(before, &data, BATCH, noise)
}

/// A layer of a network as it was saved.
fn layer(case: &Case, network: usize, at: usize, online: &Online) -> Layer {
    let role = if network == 0 { Role::Policy } else { Role::Critic };
    let (shape, links) = (case.shape.network(role), online.links.clone());
    Layer {
        structure: shape.structure,
        cols: shape.widths[at] as usize,
        row_ptr: links.row_ptr,
        col_idx: links.col_idx,
        weights: links.weights,
    }
}

/// Cells whose links have just grown, and the others that are alive.
fn grown_and_kept(layer: &Layer, ages: &[u8]) -> [Vec<Cell>; 2] {
    let places = layer.places().into_iter().zip(ages);
    let (grown, kept): (Vec<_>, Vec<_>) = places.partition(|(_, age)| **age == 0);
    [grown, kept].map(|links| {
        let mut cells: Vec<_> =
            links.into_iter().map(|(place, _)| layer.cell_and_scope(place).0).collect();
        cells.dedup();
        cells
    })
}

/// Σ|slope| of every cell that was free, scope by scope.
fn scores(layer: &Layer, slopes: &[Vec<f64>], kept: &[Cell]) -> Vec<Scores> {
    let mut scopes = BTreeMap::<_, Scores>::new();
    for (row, slopes) in slopes.iter().enumerate() {
        for (col, slope) in slopes.iter().enumerate() {
            let (cell, scope) = layer.cell_and_scope((row, col));
            if !kept.contains(&cell) {
                *scopes.entry(scope).or_default().entry(cell).or_default() += slope.abs();
            }
        }
    }
    scopes.into_values().collect()
}

/// How far the best cell that was passed over is above the worst that was taken in the same scope, over
/// the highest score of the layer.
fn missed(scopes: &[Scores], grown: &[Cell]) -> f64 {
    let highest =
        scopes.iter().flat_map(Scores::values).fold(0.0_f64, |high, &score| high.max(score));
    let of_scope = |scores: &Scores| {
        let (taken, passed): (Vec<_>, Vec<_>) =
            scores.iter().partition(|(cell, _)| grown.contains(cell));
        let worst = taken.iter().map(|(_, score)| **score).fold(f64::MAX, f64::min);
        passed.iter().map(|(_, score)| **score).fold(0.0, f64::max) - worst
    };
    scopes.iter().map(of_scope).fold(f64::MIN, f64::max) / highest
}

/// In every scope as many other cells, where there are so many.
fn others(scopes: &[Scores], grown: &[Cell]) -> Vec<Cell> {
    let of_scope = |scores: &Scores| {
        let (taken, passed): (Vec<_>, Vec<_>) =
            scores.keys().copied().partition(|cell| grown.contains(cell));
        passed.into_iter().take(taken.len()).collect::<Vec<_>>()
    };
    scopes.iter().flat_map(of_scope).collect()
}

/// RigL with every algorithm.
fn rigl() -> Vec<Case> {
    cases().into_iter().filter(|case| case.name.ends_with(") rigl")).collect()
}

/// RigL of TD3 with a policy of every structure; no group or block divides its widths.
fn structured() -> Vec<Case> {
    let plain = rigl().swap_remove(0);
    let with = |structure: Structure| {
        let (kind, actions) = (plain.settings.kind(), plain.shape.actions);
        let hidden: [&[usize]; 2] = [&[38, 22], &[20, 12]];
        let sparsity = Sparsity { structure, ..sparsity(0.6) };
        let shape = AgentShape::new(kind, OBSERVATIONS, actions, hidden, &sparsity).unwrap();
        Case { name: format!("{} {structure}", plain.name), shape, ..plain.clone() }
    };
    STRUCTURES.into_iter().map(with).collect()
}

fn grows_where_the_gradient_is_largest(case: &Case) {
    let [before, after] = around_change(case);
    // The same agent at the same update without the change.
    let mut still = case.clone();
    still.training.method = Method::STATIC;
    let [_, mut present] = around_change(&still);
    let steps = minibatch(case, &before);
    let mut grew = 0;
    for network in 0..after.online.len() {
        for (at, changed) in after.online[network].iter().enumerate() {
            let layer = layer(case, network, at, changed);
            let [grown, kept] = grown_and_kept(&layer, &changed.ages);
            if !grown.is_empty() {
                let slopes = Scene::new(&present, steps.clone()).dense_slopes(network, at);
                let scopes = scores(&layer, &slopes, &kept);
                let place = format!("{}, network {network}, layer {at}", case.name);
                let missed_by = missed(&scopes, &grown);
                assert!(missed_by <= 1e-5, "{place}: passed over by {missed_by}");
                let others = others(&scopes, &grown);
                assert!(missed(&scopes, &others) > 1e-2, "{place}: any would do");
                grew += grown.len();
            }
            // Layers change in their order, each by the gradient that those before it leave.
            present.online[network][at].clone_from(changed);
        }
    }
    assert!(grew > 20, "{}: {grew} cells", case.name);
}

#[test]
fn links_grow_where_the_gradient_is_largest() {
    rigl().iter().for_each(grows_where_the_gradient_is_largest);
}

#[test]
fn cells_grow_where_the_gradient_is_largest_in_their_scope() {
    structured().iter().for_each(grows_where_the_gradient_is_largest);
}

#[test]
fn scopes_keep_their_number_of_cells_at_every_change() {
    for case in structured() {
        let layers = |saved: &Saved| -> Vec<Layer> {
            let policy = saved.online[0].iter().enumerate();
            policy.map(|(at, online)| layer(&case, 0, at, online)).collect()
        };
        let counts = |layers: &[Layer]| layers.iter().map(Layer::counts).collect::<Vec<_>>();
        case.with(|mut agent| {
            let mut before = layers(&saved(&agent));
            let (first, mut changes) = (counts(&before), 0);
            case.train(&mut agent, 30, |agent, _| {
                let mut after = layers(&saved(agent));
                // That of a structure which it has not is refused.
                for layer in &mut after {
                    layer.topology();
                }
                assert_eq!(counts(&after), first, "{}, {}", case.name, agent.updates());
                changes += usize::from(after[1].places() != before[1].places());
                before = after;
            });
            // Fewer than are due: the weakest cells are newborn, and where the gradient is largest again.
            assert!(changes > 0, "{}: no cell moved", case.name);
        });
    }
}
