//! A topology that may change, and stays legal while it does.

use super::grid::Grid;
use super::{Csr, Structure, TopologyError};
use rand_core::Rng;

/// CSR arrays in the caller's memory, checked once; every method keeps them a legal [`Csr`] that
/// obeys its [`Structure`].
///
/// Only this module's siblings can touch the arrays, so a [`view`](Self::view) costs nothing and
/// may still be trusted by kernels that index without checks.
#[derive(Debug)]
pub struct CsrMut<'m> {
    pub(super) grid: Grid,
    pub(super) row_ptr: &'m mut [u32],
    pub(super) col_idx: &'m mut [u16],
}

impl<'m> CsrMut<'m> {
    /// Takes arrays that already hold a topology with `cols` inputs.
    ///
    /// # Errors
    /// See [`Csr::new`]; or the topology does not obey the structure.
    pub fn new(
        structure: Structure,
        cols: usize,
        row_ptr: &'m mut [u32],
        col_idx: &'m mut [u16],
    ) -> Result<Self, TopologyError> {
        let topology = Csr::new(cols, row_ptr, col_idx)?;
        let grid = Grid::new(structure, topology.rows(), cols, topology.links())?;
        grid.check(topology)?;
        Ok(Self { grid, row_ptr, col_idx })
    }

    /// Fills the arrays with `col_idx.len()` links drawn uniformly without replacement, in cells and
    /// scopes as the structure demands.
    ///
    /// # Errors
    /// [`TopologyError`] if the layer has no such shape or not so many links.
    pub fn random(
        structure: Structure,
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
        let grid = Grid::new(structure, row_ptr.len() - 1, cols, col_idx.len())?;
        grid.draw(row_ptr, col_idx, rng);
        Ok(Self { grid, row_ptr, col_idx })
    }

    /// The same topology, in the same structure, as `other` in new arrays.
    ///
    /// # Errors
    /// [`TopologyError::RowPointerEnds`] if the arrays do not fit it.
    pub fn copied(
        other: &CsrMut<'_>,
        row_ptr: &'m mut [u32],
        col_idx: &'m mut [u16],
    ) -> Result<Self, TopologyError> {
        if (row_ptr.len(), col_idx.len()) != (other.row_ptr.len(), other.col_idx.len()) {
            return Err(TopologyError::RowPointerEnds { links: col_idx.len() });
        }
        row_ptr.copy_from_slice(other.row_ptr);
        col_idx.copy_from_slice(other.col_idx);
        Ok(Self { grid: other.grid, row_ptr, col_idx })
    }

    /// Becomes the same topology, in the same structure, as `other`; where that has fewer links, this
    /// shrinks.
    ///
    /// # Errors
    /// [`TopologyError`] if `other` has other rows and columns, or more links than there is room for.
    pub fn copy_from(&mut self, other: &CsrMut<'_>) -> Result<(), TopologyError> {
        if self.row_ptr.len() != other.row_ptr.len() {
            return Err(TopologyError::RowPointerEnds { links: other.col_idx.len() });
        }
        if self.grid.cols != other.grid.cols {
            return Err(TopologyError::Columns { cols: other.grid.cols });
        }
        let (links, room) = (other.col_idx.len(), self.col_idx.len());
        if links > room {
            return Err(TopologyError::Room { links, room });
        }
        self.adopt(other.grid);
        self.row_ptr.copy_from_slice(other.row_ptr);
        self.col_idx.copy_from_slice(other.col_idx);
        Ok(())
    }

    /// The transpose of `other` in new arrays, without a structure; `link` as in [`transpose_from`].
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
        let grid = Grid::unstructured(other.cols(), cols, other.links());
        let mut transposed = Self { grid, row_ptr, col_idx };
        transposed.transpose_from(other, link);
        Ok(transposed)
    }

    /// The topology as it stands.
    pub fn view(&self) -> Csr<'_> {
        Csr::trusted(self.grid.cols, self.row_ptr, self.col_idx)
    }

    /// Lets `fill` overwrite row pointers and columns, then checks them.
    ///
    /// # Errors
    /// See [`CsrMut::new`]; the topology is then the first cells of every scope.
    pub fn replace(
        &mut self,
        fill: impl FnOnce(&mut [u32], &mut [u16]),
    ) -> Result<(), TopologyError> {
        let unchecked = Unchecked(self);
        let topology = &mut *unchecked.0;
        fill(topology.row_ptr, topology.col_idx);
        let view = Csr::new(topology.grid.cols, topology.row_ptr, topology.col_idx)?;
        topology.grid.check(view)?;
        core::mem::forget(unchecked);
        Ok(())
    }

    /// Shrinks to the first `links` places of the arrays, so that [`replace`](Self::replace) can
    /// fill in a topology that was [pruned](super::prune()); until then it is the first cells of
    /// every scope.
    ///
    /// # Errors
    /// [`TopologyError`] if there are fewer links than that, or the structure has no such number of
    /// links; the topology is then as before.
    pub fn shrink_to(&mut self, links: usize) -> Result<(), TopologyError> {
        let Grid { structure, rows, cols, .. } = self.grid;
        if links > self.col_idx.len() {
            return Err(TopologyError::Room { links, room: self.col_idx.len() });
        }
        self.adopt(Grid::new(structure, rows, cols, links)?);
        self.grid.fill_first(self.row_ptr, self.col_idx);
        Ok(())
    }

    /// Takes on a division with no more links; the caller then sees to it that the arrays obey it.
    pub(super) fn adopt(&mut self, grid: Grid) {
        self.col_idx = &mut core::mem::take(&mut self.col_idx)[..grid.links()];
        self.grid = grid;
    }

    /// Becomes the transpose of `other`; `link[i]` is then the link of `other` that link `i` here
    /// stands for.
    ///
    /// # Panics
    /// If this is not `other.cols()` × `other.rows()`, or has fewer links (where it has more, it
    /// shrinks), or `link` is not as long as `other` has links.
    pub fn transpose_from(&mut self, other: Csr<'_>, link: &mut [u32]) {
        assert_eq!((self.grid.cols, self.row_ptr.len() - 1), (other.rows(), other.cols()));
        assert!(self.col_idx.len() >= other.links(), "the transpose has too few places");
        assert_eq!(link.len(), other.links());
        self.adopt(Grid::unstructured(other.cols(), other.rows(), other.links()));
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

/// Becomes legal when dropped, be it by an error or by a panic.
pub(super) struct Unchecked<'t, 'm>(pub &'t mut CsrMut<'m>);

impl Drop for Unchecked<'_, '_> {
    fn drop(&mut self) {
        self.0.grid.fill_first(self.0.row_ptr, self.0.col_idx);
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    /// Kernels read where a view points without a check.
    #[test]
    fn a_panic_while_it_is_replaced_leaves_a_legal_topology() {
        let (mut row_ptr, mut col_idx) = ([0, 1, 2], [3_u16, 0]);
        let structure = Structure::Unstructured;
        let mut topology = CsrMut::new(structure, 4, &mut row_ptr, &mut col_idx).unwrap();
        let replaced = catch_unwind(AssertUnwindSafe(|| {
            topology.replace(|row_ptr, col_idx| {
                row_ptr.fill(77);
                col_idx.fill(u16::MAX);
                panic!("on purpose");
            })
        }));
        assert!(replaced.is_err());
        let view = topology.view();
        assert!(Csr::new(4, view.row_ptr(), view.col_idx()).is_ok());
    }
}
