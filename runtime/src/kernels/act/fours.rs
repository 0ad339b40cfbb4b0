//! A layer in place whose rows come in fours with the same columns, as blocks of 4×1 and of 16×1 make them: a kernel may
//! read the columns of one row for all four.

use lacewing_formats::artifact::LayerView;
use lacewing_formats::codec::ReadColumns;

/// Rows that share their columns.
const ROWS: usize = 4;

/// A layer as it lies in the policy file; to have one is proof that its rows come in fours with the same columns.
#[derive(Clone, Copy, Debug)]
pub struct Fours<'a>(LayerView<'a>);

impl<'a> Fours<'a> {
    /// `None` where rows do not come so, or all have all columns.
    pub fn new(layer: LayerView<'a>) -> Option<Self> {
        let full = layer.links() == layer.rows() * layer.cols();
        if full || !layer.rows().is_multiple_of(ROWS) {
            return None;
        }
        let mut columns = layer.columns();
        for _ in 0..layer.rows() / ROWS {
            let first = columns.clone();
            for _ in 0..ROWS {
                let mut first = first.clone();
                first.start_row();
                columns.start_row();
                loop {
                    let column = columns.next_column();
                    if column != first.next_column() {
                        return None;
                    }
                    if column.is_none() {
                        break;
                    }
                }
            }
        }
        Some(Self(layer))
    }

    /// The layer.
    pub fn layer(&self) -> &LayerView<'a> {
        &self.0
    }
}
