//! Topologies with a structure that some layout was made for.

use lacewing_formats::topology::random_topology;
use rand_core::Rng;

/// Where a layer may have links.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pattern {
    /// Anywhere.
    Unstructured,
    /// Equally many of every row in each block of so many columns.
    PerBlock(usize),
    /// In blocks of so many rows by one column.
    Strips(usize),
}

impl Pattern {
    /// Row pointers and columns of a random topology of `rows × cols`, as near to `density` as the
    /// pattern has one; at least one link in each block where there are equally many.
    pub fn random(
        self,
        [rows, cols]: [usize; 2],
        density: f64,
        rng: &mut impl Rng,
    ) -> (Vec<u32>, Vec<u16>) {
        match self {
            Self::Unstructured => {
                let links = (density * (rows * cols) as f64).round() as usize;
                let (mut row_ptr, mut columns) = (vec![0; rows + 1], vec![0; links]);
                random_topology(cols, &mut row_ptr, &mut columns, rng);
                (row_ptr, columns)
            }
            Self::PerBlock(block) => {
                let mut row_ptr = vec![0];
                let mut columns = Vec::new();
                for _ in 0..rows {
                    for start in (0..cols).step_by(block) {
                        let width = block.min(cols - start);
                        let links = (density * width as f64).round().max(1.0) as usize;
                        // A matrix of one row: so many of its columns.
                        let mut drawn = vec![0_u16; links];
                        random_topology(width, &mut [0, 0], &mut drawn, rng);
                        columns.extend(drawn.iter().map(|column| start as u16 + column));
                    }
                    row_ptr.push(columns.len() as u32);
                }
                (row_ptr, columns)
            }
            Self::Strips(height) => {
                let shape = [rows.div_ceil(height), cols];
                let (strip_ptr, strips) = Self::Unstructured.random(shape, density, rng);
                let mut row_ptr = vec![0];
                let mut columns = Vec::new();
                for row in 0..rows {
                    let group = row / height;
                    let links = strip_ptr[group] as usize..strip_ptr[group + 1] as usize;
                    columns.extend_from_slice(&strips[links]);
                    row_ptr.push(columns.len() as u32);
                }
                (row_ptr, columns)
            }
        }
    }
}
