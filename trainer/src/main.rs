//! The `lacewing` command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    lacewing::cli::main()
}
