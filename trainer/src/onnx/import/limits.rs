//! The limits of an actor's actions.

use lacewing_formats::policy::Activation;

use super::actor::{Head, Limits};
use crate::onnx::OnnxError;

/// How far two numbers may lie apart, relatively, that were rounded to f32 on their way.
const ROUNDING: f64 = 1e-6;

/// The head of an actor whose last layer ends in tanh, followed by a scale and a shift of each action
/// and a clip; `None` where the clip cuts into what tanh can reach.
///
/// An actor that neither scales nor shifts leaves that to its user, as those of Stable-Baselines3 do:
/// its limits are those of the user, or [-1, 1].
pub(super) fn of_tanh(
    maps: &[(f64, f64)],
    own: Option<&[(f64, f64)]>,
    asked: Option<&[(f64, f64)]>,
) -> Result<Option<Head>, OnnxError> {
    let mut limits: Limits =
        maps.iter().map(|(scale, shift)| (shift - scale.abs(), shift + scale.abs())).collect();
    for ((low, high), clip) in limits.iter_mut().zip(own.unwrap_or_default()) {
        let slack = ROUNDING * low.abs().max(high.abs());
        if clip.0 > *low + slack || clip.1 < *high - slack {
            return Ok(None);
        }
        // Where both state a limit, that of the clipping is free of rounded products.
        let same = |clip: f64, limit: f64| if (clip - limit).abs() <= slack { clip } else { limit };
        (*low, *high) = (same(clip.0, *low), same(clip.1, *high));
    }
    let scales = maps.iter().any(|&map| map != (1.0, 0.0));
    match asked {
        Some(asked) if !scales => {
            Ok(Some(Head::Scaled { limits: with_room(asked.to_vec())?, by_user: true }))
        }
        Some(asked) if !asked.iter().zip(&limits).all(|(a, b)| same(*a, *b)) => {
            Err(OnnxError::Limits {
                problem: format!(
                    "it scales its actions itself, to {}, which is not what was asked for; leave the limits out",
                    shown(&limits)
                ),
            })
        }
        _ => Ok(Some(Head::Scaled { limits: with_room(limits)?, by_user: !scales })),
    }
}

/// The limits of an actor whose last layer ends otherwise: what the activation can reach, the model's own
/// clip and the user's limits leave.
pub(super) fn of_others(
    activation: Activation,
    maps: &[(f64, f64)],
    own: Option<&[(f64, f64)]>,
    asked: Option<Limits>,
) -> Result<Limits, OnnxError> {
    let reach = match activation {
        Activation::Tanh | Activation::Softsign => (-1.0, 1.0),
        Activation::Sigmoid => (0.0, 1.0),
        Activation::Relu6 => (0.0, 6.0),
        Activation::Relu | Activation::Softplus => (0.0, f64::INFINITY),
        _ => (f64::NEG_INFINITY, f64::INFINITY),
    };
    let ends = |&(scale, shift): &(f64, f64)| {
        // An infinite end stays infinite where the scale is 0.
        let (a, b) = (reach.0 * scale + shift, reach.1 * scale + shift);
        if a.is_nan() || b.is_nan() {
            (f64::NEG_INFINITY, f64::INFINITY)
        } else {
            (a.min(b), a.max(b))
        }
    };
    let mut limits: Limits = maps.iter().map(ends).collect();
    for other in [own.map(<[_]>::to_vec), asked].into_iter().flatten() {
        for ((low, high), (least, most)) in limits.iter_mut().zip(other) {
            (*low, *high) = (low.max(least), high.min(most));
        }
    }
    if limits.iter().any(|(low, high)| low.is_infinite() || high.is_infinite()) {
        return Err(OnnxError::Unlimited { actions: limits.len() });
    }
    with_room(limits)
}

/// The limits of the caller, one for all or one an action.
pub(super) fn of_user((low, high): (&[f32], &[f32]), actions: usize) -> Result<Limits, OnnxError> {
    let one_each = |limits: &[f32]| match limits {
        [one] => Ok(vec![f64::from(*one); actions]),
        all if all.len() == actions => Ok(all.iter().map(|&limit| limit.into()).collect()),
        all => {
            let means = match 2 * all.len() == actions {
                true => "; where the output has means and then deviations, --means takes the means",
                false => "",
            };
            let problem = format!(
                "there are {} for {actions} actions; give --low and --high one number each, or one an action{means}",
                all.len()
            );
            Err(OnnxError::Limits { problem })
        }
    };
    with_room(one_each(low)?.into_iter().zip(one_each(high)?).collect())
}

/// Limits between which every action can move.
fn with_room(limits: Limits) -> Result<Limits, OnnxError> {
    let moves = |(low, high): &(f64, f64)| low < high && (high - low).is_finite();
    match limits.iter().position(|limits| !moves(limits)) {
        None => Ok(limits),
        Some(action) => {
            let (low, high) = limits[action];
            let problem = format!(
                "action {action} cannot lie between {low} and {high}: give --low below --high"
            );
            Err(OnnxError::Limits { problem })
        }
    }
}

fn same(a: (f64, f64), b: (f64, f64)) -> bool {
    let slack = ROUNDING * b.0.abs().max(b.1.abs());
    (a.0 - b.0).abs() <= slack && (a.1 - b.1).abs() <= slack
}

/// The first few limits, to be read.
fn shown(limits: &[(f64, f64)]) -> String {
    let some: Vec<String> =
        limits.iter().take(4).map(|(low, high)| format!("{low} to {high}")).collect();
    let more = if limits.len() > 4 { ", …" } else { "" };
    format!("{}{more}", some.join(", "))
}
