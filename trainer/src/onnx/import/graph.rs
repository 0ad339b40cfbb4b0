//! Finding one's way in an ONNX graph: from names to nodes and constants.

use std::collections::HashMap;

use tract_onnx::pb::{ModelProto, NodeProto, TensorProto, tensor_proto::DataType};
use tract_onnx::prelude::{Datum, Framework, Tensor};
use tract_onnx::{data_resolver, tensor::load_tensor};

use crate::onnx::OnnxError;

/// Dimensions, and numbers in row-major order.
pub(super) type Numbers = (Vec<usize>, Vec<f64>);

/// A parsed model with its names resolved.
pub(super) struct Graph<'a> {
    nodes: usize,
    producers: HashMap<&'a str, &'a NodeProto>,
    initialisers: HashMap<&'a str, &'a TensorProto>,
    pub(super) input: &'a str,
    pub(super) output: &'a str,
    folder: Option<&'a str>,
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
    pub(super) fn new(model: &'a ModelProto, folder: Option<&'a str>) -> Result<Self, OnnxError> {
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
        let inputs = graph.input.iter().map(|input| input.name.as_str());
        let inputs: Vec<_> = inputs.filter(|name| !initialisers.contains_key(name)).collect();
        let outputs: Vec<_> = graph.output.iter().map(|output| output.name.as_str()).collect();
        let action = outputs.iter().copied().find(|name| ["action", "actions"].contains(name));
        let output = match (outputs.as_slice(), action) {
            (&[only], _) | (_, Some(only)) => only,
            _ => return Err(ports("output", &outputs)),
        };
        let &[input] = inputs.as_slice() else {
            return Err(ports("input", &inputs));
        };
        Ok(Self { nodes: graph.node.len(), producers, initialisers, input, output, folder })
    }

    /// The nodes that lead from the input to the output, in that order.
    ///
    /// `feed` says which input of a node continues the chain.
    pub(super) fn chain(
        &self,
        feed: impl Fn(&NodeProto) -> Result<usize, OnnxError>,
    ) -> Result<Vec<&'a NodeProto>, OnnxError> {
        let mut chain: Vec<&NodeProto> = Vec::new();
        let mut name = self.output;
        while name != self.input {
            let Some(&node) = self.producers.get(name) else {
                return Err(OnnxError::Tensor {
                    tensor: name.into(),
                    problem: format!("no node computes it from the input `{}`", self.input),
                });
            };
            if chain.len() == self.nodes {
                return Err(node_error(node, "it feeds itself in a circle"));
            }
            chain.push(node);
            name = &node.input[feed(node)?];
        }
        chain.reverse();
        Ok(chain)
    }

    /// Whether `name` is an initialiser or the output of a `Constant` node.
    pub(super) fn is_constant(&self, name: &str) -> bool {
        let constant = |node: &&NodeProto| node.op_type == "Constant";
        self.initialisers.contains_key(name) || self.producers.get(name).is_some_and(constant)
    }

    /// The constant called `name`, if it is one.
    pub(super) fn constant(&self, name: &str) -> Option<Result<Tensor, OnnxError>> {
        let proto = match self.initialisers.get(name) {
            Some(&tensor) => tensor,
            None => {
                let node = self.producers.get(name).filter(|node| node.op_type == "Constant")?;
                let value = node.attribute.iter().find(|attribute| attribute.name == "value");
                match value.and_then(|attribute| attribute.t.as_ref()) {
                    Some(tensor) => tensor,
                    None => return Some(Err(node_error(node, "only a `value` tensor is read"))),
                }
            }
        };
        Some(self.load(proto).map_err(|problem| OnnxError::Tensor { tensor: name.into(), problem }))
    }

    /// The dimensions and numbers of a floating-point constant.
    pub(super) fn floats(&self, name: &str) -> Option<Result<Numbers, OnnxError>> {
        let fail = |problem: String| OnnxError::Tensor { tensor: name.into(), problem };
        let numbers = |tensor: Tensor| {
            if !tensor.datum_type().is_float() {
                return Err(fail(format!("holds {:?}, not numbers", tensor.datum_type())));
            }
            let values = cast::<f64>(&tensor).map_err(fail)?;
            match values.iter().position(|value| !value.is_finite()) {
                Some(at) => Err(fail(format!("number {at} is {}", values[at]))),
                None => Ok((tensor.shape().to_vec(), values)),
            }
        };
        Some(self.constant(name)?.and_then(numbers))
    }

    /// Lets tract decode the types it is known to decode without panicking.
    fn load(&self, proto: &TensorProto) -> Result<Tensor, String> {
        use DataType::{Double, Float, Float16, Int32, Int64};
        let known = [Double, Float, Float16, Int32, Int64];
        if !known.iter().any(|&kind| proto.data_type == kind as i32) {
            return Err(format!("its element type ({}) is not a plain number", proto.data_type));
        }
        load_tensor(&*data_resolver::default(), proto, self.folder)
            .map_err(|error| format!("{error:#}"))
    }
}

/// The elements of `tensor` as `T`, row-major.
pub(super) fn cast<T: Datum + Copy>(tensor: &Tensor) -> Result<Vec<T>, String> {
    let cast = tensor.cast_to::<T>().map_err(|error| error.to_string())?;
    let view = cast.to_plain_array_view::<T>().map_err(|error| error.to_string())?;
    Ok(view.iter().copied().collect())
}

fn ports(what: &'static str, found: &[&str]) -> OnnxError {
    OnnxError::Ports { what, found: found.iter().map(|&name| name.into()).collect() }
}
