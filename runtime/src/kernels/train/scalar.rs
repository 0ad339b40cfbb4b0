//! The oracle: what every other implementation is tested against, and what any CPU can run.

use super::{AdamStep, Finish, NORM_EPSILON, Row, RowKernels, TrainKernels};
use crate::kernels::flushed;
use lacewing_formats::topology::Csr;

pub(super) const KERNELS: TrainKernels =
    TrainKernels { name: "scalar", tiles: kernels(), quarters: kernels(), adam };

const fn kernels<R: Row>() -> RowKernels<R> {
    RowKernels { spmm, spmm_back, sddmm, normalise, normalise_back }
}

fn spmm<R: Row>(
    csr: Csr<'_>,
    weights: &[f32],
    bias: Option<&[f32]>,
    x: &[R],
    y: &mut [R],
    finish: Finish<'_, R>,
    samples: usize,
) {
    for (row, y) in y.iter_mut().enumerate() {
        let y = &mut y.as_mut()[..samples];
        y.fill(bias.map_or(0.0, |bias| bias[row]));
        for link in csr.row(row) {
            let x = &x[usize::from(csr.col_idx()[link])];
            for (y, x) in y.iter_mut().zip(x.as_ref()) {
                *y += weights[link] * x;
            }
        }
        for (i, y) in y.iter_mut().enumerate() {
            let zero = match finish {
                Finish::Store => false,
                Finish::Relu => *y < 0.0,
                Finish::Gate(gate) => gate[row].as_ref()[i] <= 0.0,
            };
            *y = if zero { 0.0 } else { *y };
        }
    }
}

fn spmm_back<R: Row>(csr: Csr<'_>, weights: &[f32], dy: &[R], dx: &mut [R], samples: usize) {
    for (row, dy) in dy.iter().enumerate() {
        for link in csr.row(row) {
            let dx = dx[usize::from(csr.col_idx()[link])].as_mut();
            for (dx, dy) in dx.iter_mut().zip(&dy.as_ref()[..samples]) {
                *dx += weights[link] * dy;
            }
        }
    }
}

fn sddmm<R: Row>(csr: Csr<'_>, dy: &[R], x: &[R], grad: &mut [f32], samples: usize) {
    for (row, dy) in dy.iter().enumerate() {
        for link in csr.row(row) {
            let x = &x[usize::from(csr.col_idx()[link])];
            grad[link] +=
                dy.as_ref()[..samples].iter().zip(x.as_ref()).map(|(dy, x)| dy * x).sum::<f32>();
        }
    }
}

fn normalise<R: Row>(y: &mut [R], normalised: &mut [R], inverse: &mut R, samples: usize) {
    let rows = y.len() as f32;
    for i in 0..samples {
        let mean = y.iter().map(|y| y.as_ref()[i]).sum::<f32>() / rows;
        let squares = y.iter().map(|y| (y.as_ref()[i] - mean) * (y.as_ref()[i] - mean));
        inverse.as_mut()[i] = 1.0 / libm::sqrtf(squares.sum::<f32>() / rows + NORM_EPSILON);
        for (y, normalised) in y.iter_mut().zip(&mut *normalised) {
            normalised.as_mut()[i] = (y.as_ref()[i] - mean) * inverse.as_ref()[i];
            y.as_mut()[i] = if normalised.as_ref()[i] < 0.0 { 0.0 } else { normalised.as_ref()[i] };
        }
    }
}

fn normalise_back<R: Row>(dy: &mut [R], normalised: &[R], inverse: &R, samples: usize) {
    let rows = dy.len() as f32;
    for i in 0..samples {
        let mean = dy.iter().map(|dy| dy.as_ref()[i]).sum::<f32>() / rows;
        let products = dy.iter().zip(normalised).map(|(dy, n)| dy.as_ref()[i] * n.as_ref()[i]);
        let slope = products.sum::<f32>() / rows;
        for (dy, n) in dy.iter_mut().zip(normalised) {
            dy.as_mut()[i] = (dy.as_ref()[i] - mean - n.as_ref()[i] * slope) * inverse.as_ref()[i];
        }
    }
}

pub(super) fn adam(step: &AdamStep, w: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32]) {
    for (((w, g), m), v) in w.iter_mut().zip(g).zip(m).zip(v) {
        let g = g + step.weight_decay * *w;
        *m = flushed(*m + (1.0 - step.beta1) * (g - *m));
        *v = flushed(step.beta2 * *v + (1.0 - step.beta2) * g * g);
        let root = libm::sqrtf(*v) * step.second_correction;
        *w = flushed(*w - step.step_size * *m / (root + step.epsilon));
    }
}
