//! A layer divided as its [`Structure`] demands.

use core::ops::Range;

use super::csr::below;
use super::{Csr, Structure, TopologyError};
use rand_core::Rng;

/// Cells and scopes of a layer, and how many cells live in each scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    pub structure: Structure,
    pub rows: usize,
    pub cols: usize,
    /// Rows of a cell.
    pub height: usize,
    /// Columns of a scope; none if scopes are as large as can be.
    width: Option<usize>,
    /// Live cells of a scope of full size.
    live: usize,
}

/// Part of a layer in which the number of live cells never changes.
///
/// A scope is either as wide as the layer or one cell high, so scopes in their order hold the cells
/// in the order of the layer, row (of cells) by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    pub rows: Range<usize>,
    pub cols: Range<usize>,
    /// Cells, live or not.
    pub cells: usize,
    pub live: usize,
    height: usize,
}

impl Scope {
    /// The rows of each row of cells.
    pub fn blocks(&self) -> impl DoubleEndedIterator<Item = Range<usize>> + use<> {
        blocks(self.rows.clone(), self.height)
    }
}

/// Divides rows into blocks of `height`, the last of which may be lower.
fn blocks(
    rows: Range<usize>,
    height: usize,
) -> impl DoubleEndedIterator<Item = Range<usize>> + use<> {
    (0..rows.len().div_ceil(height)).map(move |block| {
        let start = rows.start + block * height;
        start..rows.end.min(start + height)
    })
}

impl Grid {
    /// A layer without constraints.
    pub fn unstructured(rows: usize, cols: usize, links: usize) -> Self {
        Self { structure: Structure::Unstructured, rows, cols, height: 1, width: None, live: links }
    }

    /// The division that holds `links` links.
    ///
    /// # Errors
    /// [`TopologyError::Links`] if the structure has no such number of links.
    pub fn new(
        structure: Structure,
        rows: usize,
        cols: usize,
        links: usize,
    ) -> Result<Self, TopologyError> {
        let grid = Self::nearest(structure, rows, cols, links as f64);
        match grid.links() {
            found if found == links => Ok(grid),
            nearest => Err(TopologyError::Links { structure, links, nearest }),
        }
    }

    /// The division that comes nearest to `links` links; it has one at least if that is above 0.
    pub fn nearest(structure: Structure, rows: usize, cols: usize, links: f64) -> Self {
        let width = structure.scope_columns().map(|width| width.min(cols).max(1));
        let height = structure.cell_rows();
        let mut grid = Self { structure, rows, cols, height, width, live: 0 };
        // Links grow with every cell: bisect for the last number of cells with too few links.
        let (mut low, mut high) = (usize::from(links > 0.0), grid.full());
        while low < high {
            grid.live = (low + high).div_ceil(2);
            if grid.links() as f64 <= links {
                low = grid.live;
            } else {
                high = grid.live - 1;
            }
        }
        let below = Self { live: low.min(grid.full()), ..grid };
        let above = Self { live: (below.live + 1).min(grid.full()), ..grid };
        let missing = links - below.links() as f64;
        if above.links() as f64 - links < missing { above } else { below }
    }

    /// The same layer with the number of links nearest to `links`.
    pub fn resized(&self, links: f64) -> Self {
        Self::nearest(self.structure, self.rows, self.cols, links)
    }

    /// Links of all live cells.
    pub fn links(&self) -> usize {
        match self.width {
            None => {
                let rest = self.rows % self.height;
                let full = self.rows / self.height;
                self.height * usize::from(full > 0) * self.live + rest * self.share(self.cols)
            }
            Some(width) => {
                self.rows * (self.cols / width * self.live + self.share(self.cols % width))
            }
        }
    }

    /// Cells of a scope of full size.
    fn full(&self) -> usize {
        match self.width {
            Some(_) if self.rows == 0 => 0,
            Some(width) => width,
            // A layer lower than a cell is one row of lower cells.
            None => (self.rows / self.height).max(self.rows.min(1)) * self.cols,
        }
    }

    /// Live cells in a scope of `cells`: its share, but not none.
    fn share(&self, cells: usize) -> usize {
        // Their product is beyond 32 bits in a dense layer of 256 by 256.
        let (live, cells_u64, full) = (self.live as u64, cells as u64, self.full().max(1) as u64);
        let share = ((live * cells_u64 + full / 2) / full) as usize;
        share.max(self.live.min(1)).min(cells)
    }

    /// The rows of each row of cells.
    pub fn blocks(&self) -> impl DoubleEndedIterator<Item = Range<usize>> + use<> {
        blocks(0..self.rows, self.height)
    }

