//! A policy as a dense ONNX model, so that any other runtime can check it.

use lacewing_formats::artifact::{LayerView, PolicyView};
use lacewing_formats::policy::{ActionHead, Activation};
use prost::Message;

use super::proto::{
    Attribute, Graph, IR_VERSION, Model, Node, OPSET, OperatorSet, Tensor, ValueInfo,
};

/// Encodes `view` as an ONNX model: input `obs` `[batch, observations]`, output `action`
/// `[batch, actions]`, both f32 in the environment's units; discrete actions are i64 `[batch]`.
///
/// The graph is the whole control step: observation normaliser (Sub, Div, Clip), layers (Gemm with
/// every pruned link written out as zero, LayerNormalization, activations), action scaling (Mul, Add) and limits (Max,
/// Min), or ArgMax. ONNX stores what the file holds in f16 as f32, which loses nothing.
pub fn export(view: &PolicyView<'_>) -> Vec<u8> {
    let mut graph = Builder::default();
    let mut last = String::from("obs");
    if let Some(normaliser) = view.normaliser() {
        last = graph.row("Sub", &last, "mean", normaliser.mean);
        last = graph.row("Div", &last, "std", normaliser.std);
        let low = graph.constant("clip_low".into(), &[], &[-normaliser.clip]);
        let high = graph.constant("clip_high".into(), &[], &[normaliser.clip]);
        last = graph.node("Clip", vec![last, low, high], vec![]);
    }
    for (index, layer) in view.layers().enumerate() {
        let shape = [layer.rows(), layer.cols()];
        let weight = graph.constant(format!("layer{index}.weight"), &shape, &dense(&layer));
        let bias = graph.constant(format!("layer{index}.bias"), &shape[..1], layer.bias);
        let attributes = vec![Attribute::int("transB", 1)];
        last = graph.node("Gemm", vec![last, weight, bias], attributes);
        if let Some(norm) = layer.norm {
            let gain = graph.constant(format!("layer{index}.gain"), &shape[..1], norm.gain);
            let shift = graph.constant(format!("layer{index}.shift"), &shape[..1], norm.shift);
            let attributes =
                vec![Attribute::int("axis", -1), Attribute::float("epsilon", norm.epsilon)];
            last = graph.node("LayerNormalization", vec![last, gain, shift], attributes);
        }
        last = graph.activation(layer.activation, last);
    }
    let action = match view.action_head() {
        ActionHead::Scaled { low, high } => {
            last = graph.scale(&last, low, high);
            graph.clamp(&last, low, high);
            ValueInfo::batch("action", low.len())
        }
        ActionHead::Clamped { low, high } => {
            graph.clamp(&last, low, high);
            ValueInfo::batch("action", low.len())
        }
        ActionHead::Argmax => {
            let attributes = vec![Attribute::int("axis", 1), Attribute::int("keepdims", 0)];
            graph.node("ArgMax", vec![last], attributes);
            ValueInfo::indices("action")
        }
    };
    graph.finish(view.header().observations(), action).encode_to_vec()
}

/// The weights of a layer with its pruned links as zeros, row-major `[rows][cols]`.
fn dense(layer: &LayerView<'_>) -> Vec<f32> {
    let mut dense = vec![0.0; layer.rows() * layer.cols()];
    for (row, column, value) in layer.iter() {
        dense[row * layer.cols() + usize::from(column)] = value;
    }
    dense
}

/// Nodes and constants of a graph under construction.
#[derive(Default)]
struct Builder {
    node: Vec<Node>,
    initializer: Vec<Tensor>,
}

impl Builder {
    /// Adds a constant and returns its name.
    fn constant(&mut self, name: String, dims: &[usize], values: &[f32]) -> String {
        self.initializer.push(Tensor::f32(name.clone(), dims, values));
        name
    }

    /// Adds a node and returns the name of its output.
    fn node(&mut self, op: &str, input: Vec<String>, attribute: Vec<Attribute>) -> String {
        let name = format!("{}_{}", op.to_lowercase(), self.node.len());
        let output = vec![name.clone()];
        let op_type = op.into();
        self.node.push(Node { input, output, name: name.clone(), op_type, attribute });
        name
    }

    /// Adds an element-wise node whose second operand is one constant for each element.
    fn row(&mut self, op: &str, input: &str, name: &str, values: &[f32]) -> String {
        let constant = self.constant(name.into(), &[values.len()], values);
        self.node(op, vec![input.into(), constant], vec![])
    }

