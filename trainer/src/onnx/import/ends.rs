//! The element-wise arithmetic at the two ends of an actor: the normaliser of its observations and
//! the range of its actions.

use std::cmp::Ordering;

use tract_onnx::pb::NodeProto;

use super::graph::node_error;
use super::op::spread;
use crate::onnx::OnnxError;

/// How far two numbers may lie apart, relatively, that were rounded to f32 on their way.
const ROUNDING: f64 = 1e-6;

/// `(x - mean) / std`, then clipped to `±clip`.
pub(super) struct Normaliser {
    pub(super) mean: Vec<f64>,
    pub(super) std: Vec<f64>,
    pub(super) clip: f64,
}

/// Lower and upper limits, one a number.
pub(super) type Range = (Vec<f64>, Vec<f64>);

/// `scale · x + shift`, then clamped; all element-wise, each `None` where there is no such step.
#[derive(Default)]
pub(super) struct Affine<'a> {
    last: Option<&'a NodeProto>,
    map: Option<Vec<(f64, f64)>>,
    clamp: Option<Range>,
}

impl<'a> Affine<'a> {
    /// The last node read, if any.
    pub(super) fn node(&self) -> Option<&'a NodeProto> {
        self.last
    }

    /// Whether it does more than clamp.
    pub(super) fn scales(&self) -> bool {
        self.map.is_some()
    }

    /// Changes the map `(scale, shift)` of each element with its one of `values`.
    pub(super) fn affine(
        &mut self,
        node: &'a NodeProto,
        values: Vec<f64>,
        change: impl Fn((f64, f64), f64) -> (f64, f64),
    ) -> Result<(), String> {
        if self.clamp.is_some() {
            return Err("clipping must come after scaling and shifting".into());
        }
        let map = self.map.take().unwrap_or_else(|| vec![(1.0, 0.0)]);
        let pair = |(map, value)| change(map, value);
        self.map = Some(pairs(map, values)?.map(pair).collect());
        self.last = Some(node);
        Ok(())
    }

    /// Clamps what came so far.
    pub(super) fn clamp(
        &mut self,
        node: &'a NodeProto,
        low: Vec<f64>,
        high: Vec<f64>,
    ) -> Result<(), String> {
        let now = (vec![f64::NEG_INFINITY], vec![f64::INFINITY]);
        let (lows, highs) = self.clamp.take().unwrap_or(now);
        let low = pairs(lows, low)?.map(|(a, b)| a.max(b)).collect();
        let high = pairs(highs, high)?.map(|(a, b)| a.min(b)).collect();
        let range: Range = pairs(low, high)?.unzip();
        // Also refuses a limit that is not a number.
        if !range.0.iter().zip(&range.1).all(|(low, high)| low < high) {
            return Err("its lower limit is not below its upper".into());
        }
        self.clamp = Some(range);
        self.last = Some(node);
        Ok(())
    }

    /// As the normaliser of `inputs` observed numbers.
    pub(super) fn normaliser(self, inputs: usize) -> Result<Option<Normaliser>, OnnxError> {
        let Some(node) = self.last else {
            return Ok(None);
        };
        let fail = |problem: String| node_error(node, problem);
        let map = spread(self.map.unwrap_or_else(|| vec![(1.0, 0.0)]), inputs).map_err(fail)?;
        check_scales(&map, "observations").map_err(fail)?;
        let (low, high) = self.clamp.unwrap_or((vec![f64::NEG_INFINITY], vec![f64::INFINITY]));
        let clip = high[0];
        if low.iter().any(|&low| low != -clip) || high.iter().any(|&high| high != clip) {
            let problem = "observations can be clipped to ±c only, the same c for all";
            return Err(fail(problem.into()));
        }
        // The policy file has no normaliser without a clip: this one never acts.
        let clip = clip.min(f32::MAX.into());
        let (mean, std) = map.iter().map(|(scale, shift)| (-shift / scale, 1.0 / scale)).unzip();
        Ok(Some(Normaliser { mean, std, clip }))
    }

    /// As the range of `actions` numbers that come out of Tanh.
    ///
    /// An actor that neither scales nor shifts leaves that to its user, as those of
    /// Stable-Baselines3 do: its range is `limits`, or [-1, 1].
    pub(super) fn range_of_tanh(
        self,
        actions: usize,
        limits: Option<Range>,
    ) -> Result<Range, OnnxError> {
        let Some(node) = self.last else {
            return Ok(limits.unwrap_or_else(|| (vec![-1.0; actions], vec![1.0; actions])));
        };
        let fail = |problem: String| node_error(node, problem);
        let scales = self.scales();
        let map = spread(self.map.unwrap_or_else(|| vec![(1.0, 0.0)]), actions).map_err(fail)?;
        check_scales(&map, "actions").map_err(fail)?;
        let mut range: Range =
            map.iter().map(|(scale, shift)| (shift - scale, shift + scale)).unzip();
        if let Some((low, high)) = self.clamp {
            let (low, high) = (spread(low, actions), spread(high, actions));
            range = clamped(range, (low.map_err(fail)?, high.map_err(fail)?)).map_err(fail)?;
        }
        match limits {
            Some(limits) if !scales => Ok(limits),
            Some(limits) if (0..actions).any(|at| !same(&range, &limits, at)) => {
                let problem = "it scales its actions itself, and otherwise; leave the limits out";
                Err(OnnxError::Limits { problem: problem.into() })
            }
            _ => with_room(range),
        }
    }

    /// As the range of `actions` numbers that come out of a linear layer in the environment's
    /// units: what both `limits` and the actor's own clipping leave.
    pub(super) fn range_of_linear(
        self,
        actions: usize,
        limits: Option<Range>,
    ) -> Result<Range, OnnxError> {
        let (mut low, mut high) = limits
            .unwrap_or_else(|| (vec![f64::NEG_INFINITY; actions], vec![f64::INFINITY; actions]));
        if let (Some(node), Some(clamp)) = (self.last, self.clamp) {
            let fail = |problem: String| node_error(node, problem);
            let own = (spread(clamp.0, actions), spread(clamp.1, actions));
            let own = (own.0.map_err(fail)?, own.1.map_err(fail)?);
            low.iter_mut().zip(own.0).for_each(|(low, own)| *low = low.max(own));
            high.iter_mut().zip(own.1).for_each(|(high, own)| *high = high.min(own));
        }
        if low.iter().chain(&high).any(|limit| limit.is_infinite()) {
            return Err(OnnxError::Unlimited { actions });
        }
        with_room((low, high))
    }
}

