//! The graph of a model: its ports, its constants, and which node makes what.

use std::collections::HashMap;
use std::path::Path;

use tract_onnx::pb::type_proto::Value;
use tract_onnx::pb::{ModelProto, NodeProto, TensorProto, ValueInfoProto, tensor_shape_proto};
use tract_onnx::prelude::Framework;

use super::tensor::{Tensor, decode, foreign_float};
use crate::onnx::OnnxError;

/// A parsed model with its names resolved.
pub(super) struct Graph<'a> {
    producers: HashMap<&'a str, &'a NodeProto>,
    initialisers: HashMap<&'a str, &'a TensorProto>,
    inputs: Vec<&'a ValueInfoProto>,
    outputs: Vec<&'a str>,
    folder: &'a Path,
}

/// Parses the protobuf envelope.
pub(super) fn parse(bytes: &[u8]) -> Result<ModelProto, OnnxError> {
    tract_onnx::onnx()
        .proto_model_for_read(&mut &*bytes)
        .map_err(|error| OnnxError::NotOnnx { reason: error.to_string() })
}

/// An error of a node, by the name a user can find in a viewer.
pub(super) fn node_error(node: &NodeProto, problem: impl Into<String>) -> OnnxError {
    let name = if node.name.is_empty() {
        node.output.first().cloned().unwrap_or_default()
    } else {
        node.name.clone()
    };
    OnnxError::Node { node: name, op: node.op_type.clone(), problem: problem.into() }
}

impl<'a> Graph<'a> {
    /// Resolves the names of `model`; `folder` is where its external data lies, if it has any.
    pub(super) fn new(model: &'a ModelProto, folder: &'a Path) -> Result<Self, OnnxError> {
        let graph = model
            .graph
            .as_ref()
            .ok_or_else(|| OnnxError::NotOnnx { reason: "it holds no graph".into() })?;
        let mut initialisers = HashMap::new();
        for tensor in &graph.initializer {
            if initialisers.insert(tensor.name.as_str(), tensor).is_some() {
                let problem = "it is stored twice".into();
                return Err(OnnxError::Tensor { tensor: tensor.name.clone(), problem });
            }
        }
        let mut producers = HashMap::new();
        for node in &graph.node {
            for output in node.output.iter().filter(|name| !name.is_empty()) {
                let known = initialisers.contains_key(output.as_str());
                if producers.insert(output.as_str(), node).is_some() || known {
                    return Err(node_error(
                        node,
                        format!("its output `{output}` has another source too"),
                    ));
                }
            }
        }
        // Before version 4 of the format every initialiser was an input too.
        let inputs = graph.input.iter();
        let inputs = inputs.filter(|input| !initialisers.contains_key(input.name.as_str()));
        let inputs = inputs.collect();
        let outputs = graph.output.iter().map(|output| output.name.as_str()).collect();
        Ok(Self { producers, initialisers, inputs, outputs, folder })
    }

    /// Names of the outputs.
    pub(super) fn outputs(&self) -> &[&'a str] {
        &self.outputs
    }

    /// Names of the inputs that are no constants.
    pub(super) fn inputs(&self) -> impl Iterator<Item = &'a str> {
        self.inputs.iter().map(|input| input.name.as_str())
    }

    /// The name of a tensor inside the model that some node computes.
    pub(super) fn tensor(&self, name: &str) -> Option<&'a str> {
        self.producers.get_key_value(name).map(|(&name, _)| name)
    }

    /// The node that computes `name`.
    pub(super) fn producer(&self, name: &str) -> Option<&'a NodeProto> {
        self.producers.get(name).copied()
    }

    /// The stored constant called `name`, if it is one.
    ///
    /// One number by itself may be NaN: what stands in for others (`Where`), as in a mean that leaves NaN out.
    pub(super) fn initialiser(&self, name: &str) -> Option<Result<Tensor, OnnxError>> {
        let fail = |problem| OnnxError::Tensor { tensor: name.into(), problem };
        let tensor = decode(self.initialisers.get(name)?, self.folder).map_err(fail);
        Some(tensor.and_then(
            |tensor| match tensor.values.iter().position(|value| value.is_nan()) {
                Some(at) if tensor.values.len() > 1 => {
                    Err(fail(format!("number {at} is NaN: export a model that still works")))
                }
                _ => Ok(tensor),
            },
        ))
    }

    /// How the stored constant called `name` is stored, if that is neither f32 nor whole numbers.
    pub(super) fn foreign_type(&self, name: &str) -> Option<&'static str> {
        self.initialisers.get(name).and_then(|tensor| foreign_float(tensor.data_type))
    }

    /// The shape that an input says it has; `None` for a side that it leaves open.
    pub(super) fn shape(&self, input: &str) -> Option<Vec<Option<usize>>> {
        let port = self.inputs.iter().find(|port| port.name == input)?;
        let Some(Value::TensorType(kind)) = &port.r#type.as_ref()?.value else { return None };
        let side = |dim: &tensor_shape_proto::Dimension| match dim.value {
            Some(tensor_shape_proto::dimension::Value::DimValue(side)) if side > 0 => {
                usize::try_from(side).ok()
            }
            _ => None,
        };
        Some(kind.shape.as_ref()?.dim.iter().map(side).collect())
    }
}
