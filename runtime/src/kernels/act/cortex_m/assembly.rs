//! The routines of `rows.s`, `fours.s` and `relu.s`.

use super::super::{Fours, finish, scalar};
use super::stored::{Columns, Lengths, Stored, Weights};
use core::arch::global_asm;
use lacewing_formats::artifact::LayerView;
use lacewing_formats::policy::Activation;

global_asm!(include_str!("rows.s"), include_str!("fours.s"), options(raw));
global_asm!(include_str!("relu.s"), options(raw));

/// What a routine is called with: it loads these fields in this order.
#[repr(C)]
struct Rows {
    x: *const f32,
    columns: *const u8,
    weights: *const u8,
    y: *mut f32,
    /// The end of the first row in the links, or its length; not looked at where all are the same.
    lengths: *const u8,
    /// The links of every row, where all have as many.
    length: u32,
    y_end: *const f32,
}

type Routine = unsafe extern "C" fn(&Rows);

/// Declares the routines of each way to store columns and lengths, for f32 and f16.
macro_rules! routines {
    ($($name:ident: $f32:ident, $f16:ident;)*) => {
        unsafe extern "C" {
            $(fn $f32(rows: &Rows); fn $f16(rows: &Rows);)*
        }
        $(const $name: [Routine; 2] = [$f32, $f16];)*
    };
}

routines! {
    U16_POINTERS: lacewing_rows_u16_pointers_f32, lacewing_rows_u16_pointers_f16;
    U16_CONSTANT: lacewing_rows_u16_constant_f32, lacewing_rows_u16_constant_f16;
    GAP_BYTES: lacewing_rows_gap_bytes_f32, lacewing_rows_gap_bytes_f16;
    GAP_CONSTANT: lacewing_rows_gap_constant_f32, lacewing_rows_gap_constant_f16;
    SKIP_BYTES: lacewing_rows_skip_bytes_f32, lacewing_rows_skip_bytes_f16;
    SKIP_CONSTANT: lacewing_rows_skip_constant_f32, lacewing_rows_skip_constant_f16;
    NIBBLE_BYTES: lacewing_rows_nibble_bytes_f32, lacewing_rows_nibble_bytes_f16;
    NIBBLE_CONSTANT: lacewing_rows_nibble_constant_f32, lacewing_rows_nibble_constant_f16;
    ALL: lacewing_rows_all_whole_f32, lacewing_rows_all_whole_f16;
    FOURS_U16_POINTERS: lacewing_fours_u16_pointers_f32, lacewing_fours_u16_pointers_f16;
    FOURS_U16_CONSTANT: lacewing_fours_u16_constant_f32, lacewing_fours_u16_constant_f16;
    FOURS_GAP_BYTES: lacewing_fours_gap_bytes_f32, lacewing_fours_gap_bytes_f16;
    FOURS_GAP_CONSTANT: lacewing_fours_gap_constant_f32, lacewing_fours_gap_constant_f16;
}

/// Where every row of f16 begins at a whole word.
const ALL_WORDS: [Routine; 2] = [lacewing_rows_all_whole_f32, lacewing_rows_all_whole_f16_words];

unsafe extern "C" {
    fn lacewing_rows_all_whole_f16_words(rows: &Rows);
    fn lacewing_relu(y: *mut f32, bias: *const f32, count: usize);
}

/// # Safety
/// `x` is as long as the layer has inputs, `y` as it has outputs.
pub(in super::super) unsafe fn csr(layer: &LayerView<'_>, x: &[f32], y: &mut [f32]) {
    let Some(stored) = Stored::of(layer) else { return scalar::csr(layer, x, y) };
    let constant = matches!(stored.lengths, Lengths::Constant(_));
    let (columns, routines) = match stored.columns {
        Columns::U16(columns) => {
            (columns.as_ptr().cast(), if constant { U16_CONSTANT } else { U16_POINTERS })
        }
        Columns::Gaps(bytes) => (bytes.as_ptr(), if constant { GAP_CONSTANT } else { GAP_BYTES }),
        Columns::Skips(bytes) => {
            (bytes.as_ptr(), if constant { SKIP_CONSTANT } else { SKIP_BYTES })
        }
        Columns::Nibbles(bytes) => {
            (bytes.as_ptr(), if constant { NIBBLE_CONSTANT } else { NIBBLE_BYTES })
        }
        Columns::All => {
            (core::ptr::null(), if rows_are_words(&stored, layer.cols()) { ALL_WORDS } else { ALL })
        }
    };
    // SAFETY: the caller's, and these are the routines for how the links are stored.
    unsafe { run(&stored, columns, routines, x, y) }
}

