//! Cortex-M4F and Cortex-M7: links in place, row by row, in assembly.
//!
//! Stable Rust has no fused multiply-add for these chips and reads f16 and gaps of columns with branches; in
//! assembly a link takes 4 to 7 instructions (`rows.s`), and 2 to 4 where rows come in fours with the same columns
//! (`fours.s`). What it has no routine for (bitmaps and Rice codes of layers that lack links, bf16, int8, rows of more
//! than 255 links whose lengths are not pointers) goes by the scalar kernel.

#[cfg(cortex_m_fpu)]
mod assembly;
mod stored;
mod twin;

#[cfg(cortex_m_fpu)]
pub(super) use assembly::{csr, finish, fours};
pub(super) use twin::csr as twin;
