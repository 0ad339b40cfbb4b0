//! `lacewing-edge act`: observations in, actions out, one JSON array a line.

use crate::EdgeError;
use crate::driver::{self, DriverError, LONGEST, Notice};
use crate::installed::Confirmation;
use lacewing_runtime::act::{Interface, Policy};
use std::io::{BufRead, Read, Write};

/// Bytes a number may take on its line, separators and blanks included.
const BYTES_PER_NUMBER: u64 = 64;

/// Answers each observation of `input` with an action on `output`, flushed, until the input ends.
/// Blank lines are passed over. `{"spec":…}`, as drivers announce themselves, is compared with the
/// policy's contract; `{"reset":…}` begins an episode: earlier observations and actions are forgotten.
/// Neither is answered. Answers are good steps for `confirmation`.
///
/// # Errors
/// The first line that is not an observation this policy can act on; nothing is written for it. What came
/// of the confirmation, if it failed.
pub fn serve(
    policy: &Policy<'_>,
    mut input: impl BufRead,
    mut output: impl Write,
    mut confirmation: Option<Confirmation>,
) -> Result<(), EdgeError> {
    let mut scratch = vec![0.0; policy.scratch_len()];
    let mut action = vec![0.0; policy.actions()];
    let mut signals = vec![0.0; Interface::numbers(policy.view())];
    let mut interface = Interface::new(policy.view(), &mut signals)?;
    let mut line = Vec::new();
    for number in 1_u64.. {
        let mut limit = BYTES_PER_NUMBER * (interface.sensors() as u64 + 1);
        line.clear();
        read(&mut input, &mut line, limit)?;
        // Names make an announcement longer than any observation.
        if matches!(first(&line), None | Some(b'{')) && !line.ends_with(b"\n") {
            limit = LONGEST;
            read(&mut input, &mut line, limit)?;
        }
        if line.is_empty() {
            break;
        }
        if line.len() as u64 == limit && !line.ends_with(b"\n") {
            return Err(EdgeError::LongLine { line: number, limit });
        }
        match first(&line) {
            None => continue,
            Some(b'{') => {
                notice(policy, &mut interface, &line, number)?;
                continue;
            }
            Some(_) => {}
        }
        let raw: Vec<f32> = serde_json::from_slice(&line)
            .map_err(|error| EdgeError::Line { line: number, column: error.column() })?;
        let command = |source| EdgeError::Command { line: number, source };
        let observation = interface.observe(&raw).map_err(command)?;
        policy
            .act(observation, &mut action, &mut scratch)
            .map_err(|source| EdgeError::Act { line: number, source })?;
        interface.command(&mut action).map_err(command)?;
        write_line(&mut output, &action).map_err(EdgeError::Output)?;
        confirmation.as_mut().map_or(Ok(()), Confirmation::step)?;
    }
    Ok(confirmation.map_or(Ok(()), Confirmation::end)?)
}

/// Reads on to the end of the line, which then has at most `limit` bytes.
fn read(input: &mut impl BufRead, line: &mut Vec<u8>, limit: u64) -> Result<(), EdgeError> {
    let more = limit.saturating_sub(line.len() as u64);
    input.take(more).read_until(b'\n', line).map(|_| ()).map_err(EdgeError::Input)
}

/// What a line begins with.
fn first(line: &[u8]) -> Option<&u8> {
    line.trim_ascii_start().first()
}

/// Hears what a driver says that is no observation.
fn notice(
    policy: &Policy<'_>,
    interface: &mut Interface<'_>,
    line: &[u8],
    number: u64,
) -> Result<(), EdgeError> {
    let notice: Notice = match driver::read(&String::from_utf8_lossy(line)) {
        Err(DriverError::Answer { source, .. }) => {
            return Err(EdgeError::Notice { line: number, source });
        }
        notice => notice?,
    };
    if let Some(spec) = notice.spec {
        for note in driver::fit(policy.view(), &spec, interface)? {
            crate::warn(format_args!("{note}"));
        }
    }
    if notice.reset.is_some() {
        interface.reset();
    }
    Ok(())
}

fn write_line(output: &mut impl Write, action: &[f32]) -> std::io::Result<()> {
    serde_json::to_writer(&mut *output, action)?;
    output.write_all(b"\n")?;
    output.flush()
}
