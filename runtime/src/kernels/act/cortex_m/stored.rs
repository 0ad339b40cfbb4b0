//! Which layers there are routines for.
// The twin reads links by the layer's own reader and only asks whether there is a routine.
#![cfg_attr(not(cortex_m_fpu), allow(dead_code))]

use half::f16;
use lacewing_formats::artifact::LayerView;
use lacewing_formats::codec::{Indices, RowTable, Values};

/// Columns that there are routines for.
#[derive(Clone, Copy)]
pub(super) enum Columns<'a> {
    U16(&'a [u16]),
    /// Gaps of one byte each, so there are as many as links.
    Gaps(&'a [u8]),
    /// Gaps some of which take several bytes.
    Skips(&'a [u8]),
    Nibbles(&'a [u8]),
    /// Each of them in every row, however that is stored.
    All,
}

/// What says how many links each row has.
#[derive(Clone, Copy)]
pub(super) enum Lengths<'a> {
    Pointers(&'a [u32]),
    Bytes(&'a [u8]),
    /// This, for all rows.
    Constant(u32),
}

/// Weights that there are routines for.
#[derive(Clone, Copy)]
pub(super) enum Weights<'a> {
    F32(&'a [f32]),
    F16(&'a [f16]),
}

/// The parts of a layer that there is a routine for.
#[derive(Clone, Copy)]
pub(super) struct Stored<'a> {
    pub columns: Columns<'a>,
    pub lengths: Lengths<'a>,
    pub weights: Weights<'a>,
}

impl<'a> Stored<'a> {
    /// `None` where there is none: chip and twin then run the scalar kernel.
    pub fn of(layer: &LayerView<'a>) -> Option<Self> {
        let all = layer.links() == layer.rows() * layer.cols();
        let columns = match layer.indices() {
            _ if all => Columns::All,
            Indices::U16(columns) => Columns::U16(columns),
            Indices::DeltaU8(bytes) if bytes.len() == layer.links() => Columns::Gaps(bytes),
            Indices::DeltaU8(bytes) => Columns::Skips(bytes),
            Indices::Nibble(bytes) => Columns::Nibbles(bytes),
            Indices::Bitmap(_) | Indices::Rice(_) => return None,
        };
        let lengths = match layer.row_table() {
            _ if all => Lengths::Constant(layer.cols() as u32),
            RowTable::Pointers(pointers) => Lengths::Pointers(pointers),
            RowTable::U8(lengths) => Lengths::Bytes(lengths),
            RowTable::Constant(links) => Lengths::Constant(links),
            RowTable::U16(_) | RowTable::U32(_) | RowTable::InColumns => return None,
        };
        match (columns, lengths) {
            // No writer makes these.
            (Columns::U16(_), Lengths::Bytes(_)) => return None,
            (Columns::U16(_) | Columns::All, _) => {}
            (_, Lengths::Pointers(_)) => return None,
            _ => {}
        }
        let weights = match layer.values() {
            Values::F32(weights) => Weights::F32(weights),
            Values::F16(weights) => Weights::F16(weights),
            Values::Bf16(_) | Values::Int8 { .. } => return None,
        };
        Some(Self { columns, lengths, weights })
    }
}
