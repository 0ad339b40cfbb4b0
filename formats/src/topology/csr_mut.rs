//! A topology that may change, and stays legal while it does.

use super::{Csr, TopologyError, random_topology};
use rand_core::Rng;

/// CSR arrays in the caller's memory, checked once; every method keeps them a legal [`Csr`].
///
/// Only this module's siblings can touch the arrays, so a [`view`](Self::view) costs nothing and
/// may still be trusted by kernels that index without checks.
#[derive(Debug)]
pub struct CsrMut<'m> {
    pub(super) cols: usize,
    pub(super) row_ptr: &'m mut [u32],
    pub(super) col_idx: &'m mut [u16],
}

impl<'m> CsrMut<'m> {
    /// Takes arrays that already hold a topology with `cols` inputs.
    ///
    /// # Errors
    /// See [`Csr::new`].
    pub fn new(
        cols: usize,
        row_ptr: &'m mut [u32],
        col_idx: &'m mut [u16],
    ) -> Result<Self, TopologyError> {
        Csr::new(cols, row_ptr, col_idx)?;
        Ok(Self { cols, row_ptr, col_idx })
    }

    /// Fills the arrays with `col_idx.len()` links drawn uniformly without replacement.
    ///
    /// # Errors
    /// [`TopologyError`] if the layer has no such shape or not so many links.
    pub fn random(
        cols: usize,
        row_ptr: &'m mut [u32],
        col_idx: &'m mut [u16],
        rng: &mut impl Rng,
    ) -> Result<Self, TopologyError> {
        if cols == 0 || cols > 1 << 16 {
            return Err(TopologyError::Columns { cols });
        }
        if row_ptr.is_empty() || col_idx.len() > (row_ptr.len() - 1) * cols {
            return Err(TopologyError::RowPointerEnds { links: col_idx.len() });
        }
        random_topology(cols, row_ptr, col_idx, rng);
        Ok(Self { cols, row_ptr, col_idx })
    }

    /// The transpose of `other` in new arrays; `link` as in [`transpose_from`].
    ///
    /// [`transpose_from`]: Self::transpose_from
    ///
    /// # Errors
    /// [`TopologyError`] if `other` has more rows than a topology may have columns, or the arrays do
    /// not fit it.
    pub fn transposed(
        other: Csr<'_>,
        row_ptr: &'m mut [u32],
        col_idx: &'m mut [u16],
        link: &mut [u32],
    ) -> Result<Self, TopologyError> {
        let cols = other.rows();
        if cols == 0 || cols > 1 << 16 {
            return Err(TopologyError::Columns { cols });
        }
        if row_ptr.len() != other.cols() + 1 || col_idx.len() != other.links() {
            return Err(TopologyError::RowPointerEnds { links: col_idx.len() });
        }
        let mut transposed = Self { cols, row_ptr, col_idx };
        transposed.transpose_from(other, link);
        Ok(transposed)
    }

    /// The topology as it stands.
    pub fn view(&self) -> Csr<'_> {
        Csr::trusted(self.cols, self.row_ptr, self.col_idx)
    }

    /// Lets `fill` overwrite row pointers and columns, then checks them.
    ///
    /// # Errors
    /// See [`Csr::new`]; the topology is then the first places of the layer, row by row.
    pub fn replace(
        &mut self,
        fill: impl FnOnce(&mut [u32], &mut [u16]),
    ) -> Result<(), TopologyError> {
        fill(self.row_ptr, self.col_idx);
        let checked = Csr::new(self.cols, self.row_ptr, self.col_idx).map(|_| ());
        if checked.is_err() {
            for (row, pointer) in self.row_ptr.iter_mut().enumerate() {
                *pointer = (row * self.cols).min(self.col_idx.len()) as u32;
            }
            for (place, col) in self.col_idx.iter_mut().enumerate() {
                *col = (place % self.cols) as u16;
            }
        }
        checked
    }

    /// Takes over the topology of `other`.
    ///
    /// # Panics
    /// If shape or number of links differ.
    pub fn copy_from(&mut self, other: Csr<'_>) {
        assert_eq!(self.cols, other.cols(), "the layers have different inputs");
        self.row_ptr.copy_from_slice(other.row_ptr());
        self.col_idx.copy_from_slice(other.col_idx());
    }

    /// Becomes the transpose of `other`; `link[i]` is then the link of `other` that link `i` here
    /// stands for.
    ///
    /// # Panics
    /// If this is not `other.cols()` × `other.rows()` with as many links.
    pub fn transpose_from(&mut self, other: Csr<'_>, link: &mut [u32]) {
        assert_eq!((self.cols, self.row_ptr.len() - 1), (other.rows(), other.cols()));
        assert_eq!((self.col_idx.len(), link.len()), (other.links(), other.links()));
        self.row_ptr.fill(0);
        for &col in other.col_idx() {
            self.row_ptr[usize::from(col) + 1] += 1;
        }
        for col in 0..other.cols() {
            self.row_ptr[col + 1] += self.row_ptr[col];
        }
        // Each start moves to its column's end while links are dealt out, then shifts back.
        for row in 0..other.rows() {
            for at in other.row(row) {
                let place = &mut self.row_ptr[usize::from(other.col_idx()[at])];
                self.col_idx[*place as usize] = row as u16;
                link[*place as usize] = at as u32;
                *place += 1;
            }
        }
        self.row_ptr.copy_within(0..other.cols(), 1);
        self.row_ptr[0] = 0;
    }
}
