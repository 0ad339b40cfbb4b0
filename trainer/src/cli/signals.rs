//! Ctrl-C, `kill` and a terminal that goes away.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// A flag that the first of these signals sets. While it is set the next one ends the program.
pub fn stop() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [Some(SIGINT), Some(SIGTERM), hangup()].into_iter().flatten() {
        // First whether the flag is set, then setting it: one signal must not do both. Where neither
        // can be had the signal stops the process as kill -9 would: no reason to fail.
        let _ = flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stop))
            .and_then(|_| flag::register(signal, Arc::clone(&stop)));
    }
    stop
}

/// SIGHUP, unless it is ignored, as `nohup` starts programs.
#[cfg(unix)]
#[allow(unsafe_code)]
fn hangup() -> Option<i32> {
    let mut present = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new action sigaction(2) only fills in the present one, for which there is room.
    let asked = unsafe { libc::sigaction(libc::SIGHUP, std::ptr::null(), present.as_mut_ptr()) };
    // SAFETY: all of its fields may be zero, which they are where the call has failed.
    let present = unsafe { present.assume_init() };
    let ignored = asked == 0 && present.sa_sigaction == libc::SIG_IGN;
    (!ignored).then_some(libc::SIGHUP)
}

#[cfg(not(unix))]
fn hangup() -> Option<i32> {
    None
}
