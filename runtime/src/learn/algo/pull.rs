//! Towards other actions: a pull towards the policy that a fine-tuning started from (Fujimoto & Gu 2021, eq. 3
//! to 5, with that policy's action for the recorded one), and imitation of recorded actions.

use crate::kernels::train::{TILE, Tile};
use crate::learn::agent::Scene;
use crate::learn::net::{Gradients, Trace, Wanted};
use crate::random::Xoshiro256PlusPlus;

/// Leaves what that policy answers to the observations in the actor's trace in `anchored`.
pub(super) fn look_back(scene: &Scene<'_, '_>, actor: &mut Trace<'_>, anchored: &mut [Tile]) {
    if let Some((anchor, _)) = scene.anchor {
        anchor.forward(&scene.networks[0].online, &scene.kernels, actor);
        anchored.copy_from_slice(actor.output());
    }
}

/// Adds the gradient of `w · mean |Q| · mean ‖π(s) − π₀(s)‖²` over some samples, whose values are `q`, to
/// that by the actor's outputs, and returns the sum. `action` makes an action, and its slope, of an output;
/// the first outputs are those of actions, so many.
pub(super) fn pull(
    scene: &Scene<'_, '_>,
    actor: &mut Trace<'_>,
    anchored: &[Tile],
    q: &[f32],
    actions: usize,
    action: impl Fn(f32) -> (f32, f32),
) -> f32 {
    let Some((_, weight)) = scene.anchor else { return 0.0 };
    debug_assert!(q.len() <= TILE);
    let size = q.iter().map(|q| q.abs()).sum::<f32>() / q.len() as f32;
    let then = |j: usize, i: usize| action(anchored[j].0[i]).0;
    towards(actor, (actions, q.len()), (weight * size, scene.batch), &action, then)
}

/// Leaves the gradient of the loss of imitation ([`Adapt::imitate`](crate::learn::Adapt::imitate)) over some samples, a
/// being the recorded actions, in `gradients`, and returns the sum of `‖π(s) − a‖²`. `recorded` is working memory, one row a number of an action; `action` as [`pull`] has it,
/// with the slope for that loss.
pub(super) fn imitate(
    scene: &Scene<'_, '_>,
    trace: &mut Trace<'_>,
    recorded: &mut [Tile],
    (gradients, rng): (&mut Gradients<'_>, &mut Xoshiro256PlusPlus),
    samples: &[u32],
    action: impl Fn(f32) -> (f32, f32),
) -> f32 {
    let actor = &scene.networks[0].online;
    trace.set_samples(samples.len());
    scene.load_observations(samples, trace.input(), rng, |step| step.observation);
    scene.load_actions(samples, recorded);
    actor.forward(&scene.kernels, trace);
    let outputs = trace.output().len();
    trace.gradient()[..outputs].fill(Tile::ZERO);
    let (size, a) = ((recorded.len(), samples.len()), |j: usize, i: usize| recorded[j].0[i]);
    let sum = towards(trace, size, (1.0, scene.batch), action, a);
    actor.backward(&scene.kernels, trace, Wanted::Parameters(gradients));
    sum
}

/// Adds the gradient of `strength · mean ‖π(s) − target(s)‖²` to that by the actor's outputs, and returns the
/// sum; `target` says number j of sample i's.
fn towards(
    actor: &mut Trace<'_>,
    (actions, samples): (usize, usize),
    (strength, batch): (f32, f32),
    action: impl Fn(f32) -> (f32, f32),
    target: impl Fn(usize, usize) -> f32,
) -> f32 {
    let mut sum = 0.0;
    for j in 0..actions {
        let outputs = actor.output()[j];
        let gradient = &mut actor.gradient()[j];
        for i in 0..samples {
            let ((now, slope), then) = (action(outputs.0[i]), target(j, i));
            sum += strength * (now - then) * (now - then);
            gradient.0[i] += 2.0 * strength * (now - then) * slope / batch;
        }
    }
    sum
}
