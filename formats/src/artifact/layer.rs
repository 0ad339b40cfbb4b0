//! A layer as it lies in the file.

use super::error::FileError;
use crate::codec::{Gaps, Indices, Values, entropy_bound};
use crate::policy::Activation;
use crate::topology::Csr;

/// A layer of a checked policy: `y = activation(W x + bias)`, W of `rows` outputs × `cols` inputs.
///
/// What kernels index with is private: to have a `LayerView` is proof that its columns are below
/// `cols`, strictly ascending in each row, and that there is one weight a link.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerView<'a> {
    cols: usize,
    row_ptr: &'a [u32],
    indices: Indices<'a>,
    values: Values<'a>,
    /// One bias an output.
    pub bias: &'a [f32],
    /// What follows the sums.
    pub activation: Activation,
}

/// The sections of a layer, not checked yet.
pub(super) struct Parts<'a> {
    pub cols: usize,
    pub row_ptr: &'a [u32],
    pub indices: Indices<'a>,
    pub values: Values<'a>,
    pub bias: &'a [f32],
    pub activation: Activation,
}

impl<'a> LayerView<'a> {
    /// Checks the links; `layer` is for the error.
    pub(super) fn new(layer: usize, parts: Parts<'a>) -> Result<Self, FileError> {
        let Parts { cols, row_ptr, indices, values, bias, activation } = parts;
        let links = values.len();
        let ends = (row_ptr.first(), row_ptr.last());
        let checked = if ends == (Some(&0), Some(&(links as u32))) {
            indices.check(cols, row_ptr)
        } else {
            Err(crate::topology::TopologyError::RowPointerEnds { links })
        };
        checked.map_err(|source| FileError::Topology { layer, source })?;
        Ok(Self { cols, row_ptr, indices, values, bias, activation })
    }

    /// Output neurons.
    pub fn rows(&self) -> usize {
        self.row_ptr.len() - 1
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

    /// The `rows + 1` row pointers: row r owns the links `row_ptr[r]..row_ptr[r + 1]`.
    pub fn row_ptr(&self) -> &'a [u32] {
        self.row_ptr
    }

    /// The columns as stored.
    pub fn indices(&self) -> Indices<'a> {
        self.indices
    }

    /// The weights as stored.
    pub fn values(&self) -> Values<'a> {
        self.values
    }

    /// The topology in place; `None` where columns are stored as gaps (then
    /// [`LayerView::decode_columns`] and [`Csr::new`], or [`Gaps`] row after row).
    pub fn topology(&self) -> Option<Csr<'a>> {
        match self.indices {
            Indices::U16(columns) => Some(Csr::trusted(self.cols, self.row_ptr, columns)),
            Indices::DeltaU8(_) => None,
        }
    }

    /// Every live link, row after row, columns ascending.
    pub fn iter(&self) -> Links<'a> {
        let gaps = match self.indices {
            Indices::U16(_) => &[][..],
            Indices::DeltaU8(bytes) => bytes,
        };
        Links { layer: *self, row: 0, link: 0, gaps: Gaps::new(gaps) }
    }

    /// Writes the column of every link.
    ///
    /// # Panics
    /// If `columns` is not [`LayerView::links`] long.
    pub fn decode_columns(&self, columns: &mut [u16]) {
        assert_eq!(columns.len(), self.links(), "one column a link");
        match self.indices {
            Indices::U16(stored) => columns.copy_from_slice(stored),
            Indices::DeltaU8(_) => {
                for (out, (_, column, _)) in columns.iter_mut().zip(self.iter()) {
                    *out = column;
                }
            }
        }
    }

    /// Bytes that say which links are alive: row pointers and columns.
    pub fn index_bytes(&self) -> usize {
        size_of_val(self.row_ptr) + self.indices.bytes()
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
    gaps: Gaps<'a>,
}

impl Iterator for Links<'_> {
    type Item = (usize, u16, f32);

    fn next(&mut self) -> Option<Self::Item> {
        while *self.layer.row_ptr.get(self.row + 1)? as usize <= self.link {
            self.row += 1;
            self.gaps.start_row();
        }
        let column = match self.layer.indices {
            Indices::U16(columns) => *columns.get(self.link)?,
            Indices::DeltaU8(_) => self.gaps.next_column()?,
        };
        let value = self.layer.values.get(self.row, self.link)?;
        self.link += 1;
        Some((self.row, column, value))
    }
}
