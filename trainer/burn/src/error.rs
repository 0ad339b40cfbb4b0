//! What may go wrong, and what to do about it.

use lacewing_runtime::learn::{LearnError, ResumeError};
use thiserror::Error;

/// Why the burn engine cannot start or go on.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BurnError {
    /// CUDA was asked of a build without it.
    #[error("this build has no CUDA: build with `--features cuda`, or use the device cpu")]
    CudaNotBuilt,
    /// The NVIDIA driver is missing or has no GPU.
    #[error("no CUDA device ({reason}): install the NVIDIA driver, or use the device cpu")]
    NoCudaDevice {
        /// What the driver said.
        reason: String,
    },
    /// The compiler of CUDA kernels is missing.
    #[error(
        "libnvrtc, which compiles CUDA kernels at run time, is not found: install the CUDA toolkit \
         and put its libraries on LD_LIBRARY_PATH, or use the device cpu"
    )]
    NoKernelCompiler,
    /// An observation or action of another length than the agent's.
    #[error("{what} has {found} numbers, the agent's has {expected}: is it of this environment?")]
    Length {
        /// Which of the two.
        what: &'static str,
        /// Numbers it should have.
        expected: usize,
        /// Numbers it has.
        found: usize,
    },
    /// An algorithm that this engine does not have.
    #[error("the burn engine has no {algorithm}, only td3 and sac: use the sparse engine")]
    Algorithm {
        /// Its name.
        algorithm: &'static str,
    },
    /// See [`ResumeError`].
    #[error(transparent)]
    Resume(#[from] ResumeError),
    /// See [`LearnError`].
    #[error(transparent)]
    Learn(#[from] LearnError),
}
