//! Printing that outlives its reader: `lacewing inspect FILE | head` and a training whose terminal
//! is gone are no reason to panic, as `println!` and `eprintln!` do.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write, stderr, stdout};

/// A line of result, to standard output.
macro_rules! say {
    ($($text:tt)*) => { $crate::output::result(format_args!($($text)*)) };
}

/// A line of progress or complaint, to standard error.
macro_rules! tell {
    ($($text:tt)*) => { $crate::output::progress(format_args!($($text)*)) };
}

/// Writes a line of result. Where it cannot be written, on a full disk say, the program ends with a
/// line that tells so and status 1: half a result must not pass for a whole one.
pub(crate) fn result(line: Arguments<'_>) {
    match writeln!(stdout(), "{line}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            progress(format_args!("error: cannot write to standard output: {error}"));
            std::process::exit(1);
        }
        _ => {}
    }
}

/// Writes a line of progress, if anyone listens.
pub(crate) fn progress(line: Arguments<'_>) {
    let _ = writeln!(stderr(), "{line}");
}
