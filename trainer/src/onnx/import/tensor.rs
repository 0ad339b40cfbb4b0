//! Tensors of a model, whatever their type, in f64.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path};

use half::{bf16, f16};
use tract_onnx::pb::TensorProto;
use tract_onnx::pb::tensor_proto::DataType;

/// Most numbers of a tensor: a layer of 8192 by 8192.
pub(super) const MOST_NUMBERS: usize = 1 << 26;

/// Numbers in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tensor {
    pub(super) dims: Vec<usize>,
    pub(super) values: Vec<f64>,
    /// Whether these are whole numbers, whose division is whole too.
    pub(super) whole: bool,
}

impl Tensor {
    pub(super) fn new(dims: Vec<usize>, values: Vec<f64>) -> Self {
        Self { dims, values, whole: false }
    }

    /// A vector of whole numbers.
    pub(super) fn whole(values: Vec<f64>) -> Self {
        Self { dims: vec![values.len()], values, whole: true }
    }

    /// The same numbers in another shape.
    pub(super) fn reshaped(&self, dims: Vec<usize>) -> Result<Self, String> {
        if count(&dims)? != self.values.len() {
            return Err(format!("{} numbers do not fit the shape {dims:?}", self.values.len()));
        }
        Ok(Self { dims, ..self.clone() })
    }

    /// Its numbers as indices or lengths.
    pub(super) fn integers(&self) -> Vec<i64> {
        self.values.iter().map(|&value| value as i64).collect()
    }

    /// Its only number.
    pub(super) fn number(&self) -> Option<f64> {
        if let [number] = self.values[..] { Some(number) } else { None }
    }
}

/// Numbers in a tensor of this shape.
pub(super) fn count(dims: &[usize]) -> Result<usize, String> {
    let count = dims.iter().try_fold(1, |count: usize, &dim| count.checked_mul(dim));
    count
        .filter(|&count| count <= MOST_NUMBERS)
        .ok_or_else(|| format!("a tensor of shape {dims:?} is beyond {MOST_NUMBERS} numbers"))
}

/// How a type that is not f32 is called, if it stores real numbers.
pub(super) fn foreign_float(data_type: i32) -> Option<&'static str> {
    match DataType::try_from(data_type) {
        Ok(DataType::Double) => Some("f64"),
        Ok(DataType::Float16) => Some("f16"),
        Ok(DataType::Bfloat16) => Some("bf16"),
        _ => None,
    }
}

/// A stored tensor; `folder` is where its file lies if it is stored outside the model.
pub(super) fn decode(proto: &TensorProto, folder: &Path) -> Result<Tensor, String> {
    let dims: Option<Vec<_>> = proto.dims.iter().map(|&dim| usize::try_from(dim).ok()).collect();
    let dims = dims.ok_or_else(|| format!("its shape {:?} is impossible", proto.dims))?;
    let count = count(&dims)?;
    let kind = DataType::try_from(proto.data_type).unwrap_or(DataType::Undefined);
    let (width, read): (usize, fn(&[u8]) -> f64) = match kind {
        DataType::Float => (4, |b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]).into()),
        DataType::Double => {
            (8, |b| f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]))
        }
        DataType::Float16 => (2, |b| f16::from_le_bytes([b[0], b[1]]).to_f64()),
        DataType::Bfloat16 => (2, |b| bf16::from_le_bytes([b[0], b[1]]).to_f64()),
        DataType::Int64 => {
            (8, |b| i64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]) as f64)
        }
        DataType::Int32 => (4, |b| i32::from_le_bytes([b[0], b[1], b[2], b[3]]).into()),
        DataType::Bool => (1, |b| u8::from(b[0] != 0).into()),
        _ => {
            return Err(format!(
                "its element type ({}) is not a plain number: export the actor in f32, not quantised",
                proto.data_type
            ));
        }
    };
    let external;
    let raw: &[u8] = if proto.data_location == Some(1) {
        external = read_external(proto, folder, width * count)?;
        &external
    } else {
        &proto.raw_data
    };
    let values: Vec<f64> = if raw.is_empty() {
        let halves =
            |half: fn(u16) -> f64| proto.int32_data.iter().map(|&bits| half(bits as u16)).collect();
        match kind {
            DataType::Float => proto.float_data.iter().map(|&value| value.into()).collect(),
            DataType::Double => proto.double_data.clone(),
            DataType::Float16 => halves(|bits| f16::from_bits(bits).to_f64()),
            DataType::Bfloat16 => halves(|bits| bf16::from_bits(bits).to_f64()),
            DataType::Int64 => proto.int64_data.iter().map(|&value| value as f64).collect(),
            _ => proto.int32_data.iter().map(|&value| value.into()).collect(),
        }
    } else if raw.len().is_multiple_of(width) {
        raw.chunks_exact(width).map(read).collect()
    } else {
        return Err(format!("{} bytes are no whole numbers", raw.len()));
    };
    if values.len() != count {
        return Err(format!(
            "it stores {} numbers, its shape {dims:?} wants {count}",
            values.len()
        ));
    }
    let whole = matches!(kind, DataType::Int64 | DataType::Int32 | DataType::Bool);
    Ok(Tensor { dims, values, whole })
}

/// The bytes of a tensor in a file beside the model.
fn read_external(proto: &TensorProto, folder: &Path, bytes: usize) -> Result<Vec<u8>, String> {
    let entry = |key: &str| {
        let entry = proto.external_data.iter().find(|entry| entry.key == key);
        entry.map(|entry| entry.value.as_str())
    };
    let location = Path::new(entry("location").unwrap_or_default());
    let inside = location.components().all(|part| matches!(part, Component::Normal(_)));
    if !inside || location.as_os_str().is_empty() {
        let location = location.display();
        return Err(format!(
            "its numbers lie in `{location}`, which is not inside the model directory"
        ));
    }
    let path = folder.join(location);
    let number = |key| entry(key).map_or(Ok(None), |text| text.parse().map(Some));
    let (Ok(offset), Ok(length)) = (number("offset"), number("length")) else {
        return Err("offset or length in its external file is no number".into());
    };
    if length.is_some_and(|length| length != bytes as u64) {
        return Err(format!(
            "it has {length:?} bytes in its external file, its shape wants {bytes}"
        ));
    }
    let read = || {
        let mut file = File::open(&path)?;
        file.seek(SeekFrom::Start(offset.unwrap_or(0)))?;
        let mut data = Vec::new();
        file.take(bytes as u64).read_to_end(&mut data)?;
        Ok::<_, std::io::Error>(data)
    };
    match read() {
        Ok(data) if data.len() == bytes => Ok(data),
        Ok(_) => {
            Err(format!("{} ends before its numbers do: copy that file again", path.display()))
        }
        Err(error) => Err(format!(
            "its numbers lie in {} ({error}): put that file beside the model",
            path.display()
        )),
    }
}
