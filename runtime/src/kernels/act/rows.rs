//! Walking a layer of the policy file row by row.

use half::f16;
use lacewing_formats::artifact::LayerView;
use lacewing_formats::codec::{Gaps, Indices};

/// A stored weight.
pub(super) trait Value: Copy {
    fn widen(self) -> f32;
}

impl Value for f32 {
    fn widen(self) -> f32 {
        self
    }
}

impl Value for f16 {
    fn widen(self) -> f32 {
        self.to_f32()
    }
}

/// Columns decoded from gaps at a time.
const CHUNK: usize = 64;

/// Sets `y[row]` to `dot(columns, values)` of each row, where every column is below `layer.cols()`:
/// the loop that every CSR kernel shares, inlined into it so that `dot` is too. Gaps are decoded
/// some links at a time, the sums of which are added.
#[inline(always)]
pub(super) fn each_row<V: Value>(
    layer: &LayerView<'_>,
    values: &[V],
    y: &mut [f32],
    dot: impl Fn(&[u16], &[V]) -> f32,
) {
    let rows = layer.row_ptr().windows(2).map(|ends| ends[0] as usize..ends[1] as usize);
    match layer.indices() {
        Indices::U16(columns) => {
            for (y, links) in y.iter_mut().zip(rows) {
                *y = dot(&columns[links.clone()], &values[links]);
            }
        }
        Indices::DeltaU8(gaps) => {
            let mut gaps = Gaps::new(gaps);
            let mut decoded = [0; CHUNK];
            for (y, links) in y.iter_mut().zip(rows) {
                gaps.start_row();
                *y = 0.0;
                for values in values[links].chunks(CHUNK) {
                    let columns = &mut decoded[..values.len()];
                    // A checked layer has a column for every link, so 0 never stands in.
                    columns.fill_with(|| gaps.next_column().unwrap_or(0));
                    *y += dot(columns, values);
                }
            }
        }
    }
}

/// The links of one row, as (column, weight).
#[derive(Clone)]
pub(super) struct RowLinks<'a> {
    layer: LayerView<'a>,
    row: usize,
    links: core::ops::Range<usize>,
    gaps: Gaps<'a>,
}

impl<'a> RowLinks<'a> {
    /// The first row of a layer.
    pub fn first(layer: &LayerView<'a>) -> Self {
        let gaps = match layer.indices() {
            Indices::U16(_) => &[][..],
            Indices::DeltaU8(gaps) => gaps,
        };
        Self { layer: *layer, row: 0, links: range(layer, 0), gaps: Gaps::new(gaps) }
    }

    /// The row after this one, of which no link must have been taken; after the last comes a row
    /// without links.
    pub fn after(&self) -> Self {
        let mut gaps = self.gaps.clone();
        if let Indices::DeltaU8(_) = self.layer.indices() {
            for _ in self.links.clone() {
                gaps.next_column();
            }
        }
        gaps.start_row();
        let row = self.row + 1;
        Self { layer: self.layer, row, links: range(&self.layer, row), gaps }
    }
}

fn range(layer: &LayerView<'_>, row: usize) -> core::ops::Range<usize> {
    match layer.row_ptr().get(row..row + 2) {
        Some(ends) => ends[0] as usize..ends[1] as usize,
        None => 0..0,
    }
}

impl Iterator for RowLinks<'_> {
    type Item = (usize, f32);

    fn next(&mut self) -> Option<Self::Item> {
        let link = self.links.next()?;
        let column = match self.layer.indices() {
            Indices::U16(columns) => columns[link],
            Indices::DeltaU8(_) => self.gaps.next_column()?,
        };
        Some((column.into(), self.layer.values().get(link)?))
    }
}
