//! Ctrl-C and `kill`.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A flag that the first of these signals sets if the session can end `gently`. Otherwise it ends the driver
/// and the program, as the next one does.
pub fn stop(gently: bool) -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    #[cfg(unix)]
    hear(gently, Arc::clone(&stop));
    stop
}

/// Hears signals in a thread of its own: ending a driver is more than a handler may do.
#[cfg(unix)]
fn hear(gently: bool, stop: Arc<AtomicBool>) {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use std::sync::atomic::Ordering;

    // Where they cannot be had a signal ends the process as kill -9 would, from which it goes on too.
    let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGINT, SIGTERM]) else { return };
    std::thread::spawn(move || {
        for signal in signals.forever() {
            if !gently || stop.swap(true, Ordering::Relaxed) {
                crate::driver::kill();
                std::process::exit(128 + signal);
            }
        }
    });
}
