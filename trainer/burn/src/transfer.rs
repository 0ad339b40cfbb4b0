//! Numbers on their way to the device and back.

use burn_tensor::{Tensor, TensorData, backend::Backend};

/// Moves a row-major matrix to the device.
pub(crate) fn matrix<B: Backend>(
    numbers: Vec<f32>,
    shape: [usize; 2],
    device: &B::Device,
) -> Tensor<B, 2> {
    Tensor::from_data(TensorData::new(numbers, shape), device)
}

/// Copies a vector to the device.
pub(crate) fn vector<B: Backend>(numbers: &[f32], device: &B::Device) -> Tensor<B, 1> {
    Tensor::from_data(TensorData::new(numbers.to_vec(), [numbers.len()]), device)
}

/// Copies a tensor's numbers back, row-major; waits until they are computed.
pub(crate) fn download<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f32> {
    tensor.into_data().into_vec().expect("both backends compute in f32")
}
