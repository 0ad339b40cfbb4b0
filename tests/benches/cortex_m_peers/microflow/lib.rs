//! A control step by microflow's kernels, as the code that its macro makes of a TFLite model calls them; the
//! network is `int8-rows.bin` of `network.py`, in flash, named by `NETWORK` when this is built.
#![no_std]

use core::panic::PanicInfo;
use microflow::activation::FusedActivation::{self, None, Relu};
use microflow::buffer::Buffer2D;
use microflow::ops::{FullyConnectedOptions, fully_connected};
use microflow::tensor::Tensor2D;
use nalgebra::ArrayStorage;

static FILE: &[u8] = include_bytes!(env!("NETWORK"));

/// Bytes of the observation and the actions that the file begins with.
const HEAD: usize = 4 * (17 + 6);

const fn word(at: usize) -> u32 {
    u32::from_le_bytes([FILE[at], FILE[at + 1], FILE[at + 2], FILE[at + 3]])
}

const fn float(at: usize) -> f32 {
    f32::from_bits(word(at))
}

/// A layer of the file.
struct Layer<const INPUTS: usize, const OUTPUTS: usize> {
    weights: Tensor2D<i8, INPUTS, OUTPUTS, 1>,
    /// In steps of the outputs.
    biases: Buffer2D<f32, OUTPUTS, 1>,
    /// Of a sum, in steps of the outputs.
    scale: f32,
}

impl<const INPUTS: usize, const OUTPUTS: usize> Layer<INPUTS, OUTPUTS> {
    /// The layer at `at` in the file, whose outputs are in steps of `step` sums' scales.
    const fn at(at: usize, step: f32) -> Self {
        let scale = float(at) / step;
        let mut biases = [[0.0; OUTPUTS]];
        let mut output = 0;
        while output < OUTPUTS {
            biases[0][output] = word(at + 4 + 4 * output) as i32 as f32 * scale;
            output += 1;
        }
        let from = at + 4 + 4 * OUTPUTS;
        assert!(from + INPUTS * OUTPUTS <= FILE.len());
        // SAFETY: so many bytes are there, any of which is an i8.
        let weights = unsafe { FILE.as_ptr().add(from).cast::<[[i8; INPUTS]; OUTPUTS]>().read() };
        Self {
            weights: Tensor2D {
                buffer: Buffer2D::from_array_storage(ArrayStorage(weights)),
                scale: [1.0],
                zero_point: [0],
            },
            biases: Buffer2D::from_array_storage(ArrayStorage(biases)),
            scale,
        }
    }

    const fn end(at: usize) -> usize {
        at + 4 + 4 * OUTPUTS + INPUTS * OUTPUTS
    }

    fn forward(
        &self,
        x: Tensor2D<i8, 1, INPUTS, 1>,
        fused_activation: FusedActivation,
    ) -> Tensor2D<i8, 1, OUTPUTS, 1> {
        let constants = (self.biases, self.scale, Buffer2D::<i32, 1, OUTPUTS>::zeros(), 0);
        let options = FullyConnectedOptions { fused_activation };
        fully_connected(x, &self.weights, [1.0], [0], options, constants)
    }
}

const FIRST: usize = HEAD + 4;
const SECOND: usize = Layer::<17, 256>::end(FIRST);
const THIRD: usize = Layer::<256, 256>::end(SECOND);
/// Of an output before tanh: int8 reaches to ±2.
const LAST_STEP: f32 = 2.0 / 127.0;

static LAYERS: (Layer<17, 256>, Layer<256, 256>, Layer<256, 6>) =
    (Layer::at(FIRST, 1.0), Layer::at(SECOND, 1.0), Layer::at(THIRD, LAST_STEP));

/// One control step.
///
/// # Safety
/// 17 numbers can be read of `observation`, and 6 written to `action`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn peer_step(observation: *const f32, action: *mut f32) {
    // SAFETY: the caller's.
    let (observation, action) =
        unsafe { (&*observation.cast::<[f32; 17]>(), &mut *action.cast::<[f32; 6]>()) };
    let x = Buffer2D::<f32, 1, 17>::from_fn(|_, column| observation[column]);
    let x = Tensor2D::quantize(x, [1.0 / float(HEAD)], [0]);
    let x = LAYERS.0.forward(x, Relu);
    let x = LAYERS.1.forward(x, Relu);
    let x = LAYERS.2.forward(x, None);
    for (action, output) in action.iter_mut().zip(x.buffer.iter()) {
        *action = libm::tanhf(f32::from(*output) * LAST_STEP);
    }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}
