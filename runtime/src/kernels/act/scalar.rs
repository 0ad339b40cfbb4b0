//! Plain Rust for any processor, and the oracle of every other kernel.

use super::dense::Dense;
use super::even::{self, COLUMN_BITS, COLUMNS_PER_WORD, Even, LANES};
use super::packed::Packed;
use super::rows::{self, Value};
use super::strips::Strips;
use lacewing_formats::artifact::LayerView;

/// One row of `W x`, links in order.
fn dot<V: Value>(columns: &[u16], values: &[V], x: &[f32]) -> f32 {
    columns.iter().zip(values).map(|(&column, value)| value.widen() * x[usize::from(column)]).sum()
}

pub(super) fn csr(layer: &LayerView<'_>, x: &[f32], y: &mut [f32]) {
    rows::csr(
        layer,
        y,
        |columns, values| dot(columns, values, x),
        |columns, values| dot(columns, values, x),
    );
}

/// Rows in a panel: what the compiler makes vectors of.
pub(super) const PANEL: usize = 16;

/// The twin of every dense kernel: reads panels of any height.
pub(super) fn dense(dense: &Dense<'_>, x: &[f32], y: &mut [f32]) {
    y.fill(0.0);
    let (panels, rows) = dense.parts();
    let (y_panels, y_rows) = y.split_at_mut(dense.rows() - dense.rows() % dense.panel());
    let panels = panels.chunks_exact(dense.panel() * dense.cols());
    for (y, panel) in y_panels.chunks_exact_mut(dense.panel()).zip(panels) {
        for (weights, x) in panel.chunks_exact(dense.panel()).zip(x) {
            y.iter_mut().zip(weights).for_each(|(y, weight)| *y += weight * x);
        }
    }
    for (y, row) in y_rows.iter_mut().zip(rows.chunks_exact(dense.cols())) {
        *y = row.iter().zip(x).map(|(weight, x)| weight * x).sum();
    }
}

/// The twin of every packed kernel: reads any geometry.
pub(super) fn packed(packed: &Packed<'_>, x: &[f32], y: &mut [f32]) {
    y.fill(0.0);
    super::packed::each_entry(packed, |row, column, value| {
        if let Some(y) = y.get_mut(row) {
            *y += value * x[column];
        }
    });
}

/// The twin of every [`Even`] kernel.
pub(super) fn even(even: &Even<'_>, x: &[f32], y: &mut [f32]) {
    y.fill(0.0);
    let words = LANES * even.links().div_ceil(COLUMNS_PER_WORD);
    let pieces = even.columns().chunks_exact(words);
    let pieces = pieces.zip(even.values().chunks_exact(LANES * even.links()));
    for ((group, block), (columns, values)) in even::places(y.len(), even.blocks()).zip(pieces) {
        let x = &x[block * even::BLOCK..][..even::BLOCK];
        for (step, values) in values.chunks_exact(LANES).enumerate() {
            let columns = &columns[step / COLUMNS_PER_WORD * LANES..];
            let shift = COLUMN_BITS * (step % COLUMNS_PER_WORD) as u32;
            let rows = y[group * LANES..].iter_mut().take(LANES);
            for ((y, value), word) in rows.zip(values).zip(columns) {
                *y += value * x[(word >> shift) as usize % even::BLOCK];
            }
        }
    }
}

/// Rows of strips: what the compiler makes vectors of.
pub(super) const STRIP: usize = 16;

/// The twin of every [`Strips`] kernel: reads any height.
pub(super) fn strips(strips: &Strips<'_>, x: &[f32], y: &mut [f32]) {
    y.fill(0.0);
    for (y, (columns, values)) in y.chunks_mut(strips.height()).zip(strips.groups()) {
        for (&column, values) in columns.iter().zip(values.chunks_exact(strips.height())) {
            let x = x[usize::from(column)];
            y.iter_mut().zip(values).for_each(|(y, value)| *y += value * x);
        }
    }
}
