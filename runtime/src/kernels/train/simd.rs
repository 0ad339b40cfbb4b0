//! The kernels with vector instructions.

/// Calls a kernel for as many vectors as the samples fill quarters of a tile.
macro_rules! by_quarters {
    ($samples:ident, $module:ident::$kernel:ident::<$vector:ty $(, $lanes:ident)?>$operands:tt) => {
        // Called by name, not through a pointer, so that they are inlined and get the feature.
        match $samples.div_ceil(QUARTER) {
            1 => $module::$kernel::<$vector, { QUARTER / LANES } $(, $lanes)?>$operands,
            2 => $module::$kernel::<$vector, { 2 * QUARTER / LANES } $(, $lanes)?>$operands,
            3 => $module::$kernel::<$vector, { 3 * QUARTER / LANES } $(, $lanes)?>$operands,
            _ => $module::$kernel::<$vector, { 4 * QUARTER / LANES } $(, $lanes)?>$operands,
        }
    };
}

/// Instantiates the kernels for one instruction set.
macro_rules! instantiate {
    ($feature:literal, $name:literal, $vector:ty) => {
        use super::super::{AdamStep, Finish, QUARTER, Tile, TrainKernels, generic, norm};
        use crate::kernels::vector::Vector;
        use lacewing_formats::topology::Csr;

        const LANES: usize = <$vector as Vector>::LANES;

        /// Only to be used where the CPU has this instruction set.
        pub(in super::super) const KERNELS: TrainKernels =
            TrainKernels { name: $name, spmm, sddmm, normalise, normalise_back, adam };

        #[target_feature(enable = $feature)]
        unsafe fn spmm(
            csr: Csr<'_>,
            weights: &[f32],
            bias: Option<&[f32]>,
            x: &[Tile],
            y: &mut [Tile],
            finish: Finish<'_>,
            samples: usize,
        ) {
            // SAFETY: the feature is enabled here; the caller checked the lengths.
            unsafe {
                by_quarters!(samples, generic::spmm::<$vector>(csr, weights, bias, x, y, finish))
            }
        }

        #[target_feature(enable = $feature)]
        unsafe fn sddmm(csr: Csr<'_>, dy: &[Tile], x: &[Tile], grad: &mut [f32], samples: usize) {
            // SAFETY: as above.
            unsafe { by_quarters!(samples, generic::sddmm::<$vector, LANES>(csr, dy, x, grad)) }
        }

        #[target_feature(enable = $feature)]
        unsafe fn normalise(
            y: &mut [Tile],
            normalised: &mut [Tile],
            inverse: &mut Tile,
            samples: usize,
        ) {
            // SAFETY: as above.
            unsafe { by_quarters!(samples, norm::normalise::<$vector>(y, normalised, inverse)) }
        }

        #[target_feature(enable = $feature)]
        unsafe fn normalise_back(
            dy: &mut [Tile],
            normalised: &[Tile],
            inverse: &Tile,
            samples: usize,
        ) {
            // SAFETY: as above.
            unsafe {
                by_quarters!(samples, norm::normalise_back::<$vector>(dy, normalised, inverse))
            }
        }

        #[target_feature(enable = $feature)]
        unsafe fn adam(s: &AdamStep, w: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32]) {
            // SAFETY: as above.
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
