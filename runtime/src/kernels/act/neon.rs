//! aarch64 NEON.
//!
//! Every function is `unsafe` for one reason: the processor must have [`super::Isa::Neon`].
//! Lengths are checked by [`super::Kernel`] before it calls.

use super::dense::Dense;
use super::packed::{Geometry, Packed};
use super::rows::{self, Value};
use super::strips::Strips;
use core::arch::aarch64::*;
use core::arch::asm;
use half::f16;
use lacewing_formats::artifact::LayerView;
use lacewing_formats::policy::Activation;

/// Weights read four at a time.
trait Load4: Value {
    /// # Safety
    /// The processor has NEON; four values can be read at `from`.
    unsafe fn load4(from: *const Self) -> float32x4_t;
}

impl Load4 for f32 {
    #[inline(always)]
    unsafe fn load4(from: *const Self) -> float32x4_t {
        // SAFETY: the caller's.
        unsafe { vld1q_f32(from) }
    }
}

impl Load4 for f16 {
    #[inline(always)]
    unsafe fn load4(from: *const Self) -> float32x4_t {
        // SAFETY: the caller's; an `f16` is two bytes.
        unsafe { vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(from.cast()))) }
    }
}

#[target_feature(enable = "neon")]
pub(super) unsafe fn csr(layer: &LayerView<'_>, x: &[f32], y: &mut [f32]) {
    rows::csr(
        layer,
        y,
        // SAFETY: a `LayerView` only holds columns below `cols`, and `x` is at least that long.
        |columns, values| unsafe { dot(columns, values, x) },
        // SAFETY: the same.
        |columns, values| unsafe { dot(columns, values, x) },
    );
}

/// One row, eight links at a time into two sums. NEON has no gather: four inputs are loaded lane
/// by lane.
///
/// # Safety
/// The processor has NEON; every column is below `x.len()`.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn dot<V: Load4>(columns: &[u16], values: &[V], x: &[f32]) -> f32 {
    let (mut even, mut odd) = (vdupq_n_f32(0.0), vdupq_n_f32(0.0));
    let (column8, column_tail) = columns.as_chunks::<8>();
    let (value8, value_tail) = values.as_chunks::<8>();
    for ([a, b, c, d, e, f, g, h], values) in column8.iter().zip(value8) {
        // SAFETY: `values` holds eight; every column is below `x.len()`.
        unsafe {
            even = vfmaq_f32(even, pick4(x, [a, b, c, d]), V::load4(values.as_ptr()));
            odd = vfmaq_f32(odd, pick4(x, [e, f, g, h]), V::load4(values.as_ptr().add(4)));
        }
    }
    let tail = column_tail.iter().zip(value_tail);
    vaddvq_f32(vaddq_f32(even, odd))
        + tail.map(|(&column, value)| x[usize::from(column)] * value.widen()).sum::<f32>()
}

/// Four inputs in one vector.
///
/// # Safety
/// The processor has NEON; every column is below `x.len()`.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn pick4(x: &[f32], columns: [&u16; 4]) -> float32x4_t {
    let [a, b, c, d] = columns.map(|&column| x.as_ptr().wrapping_add(column.into()));
    // SAFETY: each pointer is to an input.
    unsafe {
        let picked = vld1q_lane_f32::<1>(b, vld1q_dup_f32(a));
        vld1q_lane_f32::<3>(d, vld1q_lane_f32::<2>(c, picked))
    }
}

/// Rows in a panel: four vectors.
pub(super) const PANEL: usize = 16;

#[target_feature(enable = "neon")]
pub(super) unsafe fn dense(weights: &Dense<'_>, x: &[f32], y: &mut [f32]) {
    // SAFETY: the caller's.
    unsafe { super::dense::dense::<float32x4_t, 4, 2>(weights, x, y) }
}

/// Four vectors of rows; a block is what `tbl` selects bytes from in four registers, a byte of each input.
pub(super) const GEOMETRY: Geometry = Geometry { lanes: 16, block: 64, links: 1 };

