//! The kernels with vector instructions.

use super::generic::instantiate;

#[cfg(target_arch = "x86_64")]
pub(super) mod avx512 {
    super::instantiate!("avx512f", "avx512", core::arch::x86_64::__m512);
}

#[cfg(target_arch = "x86_64")]
pub(super) mod avx2 {
    super::instantiate!("avx2,fma", "avx2", core::arch::x86_64::__m256);
}

#[cfg(target_arch = "aarch64")]
pub(super) mod neon {
    super::instantiate!("neon", "neon", core::arch::aarch64::float32x4_t);
}
