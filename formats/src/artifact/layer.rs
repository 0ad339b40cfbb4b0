//! A layer as it lies in the file.

use super::error::FileError;
use crate::codec::{Columns, Indices, ReadColumns, RowTable, Values, entropy_bound};
use crate::policy::{Activation, LayerNorm};
use crate::topology::Csr;

/// A layer of a checked policy: `y = activation(norm(W x + bias))`, W of `rows` outputs × `cols` inputs.
///
/// What kernels index with is private: to have a `LayerView` is proof that its columns are below
/// `cols`, strictly ascending in each row, and that there is one weight a link.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerView<'a> {
    rows: usize,
    cols: usize,
    table: RowTable<'a>,
    indices: Indices<'a>,
    values: Values<'a>,
    /// One bias an output.
    pub bias: &'a [f32],
    /// What the sums go through before the activation, if anything.
    pub norm: Option<LayerNorm<'a>>,
    /// What follows the sums.
    pub activation: Activation,
}

/// The sections of a layer, not checked yet.
pub(super) struct Parts<'a> {
    pub cols: usize,
    pub table: RowTable<'a>,
    pub indices: Indices<'a>,
    pub values: Values<'a>,
    pub bias: &'a [f32],
    pub norm: Option<LayerNorm<'a>>,
    pub activation: Activation,
}

impl<'a> LayerView<'a> {
    /// A layer in memory: a checked topology, with one weight a link.
    ///
    /// # Panics
    /// If there is not one weight a link and one bias an output.
    pub fn of(
        topology: Csr<'a>,
        weights: &'a [f32],
        bias: &'a [f32],
        activation: Activation,
    ) -> Self {
        assert_eq!((weights.len(), bias.len()), (topology.links(), topology.rows()));
        Self {
            rows: topology.rows(),
            cols: topology.cols(),
            table: RowTable::Pointers(topology.row_ptr()),
            indices: Indices::U16(topology.col_idx()),
            values: Values::F32(weights),
            bias,
            norm: None,
            activation,
        }
    }

    /// To be checked before it is given to anyone.
    pub(super) fn new(parts: Parts<'a>) -> Self {
        let Parts { cols, table, indices, values, bias, norm, activation } = parts;
        Self { rows: bias.len(), cols, table, indices, values, bias, norm, activation }
    }

    /// Checks the links; `layer` is for the error.
    pub(super) fn check(&self, layer: usize) -> Result<(), FileError> {
        self.indices
            .check(self.table, (self.rows, self.cols), self.values.len())
            .map_err(|source| FileError::Topology { layer, source })
    }

    /// Output neurons.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Input neurons.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Live links.
    pub fn links(&self) -> usize {
        self.values.len()
    }

    /// Share of links that are *not* live, 0 to 1.
    pub fn sparsity(&self) -> f64 {
        1.0 - self.links() as f64 / (self.rows() as f64 * self.cols as f64)
    }

    /// How the lengths of rows are stored.
    pub fn row_table(&self) -> RowTable<'a> {
        self.table
    }

    /// The `rows + 1` row pointers: row r owns the links `row_ptr[r]..row_ptr[r + 1]`.
    #[cfg(feature = "alloc")]
    pub fn row_ptr(&self) -> alloc::vec::Vec<u32> {
        let mut row_ptr = alloc::vec![0; self.rows + 1];
        for (row, _, _) in self.iter() {
            row_ptr[row + 1] += 1;
        }
        for row in 0..self.rows {
            row_ptr[row + 1] += row_ptr[row];
        }
        row_ptr
    }

    /// The columns as stored.
    pub fn indices(&self) -> Indices<'a> {
        self.indices
    }

    /// The weights as stored.
    pub fn values(&self) -> Values<'a> {
        self.values
    }

    /// The topology in place; `None` where the file holds no row pointers or no plain columns (then
    /// [`LayerView::columns`], row after row).
    pub fn topology(&self) -> Option<Csr<'a>> {
        match (self.table, self.indices) {
            (RowTable::Pointers(row_ptr), Indices::U16(columns)) => {
                Some(Csr::trusted(self.cols, row_ptr, columns))
            }
            _ => None,
        }
    }

    /// Reads the columns row after row, whatever their codec.
    pub fn columns(&self) -> Columns<'a> {
        Columns::new(self.indices, self.table)
    }

    /// Every live link, row after row, columns ascending.
    pub fn iter(&self) -> Links<'a> {
        let mut columns = self.columns();
        columns.start_row();
        Links { layer: *self, row: 0, link: 0, columns }
    }

    /// Writes the column of every link.
    ///
    /// # Panics
    /// If `columns` is not [`LayerView::links`] long.
    pub fn decode_columns(&self, columns: &mut [u16]) {
        assert_eq!(columns.len(), self.links(), "one column a link");
        for (out, (_, column, _)) in columns.iter_mut().zip(self.iter()) {
            *out = column;
        }
    }

    /// Bytes that say which links are alive: columns and the lengths of rows.
    pub fn index_bytes(&self) -> usize {
        self.table.bytes() + self.indices.bytes()
    }

    /// Bytes of the weights and the scales of their rows.
    pub fn value_bytes(&self) -> usize {
        let codec = self.values.codec();
        self.links() * codec.bytes() as usize + self.rows() * codec.bytes_per_row() as usize
    }

    /// Bits a link below which no [`LayerView::index_bytes`] get where links are independent of each
    /// other: see [`entropy_bound`].
    pub fn entropy_bound(&self) -> f64 {
        entropy_bound(1.0 - self.sparsity())
    }
}

/// Live links as (row, column, weight).
#[derive(Clone, Debug)]
pub struct Links<'a> {
    layer: LayerView<'a>,
    row: usize,
    link: usize,
    columns: Columns<'a>,
}

impl Iterator for Links<'_> {
    type Item = (usize, u16, f32);

    fn next(&mut self) -> Option<Self::Item> {
        let column = loop {
            match self.columns.next_column() {
                Some(column) => break column,
                None if self.row + 1 < self.layer.rows => {
                    self.row += 1;
                    self.columns.start_row();
                }
                None => return None,
            }
        };
        let value = self.layer.values.get(self.row, self.link)?;
        self.link += 1;
        Some((self.row, column, value))
    }
}
