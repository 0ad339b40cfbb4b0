//! The kernels with vector instructions.

/// Calls a kernel for as many vectors as the samples fill quarters of a tile; another constant of it
/// may depend on how many those are.
macro_rules! by_quarters {
    ($samples:ident, $module:ident::$kernel:ident::<$vector:ty, $row:ty $(, $by:ident)?>$operands:tt) => {
        // Called by name, not through a pointer, so that they are inlined and get the feature.
        match $samples.div_ceil(QUARTER) {
            1 => $module::$kernel::<$vector, $row, { N[1] } $(, { $by[1] })?>$operands,
            2 => $module::$kernel::<$vector, $row, { N[2] } $(, { $by[2] })?>$operands,
            3 => $module::$kernel::<$vector, $row, { N[3] } $(, { $by[3] })?>$operands,
            _ => $module::$kernel::<$vector, $row, { N[4] } $(, { $by[4] })?>$operands,
        }
    };
}

/// The same where a row is a quarter.
macro_rules! one_quarter {
    ($samples:ident, $module:ident::$kernel:ident::<$vector:ty, $row:ty $(, $by:ident)?>$operands:tt) => {{
        let _ = $samples;
        $module::$kernel::<$vector, $row, { N[1] } $(, { $by[1] })?>$operands
    }};
}

/// Vectors of none to four quarters of a tile, but no more than `most`.
const fn quarters(vectors: usize, most: usize) -> [usize; 5] {
    let mut of = [0; 5];
    let mut quarter = 1;
    while quarter < 5 {
        let all = quarter * vectors;
        of[quarter] = if all < most { all } else { most };
        quarter += 1;
    }
    of
}

/// Instantiates the kernels for one instruction set and one type of rows.
macro_rules! instantiate_rows {
    ($feature:literal, $vector:ty, $row:ty, $by:ident) => {
        pub(super) const KERNELS: RowKernels<$row> =
            RowKernels { spmm, spmm_back, sddmm, normalise, normalise_back };

        #[target_feature(enable = $feature)]
        unsafe fn spmm(
            csr: Csr<'_>,
            weights: &[f32],
            bias: Option<&[f32]>,
            x: &[$row],
            y: &mut [$row],
            finish: Finish<'_, $row>,
            samples: usize,
        ) {
            // SAFETY: the feature is enabled here; the caller checked the lengths.
            unsafe {
                if csr.is_full() {
                    $by!(
                        samples,
                        full::spmm::<$vector, $row, TOGETHER>(csr, weights, bias, x, y, finish)
                    )
                } else {
                    $by!(
                        samples,
                        generic::spmm::<$vector, $row>(csr, weights, bias, x, y, finish, 0)
                    )
                }
            }
        }

        #[target_feature(enable = $feature)]
        unsafe fn spmm_back(
            csr: Csr<'_>,
            weights: &[f32],
            dy: &[$row],
            dx: &mut [$row],
            samples: usize,
        ) {
            // SAFETY: as above.
            unsafe { $by!(samples, generic::spmm_back::<$vector, $row>(csr, weights, dy, dx)) }
        }

        #[target_feature(enable = $feature)]
        unsafe fn sddmm(csr: Csr<'_>, dy: &[$row], x: &[$row], grad: &mut [f32], samples: usize) {
            // SAFETY: as above.
            unsafe {
                if csr.is_full() {
                    $by!(samples, full::sddmm::<$vector, $row, L>(csr, dy, x, grad))
                } else {
                    $by!(samples, generic::sddmm::<$vector, $row, L>(csr, dy, x, grad))
                }
            }
        }

        #[target_feature(enable = $feature)]
        unsafe fn normalise(
            y: &mut [$row],
            normalised: &mut [$row],
            inverse: &mut $row,
            samples: usize,
        ) {
            // SAFETY: as above.
            unsafe { $by!(samples, norm::normalise::<$vector, $row>(y, normalised, inverse)) }
        }

        #[target_feature(enable = $feature)]
        unsafe fn normalise_back(
            dy: &mut [$row],
            normalised: &[$row],
            inverse: &$row,
            samples: usize,
        ) {
            // SAFETY: as above.
            unsafe { $by!(samples, norm::normalise_back::<$vector, $row>(dy, normalised, inverse)) }
        }
    };
}

/// Instantiates the kernels for one instruction set.
macro_rules! instantiate {
    ($feature:literal, $name:literal, $vector:ty) => {
        use super::super::{
            AdamStep, Finish, QUARTER, Quarter, RowKernels, Tile, TrainKernels, full, generic, norm,
        };
        use super::quarters;
        use crate::kernels::vector::Vector;
        use lacewing_formats::topology::Csr;

        const LANES: usize = <$vector as Vector>::LANES;
        /// Vectors of so many quarters of a tile.
        const N: [usize; 5] = quarters(QUARTER / LANES, usize::MAX);
        /// Those of them that a full layer's kernel has in registers at once.
        const TOGETHER: [usize; 5] = quarters(QUARTER / LANES, <$vector as Vector>::REGISTERS / 8);
        /// Links that are summed up together, whatever the samples.
        const L: [usize; 5] = [LANES; 5];

        /// Only to be used where the CPU has this instruction set.
        pub(in super::super) const KERNELS: TrainKernels = TrainKernels {
            name: $name,
            tiles: tiles::KERNELS,
            quarters: of_quarters::KERNELS,
            adam,
        };

        mod tiles {
            use super::*;
            instantiate_rows!($feature, $vector, Tile, by_quarters);
        }

        mod of_quarters {
            use super::*;
            instantiate_rows!($feature, $vector, Quarter, one_quarter);
        }

        #[target_feature(enable = $feature)]
        unsafe fn adam(s: &AdamStep, w: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32]) {
            // SAFETY: the feature is enabled here; the caller checked the lengths.
            unsafe { generic::adam::<$vector>(s, w, g, m, v) }
        }
    };
}

#[cfg(target_arch = "x86_64")]
pub(super) mod avx512 {
    instantiate!("avx512f", "avx512", core::arch::x86_64::__m512);
}

#[cfg(target_arch = "x86_64")]
pub(super) mod avx2 {
    instantiate!("avx2,fma", "avx2", core::arch::x86_64::__m256);
}

#[cfg(target_arch = "aarch64")]
pub(super) mod neon {
    instantiate!("neon", "neon", core::arch::aarch64::float32x4_t);
}
