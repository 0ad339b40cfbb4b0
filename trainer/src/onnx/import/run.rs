//! The chain of a model as tract runs it.

use std::collections::HashSet;

use tract_onnx::pb::{GraphProto, ModelProto, NodeProto};
use tract_onnx::prelude::{
    Datum, InferenceFact, InferenceModelExt, IntoRunnable, IntoTValue, Tensor, TractResult,
    TypedSimpleState, tvec,
};

use super::graph::{Graph, parse};
use super::op::{inputs, steps};
use crate::onnx::OnnxError;

/// A dense actor on tract: batch 1, optimised for this machine.
///
/// It is the baseline that `lacewing measure` shows beside the sparse policy.
pub struct TractActor {
    state: TypedSimpleState,
    inputs: usize,
}

impl TractActor {
    /// Prepares the actor in `model`, the bytes of an ONNX file such as [`crate::onnx::export`]
    /// writes.
    ///
    /// # Errors
    /// [`OnnxError`] where the bytes are no ONNX model, the model is not a chain of linear layers
    /// and activations, or tract refuses it.
    pub fn from_onnx(model: &[u8]) -> Result<Self, OnnxError> {
        let model = parse(model)?;
        let graph = Graph::new(&model, None)?;
        let steps = steps(&graph)?;
        let nodes: Vec<_> = steps.iter().map(|&(node, _)| node).collect();
        Self::prepare(&graph, &nodes, inputs(&steps)?, &model, None)
    }

    /// Prepares the chain of `nodes` alone, so that tract sees only what was checked before.
    pub(super) fn prepare(
        graph: &Graph,
        nodes: &[&NodeProto],
        inputs: usize,
        model: &ModelProto,
        folder: Option<&str>,
    ) -> Result<Self, OnnxError> {
        let chain = ModelProto {
            graph: model.graph.as_ref().map(|whole| cut(whole, graph.output, nodes)),
            ..ModelProto { graph: None, ..model.clone() }
        };
        let state = || -> TractResult<_> {
            let fact = InferenceFact::dt_shape(f32::datum_type(), tvec!(1, inputs));
            let model = tract_onnx::onnx().parse(&chain, folder)?.model;
            model.with_input_fact(0, fact)?.into_optimized()?.into_runnable()?.spawn()
        };
        Ok(Self { state: state().map_err(|error| refused(&error))?, inputs })
    }

    /// Writes to `action` what the actor answers to one observation.
    ///
    /// # Errors
    /// [`OnnxError::Length`] where a slice does not fit the model.
    pub fn run(&mut self, observation: &[f32], action: &mut [f32]) -> Result<(), OnnxError> {
        if observation.len() != self.inputs {
            let (found, expected) = (observation.len(), self.inputs);
            return Err(OnnxError::Length { what: "observation", found, expected });
        }
        let run = |state: &mut TypedSimpleState| {
            let input = Tensor::from_shape(&[1, observation.len()], observation)?;
            state.run(tvec!(input.into_tvalue()))
        };
        let outputs = run(&mut self.state).map_err(|error| refused(&error))?;
        let output = outputs[0].to_plain_array_view::<f32>().map_err(|error| refused(&error))?;
        if output.len() != action.len() {
            let (found, expected) = (action.len(), output.len());
            return Err(OnnxError::Length { what: "action", found, expected });
        }
        action.iter_mut().zip(&output).for_each(|(action, output)| *action = *output);
        Ok(())
    }
}

/// The graph of `nodes` and the constants they use, nothing else.
fn cut(whole: &GraphProto, output: &str, nodes: &[&NodeProto]) -> GraphProto {
    let used: HashSet<_> = nodes.iter().flat_map(|node| &node.input).map(String::as_str).collect();
    let constants = whole.node.iter().filter(|node| node.op_type == "Constant");
    let constants =
        constants.filter(|node| node.output.iter().any(|name| used.contains(name.as_str())));
    GraphProto {
        node: constants.chain(nodes.iter().copied()).cloned().collect(),
        initializer: whole
            .initializer
            .iter()
            .filter(|tensor| used.contains(tensor.name.as_str()))
            .cloned()
            .collect(),
        input: whole
            .input
            .iter()
            .filter(|input| used.contains(input.name.as_str()))
            .cloned()
            .collect(),
        output: whole.output.iter().filter(|port| port.name == output).cloned().collect(),
        ..GraphProto::default()
    }
}

fn refused(error: &tract_onnx::prelude::TractError) -> OnnxError {
    OnnxError::Tract { reason: format!("{error:#}") }
}
