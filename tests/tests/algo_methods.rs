//! Every algorithm with every method: what must hold of its networks after any update.

use lacewing_formats::topology::{Amount, Drop, TargetRule};
use lacewing_runtime::learn::{
    AgentShape, AnyAgent, Block, Growth, LearnError, Losses, Method, NetworkShape, Newborn, Resume,
};
use lacewing_tests::learner::seeds;
use lacewing_tests::methods::{Case, ITERATION, bytes, cases, saved};
use lacewing_tests::saved::{Online, Saved};

const UPDATES: u64 = 36;

/// The complaint, where something does not hold.
type Verdict = Result<(), String>;

fn demand(holds: bool, complaint: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(complaint()) }
}

fn network(shape: &AgentShape, at: usize) -> &NetworkShape {
    if at == 0 { &shape.policy } else { shape.critic.as_ref().unwrap() }
}

/// Links that a layer has after a change at `update`, where it had `before`.
fn due(method: &Method, update: u64, (dense, goal, before): (usize, usize, usize)) -> usize {
    match (method.amount, method.grow) {
        (Amount::Cubic, _) => {
            // Zhu & Gupta 2018, eq. 1.
            let span = (method.schedule.until - method.schedule.from) as f64;
            let left = 1.0 - (update - method.schedule.from) as f64 / span;
            dense - ((dense - goal) as f64 * (1.0 - left.powi(3))).round() as usize
        }
        (Amount::Constant(share), Growth::Nothing) => before - (share * before as f64) as usize,
        _ => before,
    }
}

/// The share of a layer's links that are exchanged at `update`.
fn share(method: &Method, update: u64) -> f64 {
    match method.amount {
        Amount::Constant(share) => share,
        // Evci et al. 2020, eq. 1.
        Amount::Cosine(first) => {
            let gone = update as f64 / method.schedule.until as f64;
            first / 2.0 * (1.0 + (std::f64::consts::PI * gone).cos())
        }
        Amount::Cubic => 0.0,
    }
}

fn changes(method: &Method, update: u64) -> bool {
    let schedule = &method.schedule;
    schedule.every > 0
        && (schedule.from..=schedule.until).contains(&update)
        && (update - schedule.from).is_multiple_of(schedule.every)
}

/// Checks one layer after an update.
fn check_layer(
    method: &Method,
    update: u64,
    (inputs, outputs, links, goal): (usize, usize, usize, usize),
    [before, after]: [&Online; 2],
) -> Verdict {
    let live = after.links.weights.len();
    let places = after.links.places(inputs);
    let was = before.links.weights.len();
    if !changes(method, update) {
        let same = places == before.links.places(inputs) && after.ages == before.ages;
        return demand(same, || "links moved where no change is due".into());
    }
    let expected = due(method, update, (links, goal, was));
    demand(live == expected, || format!("{live} links where {expected} are due"))?;
    demand(places.len() == live, || "places are not links".into())?;
    let newborn: Vec<_> = (0..live).filter(|&at| after.ages[at] == 0).collect();
    // Where few links are old enough, fewer go.
    let old = before.ages.iter().filter(|&&age| age >= method.protect).count();
    let mut moved = old.min((share(method, update) * was as f64) as usize);
    if method.grow == Growth::Nothing || links == inputs * outputs {
        moved = 0;
    }
    // Positive and negative links are counted apart, and rounded.
    let near = usize::from(moved > 0 && method.drop == Drop::SignedMagnitude);
    let grew = (moved - near..=moved).contains(&newborn.len());
    demand(grew, || format!("{} links grew of {moved} due", newborn.len()))?;
    for &at in &newborn {
        let [m, v] = [&after.weights[0], &after.weights[1]].map(|moments| moments[at]);
        let fresh = match method.newborn {
            Newborn::Fresh => v == 0.0,
            Newborn::LayerMean => v > 0.0 && v == after.weights[1][newborn[0]],
        };
        demand(after.links.weights[at] == 0.0 && m == 0.0 && fresh, || "an old newborn".into())?;
    }
    // All others were there before, one change younger; links that are young stay.
    let old = before.links.places(inputs);
    let age_before = |place| old.iter().position(|at| *at == place).map(|at| before.ages[at]);
    for (place, &age) in places.iter().zip(&after.ages).filter(|(_, age)| **age > 0) {
        let aged = age_before(*place).map(|age| age.saturating_add(1));
        demand(aged == Some(age), || format!("age {age} after {aged:?}"))?;
    }
    for (place, _) in old.iter().zip(&before.ages).filter(|(_, age)| **age < method.protect) {
        demand(places.contains(place), || "a protected link went".into())?;
    }
    Ok(())
}

