//! Plain Rust for any processor, and the oracle of every other int8 kernel.

use super::dense::{COLUMNS, DenseInt8, PANEL};
use super::{Int8Kernel, Quantised, Rows, SparseInt8};
use crate::kernels::act::packed::each_entry;

pub(in crate::kernels::act) const KERNEL: Int8Kernel =
    Int8Kernel { cost: 3.0, quantise: super::quantise, sparse, dense };

fn sparse(weights: &SparseInt8<'_>, x: &Quantised<'_>, y: &mut [f32]) {
    sum_up(weights.rows, x, y, |sums| {
        each_entry(&weights.packed, |row, column, weight| {
            if let Some(sum) = sums.get_mut(row) {
                *sum += i32::from(weight) * i32::from(x.bytes[column]);
            }
        });
    });
}

fn dense(weights: &DenseInt8<'_>, x: &Quantised<'_>, y: &mut [f32]) {
    sum_up(weights.of_rows, x, y, |sums| {
        let panels = weights.weights.chunks_exact(DenseInt8::panel(weights.cols));
        for (sums, panel) in sums.chunks_mut(PANEL).zip(panels) {
            for (group, x) in panel.chunks_exact(PANEL * COLUMNS).zip(x.bytes.chunks(COLUMNS)) {
                for (sum, weights) in sums.iter_mut().zip(group.chunks_exact(COLUMNS)) {
                    let products =
                        weights.iter().zip(x).map(|(&w, &x)| i32::from(w) * i32::from(x));
                    *sum += products.sum::<i32>();
                }
            }
        }
    });
}

/// Outputs from the sums that `add` adds up from zero, in the outputs' own memory.
fn sum_up(rows: Rows<'_>, x: &Quantised<'_>, y: &mut [f32], add: impl FnOnce(&mut [i32])) {
    y.fill(0.0);
    add(bytemuck::cast_slice_mut(y));
    for ((y, &scale), &sum) in y.iter_mut().zip(rows.scales).zip(rows.sums) {
        let products: i32 = bytemuck::cast(*y);
        *y = x.output(products, scale, sum);
    }
}
