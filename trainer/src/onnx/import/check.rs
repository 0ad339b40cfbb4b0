//! The imported policy against the model it comes from.

use lacewing_formats::artifact::PolicyView;
use lacewing_runtime::act::Policy;
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::{Xoshiro256PlusPlus, rand_core::SeedableRng};

use super::actor::{Actor, Head, Normaliser};
use super::program::Program;
use crate::lab::policy::PolicyError;
use crate::onnx::OnnxError;

/// Observations on which both must agree.
const OBSERVATIONS: usize = 128;
/// How far an action may be off, as a share of how far it moves over those observations.
const TOLERANCE: f64 = 1e-4;
/// What f32 may be off by itself: four units in the last place.
const ROUNDING: f64 = 5e-7;

/// Random observations, always the same: around the mean of the normaliser if there is one, a third of
/// them close by and a third far out.
pub(super) fn observations(normaliser: Option<&Normaliser>, width: usize) -> Vec<Vec<f32>> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(0);
    let mut draw = || -> f64 { StandardNormal.sample(&mut rng) };
    let observation = |index: usize| {
        let reach = [1.0, 0.3, 3.0][index % 3];
        let number = |at: usize| {
            let (mean, std) = normaliser.map_or((0.0, 1.0), |by| (by.mean[at], by.std[at]));
            (mean + reach * std * draw()) as f32
        };
        (0..width).map(number).collect()
    };
    (0..OBSERVATIONS).map(observation).collect()
}

/// Refuses a program that answers the same to every observation.
pub(super) fn moves(
    program: &Program<'_>,
    normaliser: Option<&Normaliser>,
) -> Result<(), OnnxError> {
    let observations = observations(normaliser, program.width(program.input));
    let mut first = None;
    for observation in observations.iter().take(OBSERVATIONS / 4) {
        let answer = program.run(observation.iter().map(|&x| x.into()).collect())?;
        if *first.get_or_insert_with(|| answer.clone()) != answer {
            return Ok(());
        }
    }
    Err(OnnxError::Still { output: program.output.into() })
}

/// The head that an actor is checked with: its own, or where a choice would hide the scores, none that does
/// anything.
pub(super) fn open(actor: &Actor) -> Head {
    match &actor.head {
        Head::Argmax => {
            let scores = actor.layers.last().map_or(0, |last| last.linear.outputs);
            Head::Clamped(vec![(-f64::from(f32::MAX), f64::from(f32::MAX)); scores])
        }
        head => head.clone(),
    }
}

/// How far the actions of `file`, the actor with all its links and this head, are off from those of the model in f64;
/// the largest share of how far an action moves.
///
/// # Errors
/// [`OnnxError::Disagreement`] where that is more than rounding to f32 explains,
/// [`OnnxError::Answer`] where the model gives no number.
pub(super) fn compare(
    program: &Program<'_>,
    head: &Head,
    file: &[u8],
    observations: &[Vec<f32>],
) -> Result<f64, OnnxError> {
    let view = PolicyView::parse(file).map_err(|error| PolicyError::Spec(error.into()))?;
    let policy = Policy::new(view).map_err(PolicyError::from)?;
    let mut scratch = vec![0.0; policy.scratch_len()];
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for observation in observations {
        let wide = observation.iter().map(|&x| x.into()).collect();
        let answer = program.run(wide)?;
        if let Some(number) = answer.iter().position(|number| !number.is_finite()) {
            return Err(OnnxError::Answer { number });
        }
        theirs.push(limited(&answer, head));
        let mut action = vec![0.0; policy.actions()];
        policy.act(observation, &mut action, &mut scratch).map_err(PolicyError::from)?;
        ours.push(action);
    }
    let mut worst: f64 = 0.0;
    for action in 0..policy.actions() {
        let all = || theirs.iter().map(|theirs| theirs[action]);
        let spread = all().fold(f64::MIN, f64::max) - all().fold(f64::MAX, f64::min);
        for (ours, theirs) in ours.iter().map(|ours| ours[action]).zip(all()) {
            let off = (f64::from(ours) - theirs).abs();
            let rounding = ROUNDING * theirs.abs();
            // An answer that is not a number agrees with nothing.
            let agree = off <= TOLERANCE * spread || off <= rounding;
            if !agree {
                return Err(OnnxError::Disagreement { action, ours, theirs, off, spread });
            }
            worst = worst.max(if off <= rounding { 0.0 } else { off / spread });
        }
    }
    Ok(worst)
}

/// The action that a model's answer means.
fn limited(answer: &[f64], head: &Head) -> Vec<f64> {
    match head {
        Head::Argmax => answer.to_vec(),
        Head::Scaled { limits, by_user: true } => {
            let scaled = answer
                .iter()
                .zip(limits)
                .map(|(x, (low, high))| (low + (x + 1.0) / 2.0 * (high - low)).clamp(*low, *high));
            scaled.collect()
        }
        Head::Scaled { limits, .. } | Head::Clamped(limits) => {
            answer.iter().zip(limits).map(|(x, (low, high))| x.clamp(*low, *high)).collect()
        }
    }
}
