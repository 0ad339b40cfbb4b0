//! `lacewing-edge act`: observations in, actions out, one JSON array a line.

use crate::EdgeError;
use lacewing_runtime::act::{Interface, Policy};
use std::io::{BufRead, Read, Write};

/// Bytes a number may take on its line, separators and blanks included.
const BYTES_PER_NUMBER: u64 = 64;

/// Answers each observation of `input` with an action on `output`, flushed, until the input ends.
/// Blank lines are passed over.
///
/// # Errors
/// The first line that is not an observation this policy can act on; nothing is written for it.
pub fn serve(
    policy: &Policy<'_>,
    mut input: impl BufRead,
    mut output: impl Write,
) -> Result<(), EdgeError> {
    let mut scratch = vec![0.0; policy.scratch_len()];
    let mut action = vec![0.0; policy.actions()];
    let mut limits = vec![0.0; Interface::numbers(policy.view())];
    let interface = Interface::new(policy.view(), &mut limits)?;
    let limit = BYTES_PER_NUMBER * (policy.observations() as u64 + 1);
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let read = input.by_ref().take(limit).read_until(b'\n', &mut line);
        if read.map_err(EdgeError::Input)? == 0 {
            break;
        }
        if line.len() as u64 == limit && !line.ends_with(b"\n") {
            return Err(EdgeError::LongLine { line: number, limit });
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let observation: Vec<f32> = serde_json::from_slice(&line)
            .map_err(|error| EdgeError::Line { line: number, column: error.column() })?;
        policy
            .act(&observation, &mut action, &mut scratch)
            .map_err(|source| EdgeError::Act { line: number, source })?;
        interface
            .command(&mut action)
            .map_err(|source| EdgeError::Command { line: number, source })?;
        write_line(&mut output, &action).map_err(EdgeError::Output)?;
    }
    Ok(())
}

fn write_line(output: &mut impl Write, action: &[f32]) -> std::io::Result<()> {
    serde_json::to_writer(&mut *output, action)?;
    output.write_all(b"\n")?;
    output.flush()
}