/// Checks all networks after an update.
fn check(case: &Case, update: u64, before: &Saved, after: &Saved) -> Verdict {
    let method = &case.training.method;
    for (at, online) in after.online.iter().enumerate() {
        let shape = network(&case.shape, at);
        for (layer, (inputs, outputs, links)) in shape.layers().enumerate() {
            let size = (inputs, outputs, links, shape.goal[layer] as usize);
            let both = [&before.online[at][layer], &online[layer]];
            check_layer(method, update, size, both)
                .map_err(|complaint| format!("network {at}, layer {layer}: {complaint}"))?;
            let Some(target) = after.target[at].get(layer) else { continue };
            let found = target.places(inputs);
            // What it followed is the network before this update's change.
            let followed = both[0].links.places(inputs);
            if case.follows(update) {
                let (count, due) = (found.len(), followed.len());
                demand(count == due, || format!("a target of {count} links follows {due}"))?;
                if method.target == TargetRule::OnlineTopology {
                    demand(found == followed, || "a target has other links".into())?;
                }
            } else {
                let same = *target == before.target[at][layer];
                demand(same, || "a target moved by itself".into())?;
            }
        }
    }
    Ok(())
}

/// Trains a fresh agent under `case` and checks it as if it were `claimed`.
fn train_and_check(case: &Case, claimed: &Case) -> Verdict {
    case.with(|mut agent| {
        let mut before = saved(&agent);
        let mut verdict = Ok(());
        case.train(&mut agent, UPDATES, |agent, _| {
            let after = saved(agent);
            let now = check(claimed, agent.updates(), &before, &after)
                .map_err(|complaint| format!("{}, {}: {complaint}", case.name, agent.updates()));
            verdict = std::mem::replace(&mut verdict, Ok(())).and(now);
            before = after;
        });
        verdict
    })
}

#[test]
fn networks_are_as_their_method_says_after_every_update() {
    for case in cases() {
        train_and_check(&case, &case).unwrap();
    }
}

/// The checks see a topology that is frozen, one that moves, one that is pruned otherwise, and targets
/// that follow otherwise.
#[test]
fn a_method_that_is_not_the_one_claimed_is_seen() {
    let all = cases();
    for algorithm in all.chunks(all.len() / 5) {
        let named = |name: &str| {
            algorithm.iter().find(|case| case.name.ends_with(&format!(") {name}"))).unwrap()
        };
        let pairs = [
            ("static", "set"),
            ("set", "static"),
            ("static", "rigl"),
            ("shrink", "set"),
            ("set", "protect"),
            ("set", "layer-mean"),
            ("layer-mean", "set"),
        ];
        for (real, claimed) in pairs {
            let seen = train_and_check(named(real), named(claimed));
            assert!(seen.is_err(), "{} passes for {claimed}", named(real).name);
        }
        let targets = train_and_check(named("set"), named("online-topology"));
        let has_target = named("set").follows(0);
        assert_eq!(targets.is_err(), has_target, "{}", named("set").name);
    }
}

/// A target that has been swapped for another network's, or lost, in a saved section.
#[test]
fn a_swapped_target_is_seen() {
    for case in cases().iter().filter(|case| case.follows(0) && case.name.ends_with(") set")) {
        let (before, mut after) = case.with(|mut agent| {
            let mut seen = Vec::new();
            case.train(&mut agent, 21, |agent, _| seen.push(saved(agent)));
            let after = seen.pop().unwrap();
            (seen.pop().unwrap(), after)
        });
        // The 21st update moves no target.
        check(case, 21, &before, &after).unwrap();
        let last = after.target.len() - 1;
        let online = after.online[last].iter().map(|layer| layer.links.clone()).collect();
        after.target[last] = online;
        assert!(check(case, 21, &before, &after).is_err(), "{}", case.name);
    }
}