    /// The scopes, in the order of their cells.
    pub fn scopes(&self) -> impl DoubleEndedIterator<Item = Scope> + use<> {
        let grid = *self;
        let full_rows = grid.rows - grid.rows % grid.height;
        // Either blocks by groups of columns, or full blocks and the lower block at the end.
        let (across, count) = match grid.width {
            Some(width) => {
                let across = grid.cols.div_ceil(width);
                (across, across * grid.rows.div_ceil(grid.height))
            }
            None => (1, usize::from(full_rows > 0) + usize::from(full_rows < grid.rows)),
        };
        (0..count).map(move |at| {
            let (rows, cols) = match grid.width {
                Some(width) => {
                    let (row, col) = (at / across * grid.height, at % across * width);
                    (row..grid.rows.min(row + grid.height), col..grid.cols.min(col + width))
                }
                None if at == 0 && full_rows > 0 => (0..full_rows, 0..grid.cols),
                None => (full_rows..grid.rows, 0..grid.cols),
            };
            let cells = rows.len().div_ceil(grid.height) * cols.len();
            Scope { live: grid.share(cells), rows, cols, cells, height: grid.height }
        })
    }

    /// Writes Σ|w| of every live cell to the front of `strengths`, given links by rows whose blocks
    /// have as many in every row.
    pub fn strengths(&self, row_ptr: &[u32], weights: &[f32], strengths: &mut [f32]) {
        if self.height == 1 {
            let links = row_ptr[self.rows] as usize;
            let strengths = strengths[..links].iter_mut().zip(&weights[..links]);
            return strengths.for_each(|(strength, weight)| *strength = weight.abs());
        }
        let mut next = 0;
        for block in self.blocks() {
            let start = row_ptr[block.start] as usize;
            let cells = row_ptr[block.start + 1] as usize - start;
            let sums = &mut strengths[next..next + cells];
            sums.fill(0.0);
            for row in 0..block.len() {
                let weights = &weights[start + row * cells..][..cells];
                sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += weight.abs());
            }
            next += cells;
        }
    }

    /// Whether a legal topology of this shape obeys the structure.
    ///
    /// # Errors
    /// [`TopologyError::Structure`] naming the first row that does not.
    pub fn check(&self, topology: Csr<'_>) -> Result<(), TopologyError> {
        let columns = |row| &topology.col_idx()[topology.row(row)];
        for scope in self.scopes() {
            let mut live = 0;
            for block in scope.blocks() {
                let first = columns(block.start);
                let before = |end| first.partition_point(|&col| usize::from(col) < end);
                live += before(scope.cols.end) - before(scope.cols.start);
                if let Some(row) = block.clone().find(|&row| columns(row) != first) {
                    return Err(TopologyError::Structure { row, structure: self.structure });
                }
            }
            if live != scope.live {
                let row = scope.rows.start;
                return Err(TopologyError::Structure { row, structure: self.structure });
            }
        }
        Ok(())
    }

    /// Fills the arrays with live cells drawn uniformly without replacement in each scope
    /// (selection sampling, Knuth TAOCP 2, 3.4.2, algorithm S).
    pub fn draw(&self, row_ptr: &mut [u32], col_idx: &mut [u16], rng: &mut impl Rng) {
        self.fill(row_ptr, col_idx, |left, want| below(rng, left as u64) < want as u64);
    }

    /// Fills the arrays with the first cells of each scope.
    pub fn fill_first(&self, row_ptr: &mut [u32], col_idx: &mut [u16]) {
        self.fill(row_ptr, col_idx, |_, want| want > 0);
    }

    /// `choose` is told how many cells of the scope are left and how many of them must live, and
    /// says whether the next one does.
    fn fill(
        &self,
        row_ptr: &mut [u32],
        col_idx: &mut [u16],
        mut choose: impl FnMut(usize, usize) -> bool,
    ) {
        let mut next = 0;
        row_ptr[0] = 0;
        for scope in self.scopes() {
            let (mut left, mut want) = (scope.cells, scope.live);
            for block in scope.blocks() {
                for col in scope.cols.clone() {
                    if choose(left, want) {
                        col_idx[next] = col as u16;
                        next += 1;
                        want -= 1;
                    }
                    left -= 1;
                }
                if scope.cols.end < self.cols {
                    continue;
                }
                // The block's first row is complete; the others are like it.
                let first = row_ptr[block.start] as usize..next;
                row_ptr[block.start + 1] = next as u32;
                for row in block.skip(1) {
                    col_idx.copy_within(first.clone(), next);
                    next += first.len();
                    row_ptr[row + 1] = next as u32;
                }
            }
        }
    }
}
