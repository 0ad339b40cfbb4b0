//! Walking a layer of the policy file row by row.

use half::{bf16, f16};
use lacewing_formats::artifact::LayerView;
use lacewing_formats::codec::{Columns, ReadColumns, Values};

/// A stored weight.
pub(super) trait Value: Copy + Default {
    fn widen(self) -> f32;
}

impl Value for f32 {
    fn widen(self) -> f32 {
        self
    }
}

impl Value for f16 {
    /// Of a finite number, as a checked file's are. Exact, without a branch, and in instructions that
    /// every processor and its vector lanes have (`half` asks for a better one on every call).
    #[inline(always)]
    fn widen(self) -> f32 {
        /// 2¹¹²: how far the biases of the exponents are apart.
        const REBIAS: f32 = f32::from_bits((127 + 112) << 23);
        let spread = i32::from(self.to_bits() as i16) << 13;
        f32::from_bits(spread as u32 & 0x8fff_e000) * REBIAS
    }
}

impl Value for bf16 {
    #[inline(always)]
    fn widen(self) -> f32 {
        f32::from_bits(u32::from(self.to_bits()) << 16)
    }
}

impl Value for i8 {
    #[inline(always)]
    fn widen(self) -> f32 {
        self.into()
    }
}

/// Links decoded at a time.
const CHUNK: usize = 64;

/// Sets `y[row]` to the product of each row, by `dot` and `half_dot` of its columns and values, where
/// every column is below `layer.cols()`: what every CSR kernel shares, inlined into it so that its
/// functions are too.
#[inline(always)]
pub(super) fn csr(
    layer: &LayerView<'_>,
    y: &mut [f32],
    dot: impl Fn(&[u16], &[f32]) -> f32,
    half_dot: impl Fn(&[u16], &[f16]) -> f32,
) {
    match layer.values() {
        Values::F32(values) => each_row(layer, values, y, dot),
        Values::F16(values) => each_row(layer, values, y, half_dot),
        Values::Bf16(values) => each_row(layer, values, y, widened(dot)),
        Values::Int8 { values, scales } => {
            each_row(layer, values, y, widened(dot));
            y.iter_mut().zip(scales).for_each(|(y, scale)| *y *= scale.widen());
        }
    }
}

/// `dot` of values that are widened some links at a time, the sums of which are added.
#[inline(always)]
pub(super) fn widened<V: Value>(
    dot: impl Fn(&[u16], &[f32]) -> f32,
) -> impl Fn(&[u16], &[V]) -> f32 {
    move |columns, values| {
        let mut wide = [0.0; CHUNK];
        let chunks = columns.chunks(CHUNK).zip(values.chunks(CHUNK));
        let sums = chunks.map(|(columns, values)| {
            let wide = &mut wide[..values.len()];
            wide.iter_mut().zip(values).for_each(|(wide, value)| *wide = value.widen());
            dot(columns, wide)
        });
        sums.sum()
    }
}

/// Sets `y[row]` to `dot` of each row. Columns that are not plain are decoded some links at a time,
/// the sums of which are added.
#[inline(always)]
fn each_row<V: Value>(
    layer: &LayerView<'_>,
    values: &[V],
    y: &mut [f32],
    dot: impl Fn(&[u16], &[V]) -> f32,
) {
    if let Some(topology) = layer.topology() {
        let rows = topology.row_ptr().windows(2).map(|ends| ends[0] as usize..ends[1] as usize);
        for (y, links) in y.iter_mut().zip(rows) {
            *y = dot(&topology.col_idx()[links.clone()], &values[links]);
        }
        return;
    }
    match layer.columns() {
        // What files that run in place are best written in.
        Columns::DeltaU8(columns) => each_decoded_row(columns, values, y, dot),
        columns => each_decoded_row(columns, values, y, dot),
    }
}

#[inline(always)]
fn each_decoded_row<V: Value>(
    mut columns: impl ReadColumns,
    mut values: &[V],
    y: &mut [f32],
    dot: impl Fn(&[u16], &[V]) -> f32,
) {
    let mut room = [0; CHUNK];
    for y in y {
        columns.start_row();
        *y = 0.0;
        loop {
            let columns = columns.next_columns(&mut room);
            let (now, rest) = values.split_at(columns.len());
            *y += dot(columns, now);
            values = rest;
            if columns.len() < CHUNK {
                break;
            }
        }
    }
}
