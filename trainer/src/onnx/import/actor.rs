//! An actor put together from its steps, still dense.

use lacewing_formats::policy::Activation;
use tract_onnx::pb::NodeProto;

use super::graph::node_error;
use super::op::{Linear, Op, Step};
use super::pending::Pending;
use crate::onnx::{Actions, OnnxError};

/// A linear layer and what follows it.
pub(super) struct Layer {
    pub(super) linear: Linear,
    pub(super) norm: Option<Norm>,
    pub(super) activation: Activation,
    /// Whether it only moves or scales numbers: nothing of it is pruned.
    pub(super) whole: bool,
}

/// Layer normalisation before the activation.
pub(super) struct Norm {
    pub(super) epsilon: f64,
    pub(super) gain: Vec<f64>,
    pub(super) shift: Vec<f64>,
}

/// `(x - mean) / std`, then clipped to `±clip`.
pub(super) struct Normaliser {
    pub(super) mean: Vec<f64>,
    pub(super) std: Vec<f64>,
    pub(super) clip: f64,
}

/// Lower and upper limit of each action.
pub(super) type Limits = Vec<(f64, f64)>;

/// What becomes of the outputs of the last layer.
#[derive(Clone)]
pub(super) enum Head {
    /// Of [-1, 1], to these limits. Of a model that answers in [-1, 1] itself the user does it.
    Scaled { limits: Limits, by_user: bool },
    /// In the environment's units, to these limits.
    Clamped(Limits),
    /// The place of the greatest.
    Argmax,
}

/// A dense actor.
pub(super) struct Actor {
    pub(super) normaliser: Option<Normaliser>,
    pub(super) layers: Vec<Layer>,
    pub(super) head: Head,
}

/// The steps read so far.
#[derive(Default)]
struct Assembly {
    normaliser: Option<Normaliser>,
    layers: Vec<Layer>,
    /// What is done to the outputs of the last layer, or to the observation, since.
    pending: Pending,
    /// What the end of the model clips actions to.
    limits: Option<Limits>,
}

impl Actor {
    /// Puts the steps on `inputs` numbers together.
    pub(super) fn assemble(
        steps: Vec<Step<'_>>,
        inputs: usize,
        actions: Actions<'_>,
    ) -> Result<Self, OnnxError> {
        let mut assembly = Assembly { pending: Pending::new(inputs), ..Assembly::default() };
        let mut steps = merged(steps)?;
        // From here on, clipping limits actions. Scores are clipped as they are.
        let end = steps
            .iter()
            .rposition(|(_, op)| matches!(op, Op::Linear(_) | Op::Activation(_) | Op::Norm(_)));
        let end = match actions {
            Actions::Discrete => steps.len(),
            _ => end.map_or(0, |end| end + 1),
        };
        for (at, (node, op)) in steps.drain(..).enumerate() {
            assembly
                .push(op, at >= end && !assembly.layers.is_empty())
                .map_err(|problem| node_error(node, problem))?;
        }
        if assembly.layers.is_empty() {
            return Err(OnnxError::NoLayer);
        }
        assembly.finish(actions)
    }
}

/// Centring and scaling together are layer normalisation.
fn merged(steps: Vec<Step<'_>>) -> Result<Vec<(&NodeProto, Op)>, OnnxError> {
    let mut merged: Vec<(&NodeProto, Op)> = Vec::new();
    let mut centred = None;
    for Step { node, op, .. } in steps {
        match (centred.take(), op) {
            (None, Op::Centre) => centred = Some(node),
            (Some(_), Op::Rms(epsilon)) => merged.push((node, Op::Norm(epsilon))),
            (Some(centre), _) => {
                let problem = "it subtracts the mean, but no division by the deviation follows";
                return Err(node_error(centre, problem));
            }
            (None, Op::Rms(_)) => {
                let problem = "it divides by the root mean square, which no policy file has: use layer \
                               normalisation";
                return Err(node_error(node, problem));
            }
            (None, op) => merged.push((node, op)),
        }
    }
    match centred {
        Some(node) => Err(node_error(node, "it subtracts the mean of the actions")),
        None => Ok(merged),
    }
}

impl Assembly {
    fn push(&mut self, op: Op, at_the_end: bool) -> Result<(), String> {
        match op {
            Op::Linear(linear) => self.linear(linear),
            Op::Affine(map) => self.affine(&map),
            Op::Select(places) => self.select(&places),
            Op::Activation(activation) => {
                self.open_layer();
                self.last().activation = activation;
                Ok(())
            }
            Op::Norm(epsilon) => {
                self.open_layer();
                if self.last().norm.is_some() {
                    self.diagonal();
                }
                let layer = self.last();
                let rows = layer.linear.outputs;
                layer.norm = Some(Norm { epsilon, gain: vec![1.0; rows], shift: vec![0.0; rows] });
                Ok(())
            }
            Op::Clamp(bounds) if at_the_end => self.limit(&bounds),
            Op::Clamp(bounds) if self.layers.is_empty() => self.clip_observations(&bounds),
            Op::Clamp(bounds) => self.clamp_inside(&bounds),
            Op::Softmax | Op::ArgMax => Err("it chooses, and is not the end".into()),
            Op::Centre | Op::Rms(_) => Err("it is half a normalisation".into()),
        }
    }

