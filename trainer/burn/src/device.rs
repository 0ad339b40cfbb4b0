//! Where tensors live.

use crate::BurnError;

/// Where the engine computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Device {
    /// One CPU thread.
    #[default]
    Cpu,
    /// The first CUDA GPU.
    Cuda,
}

impl Device {
    /// Whether this device can be used here and now.
    ///
    /// # Errors
    /// [`BurnError`] that says what is missing and where to get it.
    pub fn check(self) -> Result<(), BurnError> {
        match self {
            Self::Cpu => Ok(()),
            Self::Cuda => cuda(),
        }
    }
}

#[cfg(not(feature = "cuda"))]
fn cuda() -> Result<(), BurnError> {
    Err(BurnError::CudaNotBuilt)
}

/// Asks the driver before burn does: burn would panic on a worker thread.
#[cfg(feature = "cuda")]
#[allow(unsafe_code)]
fn cuda() -> Result<(), BurnError> {
    use cudarc::driver::{CudaContext, sys};
    // SAFETY: both only look for the library by dlopen. Its initialisers may run, which is what
    // any use of CUDA entails.
    let (driver, compiler) =
        unsafe { (sys::is_culib_present(), cudarc::nvrtc::sys::is_culib_present()) };
    if !driver {
        return Err(BurnError::NoCudaDevice { reason: "libcuda is not found".into() });
    }
    match CudaContext::device_count() {
        Err(error) => return Err(BurnError::NoCudaDevice { reason: error.to_string() }),
        Ok(0) => return Err(BurnError::NoCudaDevice { reason: "the driver finds no GPU".into() }),
        Ok(_) => {}
    }
    if compiler { Ok(()) } else { Err(BurnError::NoKernelCompiler) }
}
