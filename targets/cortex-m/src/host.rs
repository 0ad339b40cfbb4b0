//! The machine that emulates this one, or debugs it: its output, and its exit status.

use core::fmt::{self, Display, Write};
use cortex_m_semihosting::debug::{EXIT_FAILURE, EXIT_SUCCESS, ExitStatus, exit};
use cortex_m_semihosting::{heprintln, hprint};

/// Its standard output.
pub struct Output;

impl Write for Output {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        hprint!("{}", text);
        Ok(())
    }
}

/// Exits with 0.
pub fn succeed() -> ! {
    end(EXIT_SUCCESS)
}

/// Prints a line to stderr and exits with 1.
pub fn fail(line: &impl Display) -> ! {
    heprintln!("lacewing-cortex-m: {}", line);
    end(EXIT_FAILURE)
}

/// For panic handlers: where it was is not said, as that takes more flash than the rest.
pub fn panicked() -> ! {
    fail(&"the firmware panicked, which is a bug: run it under a debugger to see where")
}

fn end(status: ExitStatus) -> ! {
    loop {
        exit(status);
    }
}
