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
/// every pruned link written out as zero, Relu, Tanh), action scaling (Mul, Add) and limits (Max,
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
        last = match layer.activation {
            Activation::Identity => last,
            Activation::Relu => graph.node("Relu", vec![last], vec![]),
            Activation::Tanh => graph.node("Tanh", vec![last], vec![]),
        };
    }
    let action = match view.action_head() {
        ActionHead::Scaled { low, high } => {
            graph.scale(&last, low, high);
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

    /// Adds low + (a + 1) / 2 · (high - low) = half · a + middle, within the limits.
    fn scale(&mut self, outputs: &str, low: &[f32], high: &[f32]) {
        let limits = || low.iter().zip(high).map(|(&low, &high)| (low, high));
        let half: Vec<f32> = limits().map(|(low, high)| high / 2.0 - low / 2.0).collect();
        let middle: Vec<f32> = limits().map(|(low, high)| high / 2.0 + low / 2.0).collect();
        let mut last = self.row("Mul", outputs, "half_range", &half);
        last = self.row("Add", &last, "middle", &middle);
        last = self.row("Max", &last, "low", low);
        self.row("Min", &last, "high", high);
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
