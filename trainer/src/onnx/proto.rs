//! The part of `onnx.proto3` that a dense actor needs, as prost messages.
//!
//! Field numbers are those of the [ONNX schema](https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3);
//! annotating the few messages by hand keeps protoc and generated code out of the build.

use prost::Message;

/// Version of the file format: 8 came with opset 15 and is read by every runtime of the last years.
pub(super) const IR_VERSION: i64 = 8;
/// Operator set of the exported graph.
pub(super) const OPSET: i64 = 17;
/// `TensorProto.DataType.FLOAT`.
const FLOAT: i32 = 1;
/// `TensorProto.DataType.INT64`.
const INT64: i32 = 7;
/// `AttributeProto.AttributeType.FLOAT`.
const FLOAT_ATTRIBUTE: i32 = 1;
/// `AttributeProto.AttributeType.INT`.
const INT: i32 = 2;

#[derive(Clone, PartialEq, Message)]
pub(super) struct Model {
    #[prost(int64, tag = "1")]
    pub ir_version: i64,
    #[prost(string, tag = "2")]
    pub producer_name: String,
    #[prost(string, tag = "3")]
    pub producer_version: String,
    #[prost(message, optional, tag = "7")]
    pub graph: Option<Graph>,
    #[prost(message, repeated, tag = "8")]
    pub opset_import: Vec<OperatorSet>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct OperatorSet {
    #[prost(int64, tag = "2")]
    pub version: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Graph {
    #[prost(message, repeated, tag = "1")]
    pub node: Vec<Node>,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(message, repeated, tag = "5")]
    pub initializer: Vec<Tensor>,
    #[prost(message, repeated, tag = "11")]
    pub input: Vec<ValueInfo>,
    #[prost(message, repeated, tag = "12")]
    pub output: Vec<ValueInfo>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Node {
    #[prost(string, repeated, tag = "1")]
    pub input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub output: Vec<String>,
    #[prost(string, tag = "3")]
    pub name: String,
    #[prost(string, tag = "4")]
    pub op_type: String,
    #[prost(message, repeated, tag = "5")]
    pub attribute: Vec<Attribute>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Attribute {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(float, tag = "2")]
    f: f32,
    #[prost(int64, tag = "3")]
    i: i64,
    #[prost(int32, tag = "20")]
    r#type: i32,
}

impl Attribute {
    pub(super) fn int(name: &str, i: i64) -> Self {
        Self { name: name.into(), f: 0.0, i, r#type: INT }
    }

    pub(super) fn float(name: &str, f: f32) -> Self {
        Self { name: name.into(), f, i: 0, r#type: FLOAT_ATTRIBUTE }
    }
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Tensor {
    #[prost(int64, repeated, tag = "1")]
    dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    data_type: i32,
    #[prost(string, tag = "8")]
    name: String,
    #[prost(bytes = "vec", tag = "9")]
    raw_data: Vec<u8>,
}

impl Tensor {
    /// An f32 tensor; ONNX stores raw data little-endian, row-major.
    pub(super) fn f32(name: String, dims: &[usize], values: &[f32]) -> Self {
        debug_assert_eq!(dims.iter().product::<usize>(), values.len());
        Self {
            dims: dims.iter().map(|&dim| dim as i64).collect(),
            data_type: FLOAT,
            name,
            raw_data: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        }
    }
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ValueInfo {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    r#type: Option<Type>,
}

impl ValueInfo {
    /// An f32 matrix `[batch, columns]` whose batch the caller chooses at run time.
    pub(super) fn batch(name: &str, columns: usize) -> Self {
        let columns = Dimension { value: Some(columns as i64), param: None };
        Self::of_batch(name, FLOAT, vec![columns])
    }

    /// An i64 vector `[batch]`.
    pub(super) fn indices(name: &str) -> Self {
        Self::of_batch(name, INT64, vec![])
    }

    fn of_batch(name: &str, elem_type: i32, rest: Vec<Dimension>) -> Self {
        let mut dim = vec![Dimension { value: None, param: Some("batch".into()) }];
        dim.extend(rest);
        let tensor_type = Some(TensorType { elem_type, shape: Some(Shape { dim }) });
        Self { name: name.into(), r#type: Some(Type { tensor_type }) }
    }
}

#[derive(Clone, PartialEq, Message)]
struct Type {
    #[prost(message, optional, tag = "1")]
    tensor_type: Option<TensorType>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorType {
    #[prost(int32, tag = "1")]
    elem_type: i32,
    #[prost(message, optional, tag = "2")]
    shape: Option<Shape>,
}

#[derive(Clone, PartialEq, Message)]
struct Shape {
    #[prost(message, repeated, tag = "1")]
    dim: Vec<Dimension>,
}

/// A oneof in the schema: exactly one of the two is set.
#[derive(Clone, PartialEq, Message)]
struct Dimension {
    #[prost(int64, optional, tag = "1")]
    value: Option<i64>,
    #[prost(string, optional, tag = "2")]
    param: Option<String>,
}
