//! Compressed sparse rows: the live links of one layer.

use super::Structure;
use super::grid::Grid;
use rand_core::Rng;
use thiserror::Error;

/// A checked, borrowed CSR topology of a layer with `rows` outputs and `cols` inputs.
///
/// Row `r` owns the links `row_ptr[r]..row_ptr[r + 1]`; `col_idx` holds their input neurons,
/// strictly ascending in each row. A link may be live and hold the value zero: topology is never
/// guessed from values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Csr<'a> {
    cols: usize,
    row_ptr: &'a [u32],
    col_idx: &'a [u16],
}

/// Why arrays are not a CSR topology.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum TopologyError {
    /// A layer must have 1 to 65,536 inputs, so that a column index fits `u16`.
    #[error("a layer needs 1 to 65536 inputs, not {cols}")]
    Columns {
        /// The inputs asked for.
        cols: usize,
    },
    /// `row_ptr` is empty, does not start at 0, or does not end at the number of links.
    #[error("row pointers must start at 0 and end at the number of links ({links})")]
    RowPointerEnds {
        /// Links present in `col_idx`.
        links: usize,
    },
    /// The rows have more or fewer links than the layer.
    #[error("the numbers of links of the rows must add up to that of the layer ({links})")]
    RowLengths {
        /// Links of the layer.
        links: usize,
    },
    /// `row_ptr` decreases after `row`.
    #[error("row pointer of row {row} is beyond that of the next row")]
    RowPointerOrder {
        /// First offending row.
        row: usize,
    },
    /// Columns of `row` are not strictly ascending or reach past the last input.
    #[error("columns of row {row} must ascend strictly and stay below the number of inputs")]
    ColumnOrder {
        /// First offending row.
        row: usize,
    },
    /// No layer of this shape has so many links in this structure.
    #[error("{structure} layers of this shape cannot have {links} links; the nearest is {nearest}")]
    Links {
        /// The structure asked for.
        structure: Structure,
        /// The links asked for.
        links: usize,
        /// Links that such a layer can have.
        nearest: usize,
    },
    /// Topologies only shrink.
    #[error("{links} links do not fit a layer that has room for {room}")]
    Room {
        /// The links asked for.
        links: usize,
        /// Links that there is room for.
        room: usize,
    },
    /// The links from `row` on are not laid out as the structure demands.
    #[error("links from row {row} on are not {structure}")]
    Structure {
        /// First row of the offending part.
        row: usize,
        /// What they should be.
        structure: Structure,
    },
}

impl<'a> Csr<'a> {
    /// Checks the arrays once, in time linear in their length.
    ///
    /// # Errors
    /// A [`TopologyError`] naming the first violated rule.
    pub fn new(cols: usize, row_ptr: &'a [u32], col_idx: &'a [u16]) -> Result<Self, TopologyError> {
        if cols == 0 || cols > 1 << 16 {
            return Err(TopologyError::Columns { cols });
        }
        let ends = (row_ptr.first(), row_ptr.last());
        if ends != (Some(&0), Some(&(col_idx.len() as u32))) {
            return Err(TopologyError::RowPointerEnds { links: col_idx.len() });
        }
        for (row, ends) in row_ptr.windows(2).enumerate() {
            // The last pointer is the number of links, so an ordered prefix is also in bounds.
            let Some(columns) = col_idx.get(ends[0] as usize..ends[1] as usize) else {
                return Err(TopologyError::RowPointerOrder { row });
            };
            let ascending = columns.windows(2).all(|pair| pair[0] < pair[1]);
            if !ascending || columns.last().is_some_and(|&last| usize::from(last) >= cols) {
                return Err(TopologyError::ColumnOrder { row });
            }
        }
        Ok(Self { cols, row_ptr, col_idx })
    }

    /// A view of arrays whose legality the caller has checked and kept since.
    pub(crate) fn trusted(cols: usize, row_ptr: &'a [u32], col_idx: &'a [u16]) -> Self {
        debug_assert!(Self::new(cols, row_ptr, col_idx).is_ok());
        Self { cols, row_ptr, col_idx }
    }

    /// The topology without its rows from `rows` on.
    ///
    /// # Panics
    /// If it has fewer.
    pub fn first_rows(self, rows: usize) -> Self {
        let row_ptr = &self.row_ptr[..=rows];
        Self { row_ptr, col_idx: &self.col_idx[..row_ptr[rows] as usize], ..self }
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
        self.col_idx.len()
    }

    /// Whether every link is live.
    pub fn is_full(&self) -> bool {
        self.links() == self.rows() * self.cols
    }

    /// Share of links that are *not* live, 0 to 1.
    pub fn sparsity(&self) -> f64 {
        1.0 - self.links() as f64 / (self.rows() * self.cols).max(1) as f64
    }

    /// The `rows + 1` row pointers.
    pub fn row_ptr(&self) -> &'a [u32] {
        self.row_ptr
    }

    /// The column of every live link, row after row.
    pub fn col_idx(&self) -> &'a [u16] {
        self.col_idx
    }

    /// Index range of the links of `row`.
    ///
    /// # Panics
    /// If `row` is not a row of this topology.
    pub fn row(&self, row: usize) -> core::ops::Range<usize> {
        self.row_ptr[row] as usize..self.row_ptr[row + 1] as usize
    }
}

/// Fills `row_ptr` (`rows + 1` long) and `col_idx` (as many as links wanted) with links drawn
/// uniformly without replacement from a `rows` × `cols` layer (exact count, selection sampling,
/// Knuth TAOCP 2, 3.4.2, algorithm S).
///
/// # Panics
/// If more links are wanted than the layer has, or `row_ptr` is empty.
pub fn random_topology(cols: usize, row_ptr: &mut [u32], col_idx: &mut [u16], rng: &mut impl Rng) {
    let rows = row_ptr.len() - 1;
    assert!(col_idx.len() <= rows * cols, "more links than the layer has room for");
    Grid::unstructured(rows, cols, col_idx.len()).draw(row_ptr, col_idx, rng);
}

/// A uniform integer in `0..bound` (Lemire 2019, multiply-shift; bias below 2⁻³²·bound).
pub(crate) fn below(rng: &mut impl Rng, bound: u64) -> u64 {
    ((u128::from(rng.next_u64()) * u128::from(bound)) >> 64) as u64
}
