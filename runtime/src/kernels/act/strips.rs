//! A layer in which some rows side by side have their links in the same columns: blocks of a few
//! rows by one column, as a constraint of training.
//!
//! Rows are taken in groups of as many as such a block is high. A *strip* is one column's weights for
//! all rows of a group: the kernel multiplies them with one input, so nothing is looked up and nothing
//! is summed across lanes. Any layer can be held like this; links missing from a strip are zeros.

#[cfg(feature = "alloc")]
use super::links::Links;
#[cfg(feature = "alloc")]
use crate::arena::{Arena, Block, OutOfMemory};
use crate::kernels::vector::Vector;
#[cfg(feature = "alloc")]
use alloc::vec::Vec;

/// A layer in strips; to have one is proof that its columns are sound.
#[derive(Clone, Copy, Debug)]
pub struct Strips<'m> {
    height: usize,
    rows: usize,
    cols: usize,
    /// First strip of each group, and the number of strips.
    starts: &'m [u32],
    /// One a strip.
    columns: &'m [u16],
    /// `height` a strip.
    values: &'m [f32],
}

impl Strips<'_> {
    /// Output neurons.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Input neurons.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Rows in a group.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Columns and values of each group's strips.
    pub(super) fn groups(&self) -> impl Iterator<Item = (&[u16], &[f32])> {
        self.starts.windows(2).map(|ends| {
            let (start, end) = (ends[0] as usize, ends[1] as usize);
            (&self.columns[start..end], &self.values[start * self.height..end * self.height])
        })
    }
}

/// Strips of `P` vectors, `U` of them in flight.
///
/// # Safety
/// The processor has `V`'s instructions, `strips.height()` is `P * V::LANES`, `x` is as long as the
/// layer is wide or longer and `y` as long as it is high.
#[inline(always)]
pub(super) unsafe fn strips<V: Vector, const P: usize, const U: usize>(
    strips: &Strips<'_>,
    x: &[f32],
    y: &mut [f32],
) {
    let height = P * V::LANES;
    for (y, (columns, values)) in y.chunks_mut(height).zip(strips.groups()) {
        // SAFETY: the caller's; every column of `Strips` is below its `cols`, and each has
        // `height` values.
        unsafe {
            let mut sums = [[V::splat(0.0); P]; U];
            let multiply_add = |sums: &mut [V; P], strip: usize| {
                let x = V::splat(*x.get_unchecked(usize::from(*columns.get_unchecked(strip))));
                for (vector, sum) in sums.iter_mut().enumerate() {
                    let values = values.as_ptr().add(strip * height + vector * V::LANES);
                    *sum = V::load(values).mul_add(x, *sum);
                }
            };
            let whole = columns.len() - columns.len() % U;
            for strip in (0..whole).step_by(U) {
                for (u, sums) in sums.iter_mut().enumerate() {
                    multiply_add(sums, strip + u);
                }
            }
            for strip in whole..columns.len() {
                multiply_add(&mut sums[0], strip);
            }
            let mut last = [0.0; MAX_HEIGHT];
            let to = if y.len() == height { y.as_mut_ptr() } else { last.as_mut_ptr() };
            for vector in 0..P {
                let sum = sums[1..].iter().fold(sums[0][vector], |sum, u| sum.add(u[vector]));
                sum.store(to.add(vector * V::LANES));
            }
            // A group of fewer rows is the last.
            if y.len() < height {
                y.copy_from_slice(&last[..y.len()]);
            }
        }
    }
}

/// Rows in the highest strip.
pub const MAX_HEIGHT: usize = 16;

/// A [`Strips`] to be: everything but its memory.
#[cfg(feature = "alloc")]
#[derive(Clone, Debug)]
pub struct StripsPlan {
    links: Links,
    height: usize,
    /// Columns of each group, ascending.
    columns: Vec<Vec<u16>>,
}

#[cfg(feature = "alloc")]
impl StripsPlan {
    /// Plans `links` for strips of `height` rows.
    ///
    /// # Panics
    /// If `height` is 0 or above 16.
    pub fn new(links: &Links, height: usize) -> Self {
        assert!((1..=MAX_HEIGHT).contains(&height), "strips of {height} rows");
        let starts = (0..links.rows()).step_by(height);
        let columns = starts.map(|start| {
            let rows = (start..links.rows()).take(height);
            let mut columns: Vec<_> =
                rows.flat_map(|row| links.row(row)).map(|link| link.0).collect();
            columns.sort_unstable();
            columns.dedup();
            columns
        });
        Self { links: links.clone(), height, columns: columns.collect() }
    }

    /// Rows in a group.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Strips in all.
    pub fn steps(&self) -> usize {
        self.columns.iter().map(Vec::len).sum()
    }

    /// Blocks of memory that [`StripsPlan::write`] takes.
    pub fn blocks(&self) -> usize {
        Block::for_slice::<f32>(self.steps() * self.height)
            + Block::for_slice::<u16>(self.steps())
            + Block::for_slice::<u32>(self.columns.len() + 1)
    }

    /// Writes the layout into memory of `arena`.
    ///
    /// # Errors
    /// [`OutOfMemory`] where it has fewer than [`StripsPlan::blocks`] left.
    pub fn write<'m>(&self, arena: &mut Arena<'m>) -> Result<Strips<'m>, OutOfMemory> {
        let values = arena.take::<f32>(self.steps() * self.height)?;
        let columns = arena.take::<u16>(self.steps())?;
        let starts = arena.take::<u32>(self.columns.len() + 1)?;
        let mut start = 0;
        for (group, group_columns) in self.columns.iter().enumerate() {
            let end = start + group_columns.len();
            columns[start..end].copy_from_slice(group_columns);
            starts[group + 1] = end as u32;
            let rows = (group * self.height..self.links.rows()).take(self.height);
            for (lane, row) in rows.enumerate() {
                let mut strips = (start..end).zip(group_columns);
                for &(place, value) in self.links.row(row) {
                    // Both ascend, and the group has every column of its rows.
                    if let Some((strip, _)) = strips.find(|(_, column)| **column == place) {
                        values[strip * self.height + lane] = value;
                    }
                }
            }
            start = end;
        }
        let (rows, cols) = (self.links.rows(), self.links.cols());
        Ok(Strips { height: self.height, rows, cols, starts, columns, values })
    }
}
