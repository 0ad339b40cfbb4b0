//! An int8 layer with its zeros written out.

use super::Rows;

/// Rows in a panel: lanes of a vector of i32.
pub(super) const PANEL: usize = 16;

/// Columns that a lane multiplies at once.
pub(super) const COLUMNS: usize = 4;

/// A dense int8 layer: panels of sixteen rows, in them groups of four columns, in them row after row.
/// What fills the last panel and the last group is zero.
#[derive(Clone, Copy, Debug)]
pub struct DenseInt8<'m> {
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) weights: &'m [i8],
    pub(super) of_rows: Rows<'m>,
}

impl DenseInt8<'_> {
    /// Output neurons.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Input neurons.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Weights in a panel.
    pub(super) fn panel(cols: usize) -> usize {
        PANEL * cols.next_multiple_of(COLUMNS)
    }
}