/// The bytes of the inputs of a block: the lowest of each, the next, the third, the highest.
type Planes = [[u8; 64]; 4];

/// Blocks whose bytes are taken apart at once, for all groups of rows where there are no more.
const BLOCKS: usize = 8;

/// # Safety
/// The processor has NEON.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn take_apart(x: &[f32; 64], [a, b, c, d]: &mut Planes) {
    for (at, x) in (0..64).step_by(16).zip(x.as_chunks::<16>().0) {
        // SAFETY: `x` holds sixteen numbers, and each of the planes as many bytes from `at` on.
        unsafe {
            let bytes = vld4q_u8(x.as_ptr().cast());
            vst1q_u8(a[at..].as_mut_ptr(), bytes.0);
            vst1q_u8(b[at..].as_mut_ptr(), bytes.1);
            vst1q_u8(c[at..].as_mut_ptr(), bytes.2);
            vst1q_u8(d[at..].as_mut_ptr(), bytes.3);
        }
    }
}

/// A step in assembly: sixteen inputs, whose columns are in `$columns`, times the next values. `v0` to `v15` hold the
/// planes of a block, `v16` to `v19` the sums.
macro_rules! step {
    ($columns:literal) => {
        concat!(
            "tbl v21.16b, {{v0.16b-v3.16b}}, ",
            $columns,
            ".16b\ntbl v22.16b, {{v4.16b-v7.16b}}, ",
            $columns,
            ".16b\ntbl v23.16b, {{v8.16b-v11.16b}}, ",
            $columns,
            ".16b\ntbl v24.16b, {{v12.16b-v15.16b}}, ",
            $columns,
            ".16b
            ldp q25, q26, [{values}], #32
            ldp q27, q28, [{values}], #32
            zip1 v29.16b, v21.16b, v22.16b
            zip2 v21.16b, v21.16b, v22.16b
            zip1 v22.16b, v23.16b, v24.16b
            zip2 v23.16b, v23.16b, v24.16b
            zip1 v24.8h, v29.8h, v22.8h
            zip2 v29.8h, v29.8h, v22.8h
            zip1 v22.8h, v21.8h, v23.8h
            zip2 v21.8h, v21.8h, v23.8h
            fmla v16.4s, v24.4s, v25.4s
            fmla v17.4s, v29.4s, v26.4s
            fmla v18.4s, v22.4s, v27.4s
            fmla v19.4s, v21.4s, v28.4s"
        )
    };
}

/// What is left of a packed layer.
struct Steps {
    columns: *const u8,
    values: *const f32,
}

/// Adds the products of a group of rows with the blocks that `apart` begins with: `counts` steps of each.
///
/// In assembly, since the compiler copies sums and planes from register to register: half as many instructions again.
///
/// # Safety
/// The processor has NEON; there are as many `apart` as `counts`, and as many steps left as these add up to.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn add_blocks(
    [a, b, c, d]: &mut [float32x4_t; 4],
    counts: &[u8],
    apart: &[Planes],
    steps: &mut Steps,
) {
    if counts.is_empty() {
        return;
    }
    let ends = counts.as_ptr_range();
    // SAFETY: the caller's. Reads a byte of each of `counts`, the planes of as many blocks, and sixteen columns and
    // values a step; writes nothing but registers.
    unsafe {
        asm!(
            "2:",
            "ldrb {left:w}, [{count}], #1",
            "ld1 {{v0.16b-v3.16b}}, [{plane}], #64",
            "ld1 {{v4.16b-v7.16b}}, [{plane}], #64",
            "ld1 {{v8.16b-v11.16b}}, [{plane}], #64",
            "ld1 {{v12.16b-v15.16b}}, [{plane}], #64",
            "tbz {left:w}, #0, 3f",
            "ldr q20, [{columns}], #16",
            step!("v20"),
            "3:",
            "lsr {left:w}, {left:w}, #1",
            "cbz {left:w}, 5f",
            "4:",
            "ldp q20, q30, [{columns}], #32",
            step!("v20"),
            step!("v30"),
            "subs {left:w}, {left:w}, #1",
            "b.ne 4b",
            "5:",
            "cmp {count}, {end}",
            "b.ne 2b",
            left = out(reg) _,
            count = inout(reg) ends.start => _,
            end = in(reg) ends.end,
            plane = inout(reg) apart.as_ptr() => _,
            columns = inout(reg) steps.columns,
            values = inout(reg) steps.values,
            inout("v16") *a,
            inout("v17") *b,
            inout("v18") *c,
            inout("v19") *d,
            out("v0") _, out("v1") _, out("v2") _, out("v3") _, out("v4") _, out("v5") _,
            out("v6") _, out("v7") _, out("v8") _, out("v9") _, out("v10") _, out("v11") _,
            out("v12") _, out("v13") _, out("v14") _, out("v15") _, out("v20") _, out("v21") _,
            out("v22") _, out("v23") _, out("v24") _, out("v25") _, out("v26") _, out("v27") _,
            out("v28") _, out("v29") _, out("v30") _,
            options(readonly, nostack),
        );
    }
}

