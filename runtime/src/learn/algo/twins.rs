//! Twin critics as TD3 and SAC have them: the lesser target value, and a step towards given targets.

use crate::kernels::train::{TILE, Tile};
use crate::learn::agent::{Network, Scene};
use crate::learn::net::{Gradients, Trace, Wanted};
use crate::random::Xoshiro256PlusPlus;

/// `min Q′ᵢ` of what is in the trace's input, for every sample (Fujimoto et al. 2018, §4.2); NaN where a
/// value is.
pub(super) fn lesser_value(
    scene: &Scene<'_, '_>,
    critics: &[Network<'_>],
    trace: &mut Trace<'_>,
) -> [f32; TILE] {
    let mut lesser = [f32::INFINITY; TILE];
    for critic in critics {
        critic.forward_target(&scene.kernels, trace);
        for (lesser, q) in lesser.iter_mut().zip(trace.output()[0].0) {
            *lesser = if q < *lesser || q.is_nan() { q } else { *lesser };
        }
    }
    lesser
}

/// Adds the gradients of `Σᵢ mean (Qᵢ(s, a) − y)²` over some samples to `gradients`, and the squares to
/// `loss`.
pub(super) fn regress(
    scene: &Scene<'_, '_>,
    (critics, gradients): (&[Network<'_>], &mut [Gradients<'_>]),
    trace: &mut Trace<'_>,
    samples: &[u32],
    targets: &[f32; TILE],
    noise: &mut Xoshiro256PlusPlus,
    loss: &mut f32,
) {
    let (observation, action) = trace.input().split_at_mut(scene.data.observations());
    scene.load_observations(samples, observation, noise, |step| step.observation);
    scene.load_actions(samples, action);
    for (critic, gradients) in critics.iter().zip(gradients) {
        critic.online.forward(&scene.kernels, trace);
        let q = trace.output()[0].0;
        let mut gradient = Tile::ZERO;
        for (i, target) in targets.iter().enumerate().take(samples.len()) {
            let error = q[i] - target;
            *loss += error * error;
            gradient.0[i] = 2.0 * error / scene.batch;
        }
        trace.gradient()[0] = gradient;
        critic.online.backward(&scene.kernels, trace, Wanted::Parameters(gradients));
    }
}