/// Checks that a map `(scale, shift)` of each element turns none of them round.
fn check_scales(map: &[(f64, f64)], what: &str) -> Result<(), String> {
    // NaN, which compares to nothing, is not positive either.
    let positive = |scale: f64| scale.partial_cmp(&0.0) == Some(Ordering::Greater);
    match map.iter().find(|&&(scale, _)| !positive(scale)) {
        Some((scale, _)) => Err(format!("{what} are scaled by {scale}, which is not positive")),
        None => Ok(()),
    }
}

/// `range` after an actor's own clipping, which must not cut into it.
fn clamped(mut range: Range, (low, high): Range) -> Result<Range, String> {
    for (at, (low, high)) in low.into_iter().zip(high).enumerate() {
        let slack = slack(&range, at);
        if low > range.0[at] + slack || high < range.1[at] - slack {
            let reach = format!("{} to {}", range.0[at], range.1[at]);
            return Err(format!("clips action {at} tighter than its range, {reach}"));
        }
        // Where both state a limit, that of the clipping is free of rounded products.
        if (low - range.0[at]).abs() <= slack {
            range.0[at] = low;
        }
        if (high - range.1[at]).abs() <= slack {
            range.1[at] = high;
        }
    }
    Ok(range)
}

/// A range in which every action can move.
fn with_room(range: Range) -> Result<Range, OnnxError> {
    let moves = |(low, high): (&f64, &f64)| low < high && (high - low).is_finite();
    match range.0.iter().zip(&range.1).position(|limits| !moves(limits)) {
        Some(at) => Err(OnnxError::Limits {
            problem: format!("action {at} cannot lie between {} and {}", range.0[at], range.1[at]),
        }),
        None => Ok(range),
    }
}

/// Limits given by a caller, one for all actions or one each, checked.
pub(super) fn check_limits(
    (low, high): (&[f32], &[f32]),
    actions: usize,
) -> Result<Range, OnnxError> {
    let wide = |values: &[f32]| spread(values.iter().map(|&value| value.into()).collect(), actions);
    let (Ok(lows), Ok(highs)) = (wide(low), wide(high)) else {
        let problem = format!("{} lower and {} upper for {actions} actions", low.len(), high.len());
        return Err(OnnxError::Limits { problem });
    };
    with_room((lows, highs))
}

/// How far a limit of action `at` may be off after its way through f32.
fn slack((low, high): &Range, at: usize) -> f64 {
    ROUNDING * low[at].abs().max(high[at].abs())
}

fn same(a: &Range, b: &Range, at: usize) -> bool {
    let slack = slack(a, at);
    (a.0[at] - b.0[at]).abs() <= slack && (a.1[at] - b.1[at]).abs() <= slack
}

/// The elements of both side by side, each one number for all or one an element.
fn pairs<A: Clone, B: Clone>(a: Vec<A>, b: Vec<B>) -> Result<impl Iterator<Item = (A, B)>, String> {
    let width = a.len().max(b.len());
    Ok(spread(a, width)?.into_iter().zip(spread(b, width)?))
}