/// Packed layer: sixteen of 64 inputs are picked by four `tbl`, a byte of each at a time, no loads lane by lane.
#[target_feature(enable = "neon")]
pub(super) unsafe fn packed(packed: &Packed<'_>, x: &[f32], y: &mut [f32]) {
    let blocks = packed.blocks_per_group();
    let mut steps = Steps { columns: packed.columns().as_ptr(), values: packed.values().as_ptr() };
    let mut apart = [[[0; 64]; 4]; BLOCKS];
    let groups = packed.counts().chunks_exact(blocks).enumerate();
    for (y, (group, counts)) in y.chunks_mut(16).zip(groups) {
        let mut sums = [vdupq_n_f32(0.0); 4];
        for (counts, x) in counts.chunks(BLOCKS).zip(x.as_chunks::<64>().0.chunks(BLOCKS)) {
            if group == 0 || blocks > BLOCKS {
                // SAFETY: the caller's.
                x.iter().zip(&mut apart).for_each(|(x, planes)| unsafe { take_apart(x, planes) });
            }
            // SAFETY: the counts of a `Packed` add up to the steps it holds, each of sixteen values and sixteen
            // columns; there are no more of them than blocks in `x`, which are apart.
            unsafe { add_blocks(&mut sums, counts, &apart, &mut steps) };
        }
        // A group of fewer rows than lanes is the last.
        let mut last = [0.0; 16];
        let whole = y.len() == 16;
        let to = if whole { y.as_mut_ptr() } else { last.as_mut_ptr() };
        for (vector, sum) in sums.into_iter().enumerate() {
            // SAFETY: there is room for sixteen.
            unsafe { vst1q_f32(to.add(4 * vector), sum) };
        }
        if !whole {
            y.copy_from_slice(&last[..y.len()]);
        }
    }
}

#[target_feature(enable = "neon")]
pub(super) unsafe fn strips16(strips: &Strips<'_>, x: &[f32], y: &mut [f32]) {
    // SAFETY: the caller's.
    unsafe { super::strips::strips::<float32x4_t, 4, 2>(strips, x, y) }
}

#[target_feature(enable = "neon")]
pub(super) unsafe fn strips4(strips: &Strips<'_>, x: &[f32], y: &mut [f32]) {
    // SAFETY: the caller's.
    unsafe { super::strips::strips::<float32x4_t, 1, 4>(strips, x, y) }
}

#[target_feature(enable = "neon")]
pub(super) unsafe fn finish(activation: Activation, bias: &[f32], y: &mut [f32]) {
    super::finish::finish(activation, bias, y);
}

#[target_feature(enable = "neon")]
pub(super) unsafe fn normalise(epsilon: f32, gain: &[f32], bias: &[f32], y: &mut [f32]) {
    super::finish::normalise(epsilon, gain, bias, y);
}