    fn last(&mut self) -> &mut Layer {
        let at = self.layers.len() - 1;
        &mut self.layers[at]
    }

    fn linear(&mut self, linear: Linear) -> Result<(), String> {
        let (width, found) = (linear.inputs, self.pending.width());
        if width != found {
            return Err(format!("it takes {width} numbers but gets {found}"));
        }
        if self.layers.is_empty() && self.normaliser.is_none() {
            self.normalise();
        }
        let linear = self.pending.fold_into(&linear);
        self.pending = Pending::new(linear.outputs);
        let (norm, activation) = (None, Activation::Identity);
        self.layers.push(Layer { linear, norm, activation, whole: false });
        Ok(())
    }

    /// A layer of one link an element, which does what is pending.
    fn diagonal(&mut self) {
        let width = self.pending.width();
        // As wide as it must be, so it cannot fail.
        let _ = self.linear(Linear::diagonal(width));
        self.last().whole = true;
    }

    /// Sees to it that the last layer has no activation yet and nothing is pending.
    fn open_layer(&mut self) {
        let open = self.layers.last().is_some_and(|last| last.activation == Activation::Identity);
        if !open || !self.pending.is_nothing() {
            self.diagonal();
        }
    }

    fn affine(&mut self, map: &[(f64, f64)]) -> Result<(), String> {
        if map.len() != self.pending.width() {
            return Err(format!(
                "it scales {} numbers but gets {}",
                map.len(),
                self.pending.width()
            ));
        }
        if let Some(limits) = &mut self.limits {
            for ((low, high), (scale, shift)) in limits.iter_mut().zip(map) {
                let ends = (*low * scale + shift, *high * scale + shift);
                (*low, *high) = (ends.0.min(ends.1), ends.0.max(ends.1));
            }
        }
        let nothing = self.pending.is_nothing();
        match self.layers.last_mut() {
            Some(Layer { linear, norm, activation: Activation::Identity, .. }) if nothing => {
                match norm {
                    Some(norm) => {
                        let rows = norm.gain.iter_mut().zip(&mut norm.shift).zip(map);
                        for ((gain, shift), (by, add)) in rows {
                            (*gain, *shift) = (*gain * by, *shift * by + add);
                        }
                    }
                    None => {
                        for ((weights, bias), (scale, shift)) in linear.rows().zip(map) {
                            weights.iter_mut().for_each(|weight| *weight *= scale);
                            *bias = *bias * scale + shift;
                        }
                    }
                }
            }
            _ => self.pending.affine(map),
        }
        Ok(())
    }

    fn select(&mut self, places: &[usize]) -> Result<(), String> {
        let nothing = self.pending.is_nothing();
        if let Some(limits) = &mut self.limits {
            *limits = places.iter().map(|&place| limits[place]).collect();
        }
        match self.layers.last_mut() {
            Some(Layer { linear, norm: None, whole: false, .. }) if nothing => {
                let inputs = linear.inputs;
                let row = |&place: &usize| &linear.weights[place * inputs..(place + 1) * inputs];
                linear.weights = places.iter().flat_map(row).copied().collect();
                linear.bias = places.iter().map(|&place| linear.bias[place]).collect();
                linear.outputs = places.len();
                self.pending = Pending::new(places.len());
            }
            _ => self.pending.select(places),
        }
        Ok(())
    }

    /// Clips actions, after what was done to them.
    fn limit(&mut self, bounds: &[(f64, f64)]) -> Result<(), String> {
        let open = vec![(f64::NEG_INFINITY, f64::INFINITY); bounds.len()];
        let limits = self.limits.take().unwrap_or(open);
        let both = |(own, new): (&(f64, f64), &(f64, f64))| (own.0.max(new.0), own.1.min(new.1));
        let limits: Limits = limits.iter().zip(bounds).map(both).collect();
        // Also refuses a limit that is not a number.
        if !limits.iter().all(|(low, high)| low < high) {
            return Err("its lower limit is not below its upper".into());
        }
        self.limits = Some(limits);
        Ok(())
    }

