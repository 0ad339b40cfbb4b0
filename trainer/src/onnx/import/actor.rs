//! An actor put together from its steps, still dense.

use lacewing_formats::policy::Activation;
use tract_onnx::pb::NodeProto;

use super::ends::{Affine, Normaliser, check_limits};
use super::graph::node_error;
use super::op::{Linear, Op, spread};
use crate::onnx::OnnxError;

/// A linear layer and what follows it.
pub(super) struct Layer {
    pub(super) linear: Linear,
    pub(super) activation: Activation,
}

/// A dense actor whose output lies in [-1, 1] and maps to `low..=high`.
pub(super) struct Actor {
    pub(super) normaliser: Option<Normaliser>,
    pub(super) layers: Vec<Layer>,
    pub(super) low: Vec<f64>,
    pub(super) high: Vec<f64>,
    /// Whether the model itself answers in [-1, 1] and leaves the scaling to its user.
    pub(super) normalised: bool,
}

/// The steps read so far.
#[derive(Default)]
struct Assembly<'a> {
    head: Affine<'a>,
    layers: Vec<Layer>,
    tail: Affine<'a>,
}

impl Actor {
    /// Puts the steps together; `limits` are the action limits, where the caller knows them.
    pub(super) fn assemble(
        steps: Vec<(&NodeProto, Op)>,
        limits: Option<(&[f32], &[f32])>,
    ) -> Result<Self, OnnxError> {
        let end = steps.iter().rev().find(|(_, op)| !matches!(op, Op::Nothing));
        if let Some(&(node, Op::Relu)) = end {
            return Err(node_error(node, "an actor ends in a linear layer or Tanh, not in Relu"));
        }
        let mut assembly = Assembly::default();
        for (node, op) in steps {
            assembly.push(node, op).map_err(|problem| node_error(node, problem))?;
        }
        let Assembly { head, layers, tail } = assembly;
        let (Some(first), Some(last)) = (layers.first(), layers.last()) else {
            return Err(OnnxError::NoLayer);
        };
        let (inputs, actions) = (first.linear.inputs, last.linear.outputs);
        let limits = limits.map(|limits| check_limits(limits, actions)).transpose()?;
        let normaliser = head.normaliser(inputs)?;
        if last.activation == Activation::Tanh {
            let normalised = !tail.scales();
            let (low, high) = tail.range_of_tanh(actions, limits)?;
            return Ok(Self { normaliser, layers, low, high, normalised });
        }
        let (low, high) = tail.range_of_linear(actions, limits)?;
        Ok(Self { normaliser, layers, low, high, normalised: false }.into_normalised())
    }

    /// Folds the way from the environment's units to [-1, 1] into a last layer without activation.
    fn into_normalised(mut self) -> Self {
        if let Some(Layer { linear, activation: Activation::Identity }) = self.layers.last_mut() {
            let rows = linear.weights.chunks_exact_mut(linear.inputs).zip(&mut linear.bias);
            for ((weights, bias), (low, high)) in rows.zip(self.low.iter().zip(&self.high)) {
                let scale = 2.0 / (high - low);
                weights.iter_mut().for_each(|weight| *weight *= scale);
                *bias = (*bias - low) * scale - 1.0;
            }
        }
        self
    }

    /// The action in the environment's units, with the dense weights.
    pub(super) fn act(&self, observation: &[f32]) -> Vec<f64> {
        let mut x: Vec<f64> = observation.iter().map(|&value| value.into()).collect();
        if let Some(Normaliser { mean, std, clip }) = &self.normaliser {
            for ((x, mean), std) in x.iter_mut().zip(mean).zip(std) {
                *x = ((*x - mean) / std).clamp(-clip, *clip);
            }
        }
        for Layer { linear, activation } in &self.layers {
            let rows = linear.weights.chunks_exact(linear.inputs).zip(&linear.bias);
            let sum = |(row, bias): (&[f64], &f64)| {
                bias + row.iter().zip(&x).map(|(weight, x)| weight * x).sum::<f64>()
            };
            x = rows
                .map(sum)
                .map(|y| match activation {
                    Activation::Identity => y,
                    Activation::Relu => y.max(0.0),
                    Activation::Tanh => y.tanh(),
                })
                .collect();
        }
        x.iter().enumerate().map(|(at, &x)| self.scale(at, x)).collect()
    }

    /// Action `at` in the environment's units, from [-1, 1].
    pub(super) fn scale(&self, at: usize, x: f64) -> f64 {
        let (low, high) = (self.low[at], self.high[at]);
        (low + (x + 1.0) / 2.0 * (high - low)).clamp(low, high)
    }
}

impl<'a> Assembly<'a> {
    fn push(&mut self, node: &'a NodeProto, op: Op) -> Result<(), String> {
        match op {
            Op::Nothing => Ok(()),
            Op::Linear(linear) => self.linear(linear),
            Op::Relu => self.activate(Activation::Relu),
            Op::Tanh => self.activate(Activation::Tanh),
            Op::Scale(scale) => self.affine(node, scale, |(a, b), s| (a * s, b * s)),
            Op::Shift(shift) => self.affine(node, shift, |(a, b), t| (a, b + t)),
            Op::Clamp { low, high } => {
                let end = if self.layers.is_empty() { &mut self.head } else { &mut self.tail };
                end.clamp(node, low, high)
            }
        }
    }

    fn linear(&mut self, linear: Linear) -> Result<(), String> {
        if let Some(node) = self.tail.node() {
            return Err(format!(
                "`{}` ({}) before it is neither at the start nor at the end of the network",
                node.name, node.op_type
            ));
        }
        match self.layers.last().map(|last| last.linear.outputs) {
            Some(outputs) if outputs != linear.inputs => {
                return Err(format!("it takes {} numbers but gets {outputs}", linear.inputs));
            }
            _ => self.layers.push(Layer { linear, activation: Activation::Identity }),
        }
        Ok(())
    }

    fn activate(&mut self, activation: Activation) -> Result<(), String> {
        match self.layers.last_mut() {
            Some(last) if last.activation == Activation::Identity && self.tail.node().is_none() => {
                last.activation = activation;
                Ok(())
            }
            _ => Err("an activation must follow a linear layer".into()),
        }
    }

    /// Applies `change` with each of `values` to the affine map `(scale, shift)` it belongs to:
    /// that of the observations, of the layer just read, or of the actions.
    fn affine(
        &mut self,
        node: &'a NodeProto,
        values: Vec<f64>,
        change: impl Fn((f64, f64), f64) -> (f64, f64),
    ) -> Result<(), String> {
        match self.layers.last_mut() {
            None => self.head.affine(node, values, change),
            Some(last) if last.activation == Activation::Identity && self.tail.node().is_none() => {
                let linear = &mut last.linear;
                let values = spread(values, linear.outputs)?;
                let rows = linear.weights.chunks_exact_mut(linear.inputs).zip(&mut linear.bias);
                for ((weights, bias), value) in rows.zip(values) {
                    let (scale, shift) = change((1.0, *bias), value);
                    weights.iter_mut().for_each(|weight| *weight *= scale);
                    *bias = shift;
                }
                Ok(())
            }
            Some(_) => self.tail.affine(node, values, change),
        }
    }
}