/// # Safety
/// As [`csr`].
pub(in super::super) unsafe fn fours(fours: &Fours<'_>, x: &[f32], y: &mut [f32]) {
    let layer = fours.layer();
    let stored = Stored::of(layer);
    let routines = stored.and_then(|stored| match (stored.columns, stored.lengths) {
        (Columns::U16(columns), Lengths::Pointers(_)) => {
            Some((stored, columns.as_ptr().cast(), FOURS_U16_POINTERS))
        }
        (Columns::U16(columns), _) => Some((stored, columns.as_ptr().cast(), FOURS_U16_CONSTANT)),
        (Columns::Gaps(bytes), Lengths::Constant(_)) => {
            Some((stored, bytes.as_ptr(), FOURS_GAP_CONSTANT))
        }
        (Columns::Gaps(bytes), _) => Some((stored, bytes.as_ptr(), FOURS_GAP_BYTES)),
        (Columns::Skips(_) | Columns::Nibbles(_) | Columns::All, _) => None,
    });
    // SAFETY: the caller's; a `Fours` is proof that its rows come in fours with the same columns.
    unsafe {
        match routines {
            Some((stored, columns, routines)) => run(&stored, columns, routines, x, y),
            None => csr(layer, x, y),
        }
    }
}

/// Whether every row of a full layer begins at a whole word.
fn rows_are_words(stored: &Stored<'_>, cols: usize) -> bool {
    match stored.weights {
        Weights::F32(_) => true,
        Weights::F16(weights) => {
            cols.is_multiple_of(2) && weights.as_ptr().addr().is_multiple_of(size_of::<u32>())
        }
    }
}

/// # Safety
/// `x` is as long as the layer has inputs, `y` as it has outputs; the routines are those for how the links are stored.
unsafe fn run(
    stored: &Stored<'_>,
    columns: *const u8,
    [with_f32, with_f16]: [Routine; 2],
    x: &[f32],
    y: &mut [f32],
) {
    if y.is_empty() {
        return;
    }
    let (weights, run) = match stored.weights {
        Weights::F32(weights) => (weights.as_ptr().cast(), with_f32),
        Weights::F16(weights) => (weights.as_ptr().cast(), with_f16),
    };
    let (lengths, length) = match stored.lengths {
        // The first pointer is 0.
        Lengths::Pointers(pointers) => (pointers[1..].as_ptr().cast(), 0),
        Lengths::Bytes(lengths) => (lengths.as_ptr(), 0),
        Lengths::Constant(length) => (core::ptr::null(), length),
    };
    let y = y.as_mut_ptr_range();
    let rows = Rows { x: x.as_ptr(), columns, weights, y: y.start, lengths, length, y_end: y.end };
    // SAFETY: the routine is the caller's to choose, and there is at least one row. A `LayerView` is
    // proof that as many lengths as rows add up to as many weights and columns as are there, and that each column
    // is below `cols`, which `x` holds: so nothing else is read, and only `y` written. Unaligned loads are of
    // ordinary memory, which these chips do; the FPU has what the target says.
    unsafe { run(&rows) }
}

/// As [`finish::finish`].
pub(in super::super) fn finish(activation: Activation, bias: &[f32], y: &mut [f32]) {
    if activation != Activation::Relu {
        return finish::finish(activation, bias, y);
    }
    let count = y.len().min(bias.len());
    // SAFETY: so many can be read of both and written to `y`.
    unsafe { lacewing_relu(y.as_mut_ptr(), bias.as_ptr(), count) }
}
