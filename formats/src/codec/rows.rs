//! How many links each row has.

use crate::topology::TopologyError;

/// What is stored to tell where a row's links end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowTable<'a> {
    /// First link of each row, and the number of links: `[rows + 1]`.
    Pointers(&'a [u32]),
    /// Links of each row, up to 255.
    U8(&'a [u8]),
    /// Links of each row, up to 65,535.
    U16(&'a [u16]),
    /// Links of each row.
    U32(&'a [u32]),
    /// Nothing but this number: the links of any row (constant fan-in).
    Constant(u32),
    /// Nothing: the columns tell.
    InColumns,
}

impl RowTable<'_> {
    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Pointers(numbers) | Self::U32(numbers) => size_of_val(*numbers),
            Self::U16(numbers) => size_of_val(*numbers),
            Self::U8(numbers) => numbers.len(),
            Self::Constant(_) | Self::InColumns => 0,
        }
    }

    /// Links of a row; 0 past the last and where the columns tell.
    #[inline(always)]
    pub(super) fn length(&self, row: usize) -> usize {
        match self {
            // Pointers never fall: that is checked.
            Self::Pointers(pointers) => {
                let ends = pointers.get(row).zip(pointers.get(row + 1));
                ends.map_or(0, |(start, end)| end.saturating_sub(*start)) as usize
            }
            Self::U8(lengths) => lengths.get(row).copied().unwrap_or(0).into(),
            Self::U16(lengths) => lengths.get(row).copied().unwrap_or(0).into(),
            Self::U32(lengths) => lengths.get(row).copied().unwrap_or(0) as usize,
            Self::Constant(links) => *links as usize,
            Self::InColumns => 0,
        }
    }

    /// Checks that the rows add up to `links`.
    pub(super) fn check(&self, rows: usize, links: usize) -> Result<(), TopologyError> {
        if let Self::Pointers(pointers) = self {
            if (pointers.first(), pointers.last()) != (Some(&0), Some(&(links as u32))) {
                return Err(TopologyError::RowPointerEnds { links });
            }
            if let Some(row) = pointers.windows(2).position(|ends| ends[0] > ends[1]) {
                return Err(TopologyError::RowPointerOrder { row });
            }
        }
        let sum: u64 = (0..rows).map(|row| self.length(row) as u64).sum();
        match self {
            Self::InColumns => Ok(()),
            _ if sum == links as u64 => Ok(()),
            _ => Err(TopologyError::RowLengths { links }),
        }
    }
}