    /// Adds an activation, spelled out where the operator set has none for it.
    fn activation(&mut self, activation: Activation, x: String) -> String {
        let alpha = |alpha| vec![Attribute::float("alpha", alpha)];
        match activation {
            Activation::Identity => x,
            Activation::Relu => self.node("Relu", vec![x], vec![]),
            Activation::Tanh => self.node("Tanh", vec![x], vec![]),
            Activation::Relu6 => {
                let (low, high) = (self.number(0.0), self.number(6.0));
                self.node("Clip", vec![x, low, high], vec![])
            }
            Activation::LeakyRelu(slope) => self.node("LeakyRelu", vec![x], alpha(slope)),
            Activation::Elu(scale) => self.node("Elu", vec![x], alpha(scale)),
            Activation::Selu => self.node("Selu", vec![x], vec![]),
            Activation::Silu => {
                let gate = self.node("Sigmoid", vec![x.clone()], vec![]);
                self.node("Mul", vec![x, gate], vec![])
            }
            Activation::Gelu => {
                let inner = self.with_number("Mul", &x, std::f32::consts::FRAC_1_SQRT_2);
                let erf = self.node("Erf", vec![inner], vec![]);
                let twice = self.with_number("Add", &erf, 1.0);
                let gate = self.with_number("Mul", &twice, 0.5);
                self.node("Mul", vec![x, gate], vec![])
            }
            Activation::GeluTanh => {
                // x·(1 + tanh z)/2 = x·sigmoid(2z), z = √(2/π)·(x + 0.044715·x³).
                let square = self.node("Mul", vec![x.clone(), x.clone()], vec![]);
                let cubic = self.with_number("Mul", &square, 0.044_715);
                let factor = self.with_number("Add", &cubic, 1.0);
                let inner = self.node("Mul", vec![x.clone(), factor], vec![]);
                let twice = 2.0 * (2.0 / std::f64::consts::PI).sqrt();
                let inner = self.with_number("Mul", &inner, twice as f32);
                let gate = self.node("Sigmoid", vec![inner], vec![]);
                self.node("Mul", vec![x, gate], vec![])
            }
            Activation::Sigmoid => self.node("Sigmoid", vec![x], vec![]),
            Activation::Softsign => self.node("Softsign", vec![x], vec![]),
            Activation::Softplus => self.node("Softplus", vec![x], vec![]),
        }
    }

    /// Adds an element-wise node whose second operand is one number.
    fn with_number(&mut self, op: &str, input: &str, number: f32) -> String {
        let number = self.number(number);
        self.node(op, vec![input.into(), number], vec![])
    }

    /// Adds a number and returns its name.
    fn number(&mut self, number: f32) -> String {
        let name = format!("number_{}", self.initializer.len());
        self.constant(name, &[], &[number])
    }

    /// Adds low + (a + 1) / 2 · (high - low) = half · a + middle.
    fn scale(&mut self, outputs: &str, low: &[f32], high: &[f32]) -> String {
        let limits = || low.iter().zip(high).map(|(&low, &high)| (low, high));
        let half: Vec<f32> = limits().map(|(low, high)| high / 2.0 - low / 2.0).collect();
        let middle: Vec<f32> = limits().map(|(low, high)| high / 2.0 + low / 2.0).collect();
        let scaled = self.row("Mul", outputs, "half_range", &half);
        self.row("Add", &scaled, "middle", &middle)
    }

    /// Adds the limits.
    fn clamp(&mut self, action: &str, low: &[f32], high: &[f32]) {
        let action = self.row("Max", action, "low", low);
        self.row("Min", &action, "high", high);
    }

    /// The model whose output `action` is that of the last node.
    fn finish(mut self, observations: usize, action: ValueInfo) -> Model {
        if let Some(last) = self.node.last_mut() {
            last.output = vec!["action".into()];
        }
        let graph = Graph {
            node: self.node,
            name: "policy".into(),
            initializer: self.initializer,
            input: vec![ValueInfo::batch("obs", observations)],
            output: vec![action],
        };
        Model {
            ir_version: IR_VERSION,
            producer_name: "lacewing".into(),
            producer_version: env!("CARGO_PKG_VERSION").into(),
            graph: Some(graph),
            opset_import: vec![OperatorSet { version: OPSET }],
        }
    }
}
