//! A pull towards the policy that a fine-tuning started from (Fujimoto & Gu 2021, eq. 3 to 5, with that
//! policy's action for the recorded one).

use crate::kernels::train::{TILE, Tile};
use crate::learn::agent::Scene;
use crate::learn::net::Trace;

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
    let (strength, mut sum) = (weight * size, 0.0);
    for (j, anchored) in anchored[..actions].iter().enumerate() {
        let outputs = actor.output()[j];
        let gradient = &mut actor.gradient()[j];
        for i in 0..q.len() {
            let ((now, slope), (then, _)) = (action(outputs.0[i]), action(anchored.0[i]));
            sum += strength * (now - then) * (now - then);
            gradient.0[i] += 2.0 * strength * (now - then) * slope / scene.batch;
        }
    }
    sum
}