    /// Turns what is pending on the observation into a normaliser.
    fn normalise(&mut self) {
        if !self.pending.is_plain() {
            let (mean, std) = self.pending.normalise();
            // The policy file has no normaliser without a clip: this one never acts.
            self.normaliser = Some(Normaliser { mean, std, clip: f32::MAX.into() });
        }
    }

    fn clip_observations(&mut self, bounds: &[(f64, f64)]) -> Result<(), String> {
        if self.normaliser.is_some() {
            return Err(
                "observations are clipped twice, and a policy file clips them once, after its \
                        normaliser: export without the clipping that never acts"
                    .into(),
            );
        }
        if !self.pending.is_whole() {
            return Err("it clips some of the observations, which a policy file cannot: move the choice of \
                        observations before the normaliser, or out of the model"
                .into());
        }
        let bounds = self.pending.seen_from_before(bounds);
        let (mean, std) = self.pending.normalise();
        let clip = bounds.first().map_or(1.0, |bounds| bounds.1);
        if clip.is_nan()
            || clip <= 0.0
            || bounds.iter().any(|&(low, high)| !near(-low, clip) || !near(high, clip))
        {
            return Err(
                "observations can be clipped to ±c only, the same c for all: clip them in the \
                        driver, or export without it if it never acts"
                    .into(),
            );
        }
        self.normaliser = Some(Normaliser { mean, std, clip: clip.min(f32::MAX.into()) });
        Ok(())
    }

    /// Clipping between layers is ReLU, or ReLU6 of what is stretched to [0, 6].
    fn clamp_inside(&mut self, bounds: &[(f64, f64)]) -> Result<(), String> {
        let Some(&(low, high)) = bounds.first() else { return Ok(()) };
        if bounds.iter().any(|&other| other != (low, high))
            || low.is_nan()
            || high.is_nan()
            || low >= high
        {
            return Err("it clips each of a layer's outputs otherwise: clip all to the same".into());
        }
        let (scale, shift, activation) = match (low.is_finite(), high.is_finite()) {
            (true, true) => (6.0 / (high - low), low, Activation::Relu6),
            (true, false) => (1.0, low, Activation::Relu),
            (false, true) => (-1.0, high, Activation::Relu),
            (false, false) => return Ok(()),
        };
        self.open_layer();
        self.affine(&vec![(scale, -shift * scale); bounds.len()])?;
        self.last().activation = activation;
        self.affine(&vec![(1.0 / scale, shift); bounds.len()])
    }

    /// The head, and the last layers that it calls for.
    fn finish(mut self, actions: Actions<'_>) -> Result<Actor, OnnxError> {
        let outputs = self.pending.width();
        let asked = match actions {
            Actions::Unsaid => None,
            Actions::Within { low, high } => Some(super::limits::of_user((low, high), outputs)?),
            Actions::Discrete if outputs < 2 => return Err(OnnxError::NoChoice),
            Actions::Discrete => {
                if !self.pending.is_nothing() {
                    self.diagonal();
                }
                let Self { normaliser, layers, .. } = self;
                return Ok(Actor { normaliser, layers, head: Head::Argmax });
            }
        };
        let activation = self.last().activation;
        let head = match activation {
            Activation::Tanh if self.pending.is_whole() => {
                let maps = self.pending.maps().collect::<Vec<_>>();
                super::limits::of_tanh(&maps, self.limits.as_deref(), asked.as_deref())?
            }
            _ => None,
        };
        let head = match head {
            Some(head) => {
                if let Head::Scaled { by_user: false, .. } = head {
                    self.turn_negative();
                }
                head
            }
            None => {
                let maps = self.pending.maps().collect::<Vec<_>>();
                let limits =
                    super::limits::of_others(activation, &maps, self.limits.as_deref(), asked)?;
                if !self.pending.is_nothing() {
                    self.diagonal();
                }
                Head::Clamped(limits)
            }
        };
        let Self { normaliser, layers, .. } = self;
        Ok(Actor { normaliser, layers, head })
    }

    /// A negative scale of a tanh is a positive one of the tanh of the negative.
    fn turn_negative(&mut self) {
        let signs: Vec<f64> = self.pending.maps().map(|(scale, _)| scale.signum()).collect();
        let layer = self.last();
        match &mut layer.norm {
            Some(norm) => {
                let rows = norm.gain.iter_mut().zip(&mut norm.shift).zip(signs);
                rows.for_each(|((gain, shift), sign)| {
                    (*gain, *shift) = (*gain * sign, *shift * sign)
                });
            }
            None => {
                for ((weights, bias), sign) in layer.linear.rows().zip(signs) {
                    weights.iter_mut().for_each(|weight| *weight *= sign);
                    *bias *= sign;
                }
            }
        }
    }
}

/// Equal but for rounding to f32 on the way.
fn near(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= 1e-6 * b.abs()
}
