//! RigL in every algorithm: links grow where the dense gradient, found by differences in f64, is largest.

use lacewing_runtime::learn::{Method, Replay, Role, Settings};
use lacewing_tests::learner::{fill, replay_memory, shuffled};
use lacewing_tests::methods::{BATCH, Case, OBSERVATIONS, cases, saved};
use lacewing_tests::oracle::{Scene, Step};
use lacewing_tests::saved::{Online, Saved};

type Place = (usize, usize);

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

/// How far the best place that was passed over is above the worst that was taken, over the largest of
/// the layer's gradients.
fn missed(slopes: &[Vec<f64>], grown: &[Place], kept: &[Place]) -> f64 {
    let largest = slopes.iter().flatten().fold(0.0_f64, |largest, slope| largest.max(slope.abs()));
    let mut passed = 0.0_f64;
    for (row, slopes) in slopes.iter().enumerate() {
        for (col, slope) in slopes.iter().enumerate() {
            if !grown.contains(&(row, col)) && !kept.contains(&(row, col)) {
                passed = passed.max(slope.abs());
            }
        }
    }
    let taken = grown.iter().map(|&(row, col)| slopes[row][col].abs()).fold(f64::MAX, f64::min);
    (passed - taken) / largest
}

/// Places of the links of a layer that have just grown, and of the others.
fn grown_and_kept(layer: &Online, inputs: usize) -> [Vec<Place>; 2] {
    let places = layer.links.places(inputs).into_iter().zip(&layer.ages);
    let (grown, kept): (Vec<_>, Vec<_>) = places.partition(|(_, age)| **age == 0);
    [grown, kept].map(|links| links.into_iter().map(|(place, _)| place).collect())
}

/// As many other places.
fn others(slopes: &[Vec<f64>], grown: &[Place], kept: &[Place]) -> Vec<Place> {
    let all = (0..slopes.len()).flat_map(|row| (0..slopes[0].len()).map(move |col| (row, col)));
    let free = all.filter(|place| !kept.contains(place) && !grown.contains(place));
    free.take(grown.len()).collect()
}

#[test]
fn links_grow_where_the_gradient_is_largest() {
    for case in cases().iter().filter(|case| case.name.ends_with(") rigl")) {
        let [before, after] = around_change(case);
        // The same agent at the same update without the change.
        let mut still = case.clone();
        still.training.method = Method::STATIC;
        let [_, mut present] = around_change(&still);
        let steps = minibatch(case, &before);
        let mut grew = 0;
        for network in 0..after.online.len() {
            let role = if network == 0 { Role::Policy } else { Role::Critic };
            let widths = &case.shape.network(role).widths;
            for (layer, changed) in after.online[network].iter().enumerate() {
                let [grown, kept] = grown_and_kept(changed, widths[layer] as usize);
                if !grown.is_empty() {
                    let slopes = Scene::new(&present, steps.clone()).dense_slopes(network, layer);
                    let place = format!("{}, network {network}, layer {layer}", case.name);
                    let missed_by = missed(&slopes, &grown, &kept);
                    assert!(missed_by <= 1e-5, "{place}: passed over by {missed_by}");
                    let others = others(&slopes, &grown, &kept);
                    assert!(missed(&slopes, &others, &kept) > 1e-2, "{place}: any would do");
                    grew += grown.len();
                }
                // Layers change in their order, each by the gradient that those before it leave.
                present.online[network][layer].clone_from(changed);
            }
        }
        assert!(grew > 20, "{}: {grew} links", case.name);
    }
}
