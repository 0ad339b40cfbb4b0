//! What the assembly computes, on any processor and to the bit.

use super::super::scalar;
use super::stored::Stored;
use lacewing_formats::artifact::LayerView;
use lacewing_formats::codec::ReadColumns;

/// Links of a row that are under way at once.
const SUMS: usize = 4;

/// `y = W x` in the order of `rows.s`: link n of a row goes to sum n mod 4 while there are four; of those left
/// over, two go to the first sums and one to the third.
pub(in super::super) fn csr(layer: &LayerView<'_>, x: &[f32], y: &mut [f32]) {
    if Stored::of(layer).is_none() {
        return scalar::csr(layer, x, y);
    }
    let (mut columns, mut link) = (layer.columns(), 0);
    for (row, y) in y.iter_mut().enumerate() {
        columns.start_row();
        let mut sums = [0.0; SUMS];
        let mut add = |sum: usize, column: u16| {
            // There is one weight a link.
            let weight = layer.values().get(row, link).unwrap_or(0.0);
            sums[sum] = libm::fmaf(weight, x[usize::from(column)], sums[sum]);
            link += 1;
        };
        let mut room = [0; SUMS];
        let mut whole = true;
        while whole {
            let columns = columns.next_columns(&mut room);
            whole = columns.len() == SUMS;
            let (pairs, single) = columns.as_chunks::<2>();
            for (sum, &column) in pairs.as_flattened().iter().enumerate() {
                add(sum, column);
            }
            single.iter().for_each(|&column| add(2, column));
        }
        *y = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    }
}
