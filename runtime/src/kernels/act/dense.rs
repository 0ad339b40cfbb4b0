//! A layer with every pruned link written out as zero, and the kernel for it.
//!
//! Whole panels of rows lie column by column, so that one input is multiplied with a vector of
//! rows and nothing is summed across lanes; the rows that fill no panel lie row by row. The kernel
//! reads the weights strictly in order: with eight rows in turn the caches of an AMD Zen 5
//! delivered half as much.

use crate::arena::{Arena, Block, OutOfMemory};
use crate::kernels::flushed;
use crate::kernels::vector::Vector;
use lacewing_formats::artifact::LayerView;

/// A dense layer for kernels of one panel height.
#[derive(Clone, Copy, Debug)]
pub struct Dense<'m> {
    rows: usize,
    cols: usize,
    panel: usize,
    weights: &'m [f32],
}

impl<'m> Dense<'m> {
    /// Blocks of memory that [`Dense::new`] takes.
    pub fn blocks(layer: &LayerView<'_>) -> usize {
        Block::for_slice::<f32>(layer.rows() * layer.cols())
    }

    /// Writes `layer` out in panels of `panel` rows, in memory of `arena`; `inputs` says at which
    /// place each input lies (where `None`, its own).
    ///
    /// # Errors
    /// [`OutOfMemory`] where it has fewer than [`Dense::blocks`] left.
    ///
    /// # Panics
    /// If `panel` is 0 or there is no place for an input.
    pub fn new(
        layer: &LayerView<'_>,
        panel: usize,
        inputs: Option<&[u16]>,
        arena: &mut Arena<'m>,
    ) -> Result<Self, OutOfMemory> {
        let (rows, cols) = (layer.rows(), layer.cols());
        let weights = arena.take::<f32>(rows * cols)?;
        let in_panels = rows - rows % panel;
        for (row, column, value) in layer.iter() {
            let column = usize::from(inputs.map_or(column, |inputs| inputs[usize::from(column)]));
            let at = if row < in_panels {
                (row - row % panel) * cols + column * panel + row % panel
            } else {
                row * cols + column
            };
            weights[at] = flushed(value);
        }
        Ok(Self { rows, cols, panel, weights })
    }

    /// Rows in a panel.
    pub fn panel(&self) -> usize {
        self.panel
    }

    /// Output neurons.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Input neurons.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The weights of the panels, and those of the rows after them.
    pub(super) fn parts(&self) -> (&'m [f32], &'m [f32]) {
        self.weights.split_at((self.rows - self.rows % self.panel) * self.cols)
    }
}

/// Panels of `P` vectors, `U` columns of them in flight.
///
/// # Safety
/// The processor has `V`'s instructions, `dense.panel()` is `P * V::LANES`, `x` is not empty, and
/// `x` and `y` are as long as the layer is wide and high.
#[inline(always)]
pub(super) unsafe fn dense<V: Vector, const P: usize, const U: usize>(
    dense: &Dense<'_>,
    x: &[f32],
    y: &mut [f32],
) {
    let (panels, rows) = dense.parts();
    let (y_panels, y_rows) = y.split_at_mut(dense.rows() - dense.rows() % dense.panel());
    let (mut weights, x_whole) = (panels.as_ptr(), x.len() - x.len() % U);
    for y in y_panels.chunks_exact_mut(P * V::LANES) {
        // SAFETY: a panel holds `P` vectors of weights for each of the inputs, and `y` as many
        // outputs.
        unsafe {
            let mut sums = [[V::splat(0.0); P]; U];
            for column in (0..x_whole).step_by(U) {
                for (u, sums) in sums.iter_mut().enumerate() {
                    multiply_add(sums, &mut weights, *x.get_unchecked(column + u));
                }
            }
            for &x in &x[x_whole..] {
                multiply_add(&mut sums[0], &mut weights, x);
            }
            for vector in 0..P {
                let sum = sums[1..].iter().fold(sums[0][vector], |sum, u| sum.add(u[vector]));
                sum.store(y.as_mut_ptr().add(vector * V::LANES));
            }
        }
    }
    for (y, row) in y_rows.iter_mut().zip(rows.chunks_exact(x.len())) {
        // SAFETY: a row is as long as `x`.
        *y = unsafe { dot::<V>(row, x) };
    }
}

/// `sums += weights · x` for the next vectors of weights.
///
/// # Safety
/// As [`dense`]; as many weights as sums can be read.
#[inline(always)]
unsafe fn multiply_add<V: Vector>(sums: &mut [V], weights: &mut *const f32, x: f32) {
    // SAFETY: the caller's.
    unsafe {
        let x = V::splat(x);
        for sum in sums {
            *sum = V::load(*weights).mul_add(x, *sum);
            *weights = weights.add(V::LANES);
        }
    }
}

/// One row by four sums.
///
/// # Safety
/// The processor has `V`'s instructions; `row` and `x` are equally long.
#[inline(always)]
unsafe fn dot<V: Vector>(row: &[f32], x: &[f32]) -> f32 {
    let whole = x.len() - x.len() % V::LANES;
    // SAFETY: every vector read ends at or before `whole`.
    let sum = unsafe {
        let mut sums = [V::splat(0.0); 4];
        let mut at = 0;
        while at < whole {
            for sum in &mut sums {
                if at < whole {
                    *sum = V::load(row.as_ptr().add(at)).mul_add(V::load(x.as_ptr().add(at)), *sum);
                    at += V::LANES;
                }
            }
        }
        sums[0].add(sums[1]).add(sums[2].add(sums[3])).total()
    };
    sum + row[whole..].iter().zip(&x[whole..]).map(|(weight, x)| weight * x).sum::<f32>()
}
