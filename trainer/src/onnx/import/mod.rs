//! Dense actors trained elsewhere, read through tract.

mod actor;
mod ends;
mod graph;
mod op;
mod prune;
mod run;

use std::path::Path;

use lacewing_formats::artifact::AlignedBytes;
use lacewing_formats::codec::Encoding;
use lacewing_formats::policy::{ActionHead, ObservationNormaliser};
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::{Xoshiro256PlusPlus, rand_core::SeedableRng};

use self::actor::Actor;
use self::graph::Graph;
use self::prune::{narrow, prune};
pub use self::run::TractActor;
use super::{ImportOptions, OnnxError};
use crate::lab::policy::Facts;
use crate::lab::{files, policy};

/// Observations on which tract and the imported network must agree.
const CHECKS: usize = 32;

/// Those of them that become the policy's probes.
const PROBES: usize = 4;

/// Reads the dense actor in the ONNX file at `path`, prunes it by magnitude, and gives the policy
/// file.
///
/// The actor is a chain of Gemm or MatMul + Add, Relu and Tanh from one input `[batch, n]` to one
/// output `[batch, m]` (or one named `action`), as Stable-Baselines3 exports it. Scaling, shifting
/// and clipping of the observations become the policy's normaliser, those of the actions its range.
/// What tract computes from the same file must agree.
///
/// The weights of the network so read, with outputs in [-1, 1], are what magnitudes are compared in.
///
/// # Errors
/// [`OnnxError`] where the file cannot be read or is no such chain (naming the node), where limits
/// are missing or wrong, and where the sparsity is impossible.
pub fn import(path: &Path, options: &ImportOptions<'_>) -> Result<AlignedBytes, OnnxError> {
    let bytes = files::read(path)?;
    let model = graph::parse(&bytes)?;
    let folder = path.parent().and_then(Path::to_str);
    let graph = Graph::new(&model, folder)?;
    let steps = op::steps(&graph)?;
    let inputs = op::inputs(&steps)?;
    let nodes: Vec<_> = steps.iter().map(|&(node, _)| node).collect();
    let actor = Actor::assemble(steps, options.limits)?;
    let tract = TractActor::prepare(&graph, &nodes, inputs, &model, folder)?;
    let observations = observations(inputs);
    check(&actor, tract, &observations)?;
    let layers = prune(&actor.layers, options.sparsity, options.allocation)?;

    let (low, high) = (narrow(&actor.low), narrow(&actor.high));
    let normaliser = actor
        .normaliser
        .map(|normaliser| (narrow(&normaliser.mean), narrow(&normaliser.std), normaliser.clip));
    let facts = Facts {
        normaliser: normaliser.as_ref().map(|(mean, std, clip)| ObservationNormaliser {
            mean,
            std,
            clip: *clip as f32,
        }),
        action_head: ActionHead::Scaled { low: &low, high: &high },
        control_period_s: options.control_period_s,
        provenance: options.provenance,
        contract: None,
        resume: None,
    };
    Ok(policy::to_bytes(&layers, &facts, &observations[..PROBES], Encoding::PLAIN)?)
}

/// Random observations, always the same.
fn observations(width: usize) -> Vec<Vec<f32>> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
    let mut draw = || StandardNormal.sample(&mut rng);
    (0..CHECKS).map(|_| (0..width).map(|_| draw()).collect()).collect()
}

/// Asks tract and `actor` for the same actions: two readings of one file that must agree.
fn check(actor: &Actor, mut tract: TractActor, observations: &[Vec<f32>]) -> Result<(), OnnxError> {
    let mut answer = vec![0.0; actor.low.len()];
    for observation in observations {
        tract.run(observation, &mut answer)?;
        for (action, (ours, &theirs)) in actor.act(observation).into_iter().zip(&answer).enumerate()
        {
            let (low, high) = (actor.low[action], actor.high[action]);
            let expected = if actor.normalised {
                actor.scale(action, theirs.into())
            } else {
                f64::from(theirs).clamp(low, high)
            };
            // An answer that is not a number agrees with nothing.
            let agree = (ours - expected).abs() <= 1e-4 * (high - low);
            if !agree {
                let (ours, theirs) = (ours as f32, expected as f32);
                return Err(OnnxError::Disagreement { action, ours, theirs });
            }
        }
    }
    Ok(())
}
