//! A layer in which every row has the same number of links, K, in each block of columns.
//!
//! Sparsity with such a structure (K links per 32 columns, as a constraint of training) needs no
//! counts and no padding: the kernel is compiled for each K, without a branch, and several groups
//! of rows share the registers that hold a block of inputs. The columns of up to six steps, five
//! bits each, lie in one word a row: a permute looks only at the lowest five bits, so the next
//! step's are a shift away. (Where K varies there is nothing to gain from that: ARCHITECTURE.md.)
//!
//! Which columns a row uses in a block does not matter, nor do a few missing links, which are
//! padded with zeros.

#[cfg(feature = "alloc")]
use super::links::Links;
#[cfg(feature = "alloc")]
use crate::arena::{Arena, Block, OutOfMemory};

/// Rows in a group: lanes of a vector.
pub const LANES: usize = 16;

/// Columns in a block: inputs that one permute of two registers selects from.
pub const BLOCK: usize = 32;

/// Groups of rows that go through a block together; the groups after the last whole set of them go
/// alone.
pub(super) const SET: usize = 4;

/// Links of a row in a block at most: with more, a quarter of the layer is alive and counts cost
/// little.
#[cfg(feature = "alloc")]
pub const MAX_LINKS: usize = 8;

/// Bits of a column within its block.
pub(super) const COLUMN_BITS: u32 = BLOCK.ilog2();

/// Columns in a word.
pub(super) const COLUMNS_PER_WORD: usize = (u32::BITS / COLUMN_BITS) as usize;

/// A layer with K links of every row in each block; to have one is proof that its indices are sound.
#[derive(Clone, Copy, Debug)]
pub struct Even<'m> {
    rows: usize,
    cols: usize,
    links: usize,
    /// For each group and block, in the order of `places`: `links` columns of every row,
    /// in words of [`COLUMNS_PER_WORD`], lowest bits first.
    columns: &'m [u32],
    /// For each group and block: `links` times one value of every row.
    values: &'m [f32],
}

impl<'m> Even<'m> {
    /// Output neurons.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Input neurons.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// K: links of each row in each block, 1 to 8.
    pub fn links(&self) -> usize {
        self.links
    }

    /// Blocks of columns.
    pub fn blocks(&self) -> usize {
        self.cols.div_ceil(BLOCK)
    }

    pub(super) fn columns(&self) -> &'m [u32] {
        self.columns
    }

    pub(super) fn values(&self) -> &'m [f32] {
        self.values
    }
}

/// Group and block of every piece of an [`Even`], in the order in which they lie.
pub(super) fn places(rows: usize, blocks: usize) -> impl Iterator<Item = (usize, usize)> {
    let groups = rows.div_ceil(LANES);
    let in_sets = groups - groups % SET;
    let sets = (0..in_sets).step_by(SET).flat_map(move |set| {
        (0..blocks).flat_map(move |block| (set..set + SET).map(move |group| (group, block)))
    });
    sets.chain(
        (in_sets..groups).flat_map(move |group| (0..blocks).map(move |block| (group, block))),
    )
}

/// An [`Even`] to be: everything but its memory.
#[cfg(feature = "alloc")]
#[derive(Clone, Debug)]
pub struct EvenPlan {
    layer: Links,
    links: usize,
}

#[cfg(feature = "alloc")]
impl EvenPlan {
    /// `None` where a row has more than 8 in a block, or no row has any.
    pub fn new(layer: &Links) -> Option<Self> {
        let counts = (0..layer.rows()).flat_map(|row| layer.counts(row, BLOCK));
        let links = counts.map(|(_, links)| links).max()?;
        (links <= MAX_LINKS).then(|| Self { layer: layer.clone(), links })
    }

    /// Groups times blocks.
    fn places(&self) -> usize {
        self.layer.rows().div_ceil(LANES) * self.layer.cols().div_ceil(BLOCK)
    }

    fn words(&self) -> usize {
        self.links.div_ceil(COLUMNS_PER_WORD)
    }

    /// Steps in all: vectors of values.
    pub fn steps(&self) -> usize {
        self.places() * self.links
    }

    /// Blocks of memory that [`EvenPlan::write`] takes.
    pub fn blocks(&self) -> usize {
        Block::for_slice::<f32>(self.steps() * LANES)
            + Block::for_slice::<u32>(self.places() * self.words() * LANES)
    }

    /// Writes the layout into memory of `arena`.
    ///
    /// # Errors
    /// [`OutOfMemory`] where it has fewer than [`EvenPlan::blocks`] left.
    pub fn write<'m>(&self, arena: &mut Arena<'m>) -> Result<Even<'m>, OutOfMemory> {
        let (rows, cols) = (self.layer.rows(), self.layer.cols());
        let values = arena.take::<f32>(self.steps() * LANES)?;
        let columns = arena.take::<u32>(self.places() * self.words() * LANES)?;
        let pieces = values.chunks_exact_mut(self.links * LANES);
        let pieces = pieces.zip(columns.chunks_exact_mut(self.words() * LANES));
        for ((group, block), (values, columns)) in places(rows, cols.div_ceil(BLOCK)).zip(pieces) {
            let (start, end) = (block * BLOCK, (block + 1) * BLOCK);
            for (lane, row) in (group * LANES..rows).take(LANES).enumerate() {
                let row = self.layer.row(row);
                let first = row.partition_point(|link| usize::from(link.0) < start);
                let links = row[first..].iter().take_while(|link| usize::from(link.0) < end);
                for (step, &(place, value)) in links.enumerate() {
                    values[step * LANES + lane] = value;
                    let (word, at) = (step / COLUMNS_PER_WORD, (step % COLUMNS_PER_WORD) as u32);
                    let column = u32::from(place) - start as u32;
                    columns[word * LANES + lane] |= column << (COLUMN_BITS * at);
                }
            }
        }
        Ok(Even { rows, cols, links: self.links, columns, values })
    }
}
