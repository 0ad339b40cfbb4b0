//! Which vector instructions this processor has.

/// A set of vector instructions that a kernel may be written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// Nothing beyond the target's baseline: always there.
    Portable,
    /// x86-64 with AVX2, FMA and F16C (every x86-64 processor since about 2013).
    Avx2,
    /// [`Isa::Avx2`] and AVX-512 F, BW, DQ and VL.
    Avx512,
    /// [`Isa::Avx512`] with VBMI and VNNI.
    Avx512Vnni,
    /// Armv7E-M with a single-precision FPU: Cortex-M4F, Cortex-M7.
    CortexM,
    /// aarch64 NEON (Advanced SIMD), part of that target's baseline.
    Neon,
}

/// Asks the processor where `std` can, else what the crate is compiled for.
#[cfg(target_arch = "x86_64")]
macro_rules! has {
    ($($feature:tt),+) => {{
        #[cfg(feature = "std")]
        { $(std::is_x86_feature_detected!($feature))&&+ }
        #[cfg(not(feature = "std"))]
        { $(cfg!(target_feature = $feature))&&+ }
    }};
}

impl Isa {
    /// Whether this processor has it: asked at run time with the feature `std`, else decided by the
    /// target features the crate is compiled with.
    pub fn is_available(self) -> bool {
        match self {
            Isa::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => has!("avx2", "fma", "f16c"),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => {
                Isa::Avx2.is_available() && has!("avx512f", "avx512bw", "avx512dq", "avx512vl")
            }
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512Vnni => Isa::Avx512.is_available() && has!("avx512vbmi", "avx512vnni"),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => cfg!(target_feature = "neon"),
            Isa::CortexM => cfg!(cortex_m_fpu),
            #[allow(unreachable_patterns)]
            _ => false,
        }
    }
}
