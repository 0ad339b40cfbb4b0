//! Shapes that kernels like, as constraints on where links may be.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

use super::grid::Grid;

/// Which links of a layer may be alive together.
///
/// All of them are one rule with two knobs: links live and die in *cells* of some rows by one
/// column, and in every *scope* (the layer, or a row's links to some consecutive columns) the number
/// of live cells never changes. Rows or columns that do not divide evenly leave a smaller cell or
/// scope at the end, with its share of the links. Dense layers satisfy every structure.
///
/// Written and read (files, command line) as its name: see [`Structure::from_str`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Structure {
    /// Any links.
    #[default]
    Unstructured,
    /// Every output has as many links (SRigL without ablation: Lasby et al. 2024, §3).
    ConstantFanIn,
    /// Every output has as many links to each `columns` consecutive inputs: the N:M sparsity of
    /// Mishra et al. 2021, and for 32 the groups that a register look-up reads.
    Groups {
        /// Consecutive inputs of a group (M).
        columns: u16,
    },
    /// Blocks of `rows` consecutive outputs by one input live and die as a whole.
    Blocks {
        /// Outputs of a block.
        rows: u16,
    },
}

/// No such structure.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error(
    "is no structure: expected `unstructured`, `constant-fan-in`, `k-per-32`, n-of-M (e.g. \
     `n-of-16`) or blocks-Rx1 (e.g. `blocks-4x1`, `blocks-16x1`)"
)]
pub struct UnknownStructure;

impl Structure {
    /// Rows of a cell.
    pub(super) fn cell_rows(self) -> usize {
        match self {
            Self::Blocks { rows } => usize::from(rows).max(1),
            _ => 1,
        }
    }

    /// Columns of a scope that is one row (of cells) high; none if the whole layer is one scope.
    pub(super) fn scope_columns(self) -> Option<usize> {
        match self {
            Self::ConstantFanIn => Some(usize::MAX),
            Self::Groups { columns } => Some(usize::from(columns).max(1)),
            Self::Unstructured | Self::Blocks { .. } => None,
        }
    }

    /// The number of links nearest to `links` that a `rows` × `cols` layer can have in this
    /// structure; at least the fewest that leave no scope empty.
    pub fn nearest_links(self, rows: usize, cols: usize, links: f64) -> usize {
        Grid::nearest(self, rows, cols, links.max(1.0)).links()
    }
}

impl fmt::Display for Structure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unstructured => f.write_str("unstructured"),
            Self::ConstantFanIn => f.write_str("constant-fan-in"),
            Self::Groups { columns: 32 } => f.write_str("k-per-32"),
            Self::Groups { columns } => write!(f, "n-of-{columns}"),
            Self::Blocks { rows } => write!(f, "blocks-{rows}x1"),
        }
    }
}

impl FromStr for Structure {
    type Err = UnknownStructure;

    /// `unstructured`, `constant-fan-in`, `k-per-32` (also `n-of-32`), `n-of-M` or `blocks-Rx1`,
    /// with M and R from 2 on.
    fn from_str(name: &str) -> Result<Self, UnknownStructure> {
        let number = |digits: &str| match digits.parse() {
            Ok(number @ 2..) if digits.bytes().all(|digit| digit.is_ascii_digit()) => Ok(number),
            _ => Err(UnknownStructure),
        };
        let rows = name.strip_prefix("blocks-").and_then(|rest| rest.strip_suffix("x1"));
        match (name, name.strip_prefix("n-of-"), rows) {
            ("unstructured", ..) => Ok(Self::Unstructured),
            ("constant-fan-in", ..) => Ok(Self::ConstantFanIn),
            ("k-per-32", ..) => Ok(Self::Groups { columns: 32 }),
            (_, Some(columns), _) => Ok(Self::Groups { columns: number(columns)? }),
            (_, _, Some(rows)) => Ok(Self::Blocks { rows: number(rows)? }),
            _ => Err(UnknownStructure),
        }
    }
}

impl Serialize for Structure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Structure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Name)
    }
}

struct Name;

impl de::Visitor<'_> for Name {
    type Value = Structure;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a structure")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Structure, E> {
        name.parse().map_err(|error| E::custom(format_args!("`{name}` {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        let names = ["unstructured", "constant-fan-in", "k-per-32", "n-of-16", "blocks-4x1"];
        for name in names {
            let structure: Structure = name.parse().unwrap();
            let mut buffer = [0; 64];
            let bytes = postcard::to_slice(&structure, &mut buffer).unwrap();
            assert_eq!(postcard::from_bytes(bytes), Ok(structure));
            let written = core::str::from_utf8(&bytes[1..]).unwrap();
            assert_eq!(written, name);
        }
        assert_eq!("n-of-32".parse(), "k-per-32".parse::<Structure>());
        for bad in ["", "n-of-", "n-of-1", "n-of-+4", "n-of-65536", "blocks-4", "blocks-0x1", "N"] {
            assert_eq!(bad.parse::<Structure>(), Err(UnknownStructure), "{bad}");
        }
    }
}
