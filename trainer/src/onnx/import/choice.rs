//! What makes a choice of scores, at the end of a discrete policy: softmax, ArgMax, or both.
//!
//! Softmax keeps the order of the scores, and a policy file takes the greatest itself; so both are left out.

use super::graph::node_error;
use super::op::{Op, Step};
use super::program::Region;
use super::recognise::{near, scattered};
use crate::onnx::OnnxError;

/// Takes the steps that choose off the end; gives the tensor of the scores, where there are any.
pub(super) fn take<'a>(steps: &mut Vec<Step<'a>>) -> Result<Option<&'a str>, OnnxError> {
    let chooses = |step: &Step<'_>| matches!(step.op, Op::Softmax | Op::ArgMax);
    let Some(first) = steps.iter().position(chooses) else { return Ok(None) };
    if !steps[first..].iter().all(chooses) {
        let problem = "a softmax or ArgMax can only be the end of a discrete policy, and others follow: export \
                       the part before it (`--output NAME` picks an output)";
        return Err(node_error(steps[first].node, problem));
    }
    let scores = steps[first].from;
    steps.truncate(first);
    Ok(Some(scores))
}

/// Reads such a step, however it is spelled, by what it does.
pub(super) fn recognise(region: &Region<'_, '_>) -> Result<Option<Op>, OnnxError> {
    let (scores, outputs) = region.widths();
    Ok(match outputs {
        _ if scores < 2 => None,
        1 => arg_max(region, scores)?.then_some(Op::ArgMax),
        _ if outputs == scores => softmax(region, scores)?.then_some(Op::Softmax),
        _ => None,
    })
}

/// Softmax, or its logarithm.
fn softmax(region: &Region<'_, '_>, scores: usize) -> Result<bool, OnnxError> {
    let (mut plain, mut log) = (true, true);
    for (seed, scale) in [(1.0, 0.3), (2.0, 3.0), (3.0, 20.0)] {
        let x: Vec<f64> = scattered(scores, seed).iter().map(|x| scale * x + seed).collect();
        let found = region.run(x.clone())?;
        let normaliser = x.iter().map(|x| x.exp()).sum::<f64>().ln();
        let pairs = || found.iter().zip(x.iter().map(|x| x - normaliser));
        plain &= found.len() == scores && pairs().all(|(y, log)| near(*y, log.exp(), 1.0));
        log &= found.len() == scores && pairs().all(|(y, log)| near(*y, log, log.abs()));
    }
    Ok(plain || log)
}

/// The place of the greatest, of equals the first.
fn arg_max(region: &Region<'_, '_>, scores: usize) -> Result<bool, OnnxError> {
    let chosen = |x: Vec<f64>| Ok::<_, OnnxError>(region.run(x)?.first().copied());
    for place in 0..scores {
        // Alone, and with one as great behind it.
        for behind in [place, scores - 1] {
            let mut x = scattered(scores, 1.0 + place as f64);
            (x[place], x[behind]) = (3.0, 3.0);
            if chosen(x)? != Some(place as f64) {
                return Ok(false);
            }
        }
    }
    Ok(chosen(vec![-50.0; scores])? == Some(0.0))
}