#[test]
fn pruned_networks_end_at_their_goal() {
    for case in cases().iter().filter(|case| case.name.ends_with("prune")) {
        let end = case.with(|mut agent| {
            case.train(&mut agent, UPDATES, |_, _| ());
            saved(&agent)
        });
        // The schedule's last change is at 28 of 30 updates: a thousandth of what goes is left.
        for (at, live) in end.header.live.iter().enumerate() {
            let shape = network(&case.shape, at);
            let left: u32 = live.online.iter().sum();
            let (all, goal) = (shape.total_links() as u32, shape.goal.iter().sum::<u32>());
            assert!(goal < all / 2 && left - goal <= all / 500, "{}: {left} of {goal}", case.name);
        }
    }
}

fn run(case: &Case) -> (Vec<u8>, Vec<Losses>) {
    case.with(|mut agent| {
        let mut losses = Vec::new();
        case.train(&mut agent, UPDATES, |_, found| losses.push(found));
        (bytes(&agent), losses)
    })
}

#[test]
fn a_repeated_run_is_the_same_bit_for_bit() {
    for case in cases() {
        assert!(run(&case) == run(&case), "{}", case.name);
        let mut shared = case.clone();
        shared.training.threads = 2;
        assert!(run(&shared) == run(&shared), "{}, two threads", case.name);
    }
}

#[test]
fn two_threads_find_the_losses_of_one() {
    for case in cases() {
        let mut shared = case.clone();
        shared.training.threads = 2;
        let (one, two) = (run(&case).1, run(&shared).1);
        // Rounding may exchange links that are as weak as each other: later ones need not agree.
        for (at, (one, two)) in one.iter().zip(&two).take(8).enumerate() {
            for (one, two) in one.iter().zip(two.iter()) {
                assert_eq!(one.is_some(), two.is_some(), "{}", case.name);
                let (one, two) = (one.unwrap_or(0.0), two.unwrap_or(0.0));
                let close = (one - two).abs() <= 1e-3 * (1.0 + one.abs());
                assert!(close, "{}, {at}: {one} {two}", case.name);
            }
        }
    }
}

#[test]
fn a_saved_agent_goes_on_bit_for_bit() {
    for case in cases() {
        // Between changes of topology, and in the middle of pruning; for PPO at an iteration's end.
        let halfway = 3 * ITERATION;
        let (middle, end) = case.with(|mut agent| {
            case.train(&mut agent, halfway, |_, _| ());
            let middle = bytes(&agent);
            case.train(&mut agent, halfway, |_, _| ());
            (middle, bytes(&agent))
        });
        let resume = Resume::parse(&middle).unwrap();
        let (settings, training) = (*resume.settings(), *resume.training());
        assert_eq!((settings, training), (case.settings, case.training));
        let mut memory = vec![Block::ZERO; AnyAgent::blocks(resume.shape(), &settings, &training)];
        let mut restored = resume.restore(settings, training, &mut memory).unwrap();
        assert!(bytes(&restored) == middle, "{}", case.name);
        assert!(Saved::read(&middle).write() == middle, "{}", case.name);
        case.train(&mut restored, halfway, |_, _| ());
        assert!(bytes(&restored) == end, "{}", case.name);
    }
}

#[test]
fn memory_asked_for_is_memory_used() {
    for mut case in cases() {
        for threads in [1, 2] {
            case.training.threads = threads;
            case.with(|mut agent| case.train(&mut agent, ITERATION, |_, _| ()));
            let mut memory = vec![Block::ZERO; case.blocks() - 1];
            let (settings, training) = (case.settings, case.training);
            let short =
                AnyAgent::new(case.shape.clone(), settings, training, &mut memory, seeds(3));
            assert!(matches!(short, Err(LearnError::Memory(_))), "{}", case.name);
        }
    }
}
