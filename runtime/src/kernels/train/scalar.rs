//! The oracle: what every other implementation is tested against, and what any CPU can run.

use super::{AdamStep, Finish, NORM_EPSILON, Tile, TrainKernels};
use lacewing_formats::topology::Csr;

pub(super) const KERNELS: TrainKernels =
    TrainKernels { name: "scalar", spmm, sddmm, normalise, normalise_back, adam };

fn spmm(
    csr: Csr<'_>,
    weights: &[f32],
    bias: Option<&[f32]>,
    x: &[Tile],
    y: &mut [Tile],
    finish: Finish<'_>,
    samples: usize,
) {
    for (row, y) in y.iter_mut().enumerate() {
        let y = &mut y.0[..samples];
        y.fill(bias.map_or(0.0, |bias| bias[row]));
        for link in csr.row(row) {
            let x = &x[usize::from(csr.col_idx()[link])];
            for (y, x) in y.iter_mut().zip(x.0) {
                *y += weights[link] * x;
            }
        }
        for (i, y) in y.iter_mut().enumerate() {
            let zero = match finish {
                Finish::Store => false,
                Finish::Relu => *y < 0.0,
                Finish::Gate(gate) => gate[row].0[i] <= 0.0,
            };
            *y = if zero { 0.0 } else { *y };
        }
    }
}

fn sddmm(csr: Csr<'_>, dy: &[Tile], x: &[Tile], grad: &mut [f32], samples: usize) {
    for (row, dy) in dy.iter().enumerate() {
        for link in csr.row(row) {
            let x = &x[usize::from(csr.col_idx()[link])];
            grad[link] += dy.0[..samples].iter().zip(x.0).map(|(dy, x)| dy * x).sum::<f32>();
        }
    }
}

fn normalise(y: &mut [Tile], normalised: &mut [Tile], inverse: &mut Tile, samples: usize) {
    let rows = y.len() as f32;
    for i in 0..samples {
        let mean = y.iter().map(|y| y.0[i]).sum::<f32>() / rows;
        let squares = y.iter().map(|y| (y.0[i] - mean) * (y.0[i] - mean));
        inverse.0[i] = 1.0 / libm::sqrtf(squares.sum::<f32>() / rows + NORM_EPSILON);
        for (y, normalised) in y.iter_mut().zip(&mut *normalised) {
            normalised.0[i] = (y.0[i] - mean) * inverse.0[i];
            y.0[i] = if normalised.0[i] < 0.0 { 0.0 } else { normalised.0[i] };
        }
    }
}

fn normalise_back(dy: &mut [Tile], normalised: &[Tile], inverse: &Tile, samples: usize) {
    let rows = dy.len() as f32;
    for i in 0..samples {
        let mean = dy.iter().map(|dy| dy.0[i]).sum::<f32>() / rows;
        let products = dy.iter().zip(normalised).map(|(dy, n)| dy.0[i] * n.0[i]);
        let slope = products.sum::<f32>() / rows;
        for (dy, n) in dy.iter_mut().zip(normalised) {
            dy.0[i] = (dy.0[i] - mean - n.0[i] * slope) * inverse.0[i];
        }
    }
}

pub(super) fn adam(step: &AdamStep, w: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32]) {
    for (((w, g), m), v) in w.iter_mut().zip(g).zip(m).zip(v) {
        let g = g + step.weight_decay * *w;
        *m += (1.0 - step.beta1) * (g - *m);
        *v = step.beta2 * *v + (1.0 - step.beta2) * g * g;
        *w -= step.step_size * *m / (libm::sqrtf(*v) * step.second_correction + step.epsilon);
    }
}
