//! `lacewing-edge log`: a log of records as text.

use super::log::older;
use crate::EdgeError;
use clap::Args;
use lacewing_runtime::guard;
use lacewing_runtime::telemetry::{Event, Found, Frames, Record};
use std::fmt;
use std::fs;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::PathBuf;

/// Options of `log`.
#[derive(Args)]
pub struct Options {
    /// Log of a fine-tuning; the one beside it that ends with .old is read first
    log: PathBuf,
    /// Write a JSON object a line instead of text
    #[arg(long)]
    json: bool,
}

/// Writes the records of a log to standard output, and to standard error how much of it could not be read.
///
/// # Errors
/// [`EdgeError::Log`], [`EdgeError::Output`].
pub fn show(options: &Options) -> Result<(), EdgeError> {
    let fail = |source| EdgeError::Log { path: options.log.clone(), source };
    let mut bytes = match fs::read(older(&options.log)) {
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        read => read.map_err(fail)?,
    };
    // What was cut off at the older one's end is no part of what follows.
    bytes.push(0);
    bytes.extend(fs::read(&options.log).map_err(fail)?);
    let mut out = BufWriter::new(io::stdout().lock());
    let (mut broken, mut unknown) = (0_u64, 0_u64);
    for found in Frames::new(&bytes) {
        match found {
            Found::Record(record) => {
                write(&mut out, &record, options.json).map_err(EdgeError::Output)?;
            }
            Found::Broken => broken += 1,
            Found::Unknown => unknown += 1,
        }
    }
    out.flush().map_err(EdgeError::Output)?;
    if broken > 0 {
        crate::warn(format_args!("{broken} broken records passed over"));
    }
    if unknown > 0 {
        crate::warn(format_args!("{unknown} records of a newer program passed over"));
    }
    Ok(())
}

fn write(out: &mut impl Write, record: &Record, json: bool) -> io::Result<()> {
    if json {
        serde_json::to_writer(&mut *out, record)?;
        return out.write_all(b"\n");
    }
    let seconds = record.millis as f64 / 1e3;
    writeln!(out, "step {:>8} {seconds:>10.3} s  {}", record.step, Text(&record.event))
}

/// An event in words.
struct Text<'e>(&'e Event);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = |ns: u64| ns as f64 / 1e3;
        match *self.0 {
            Event::Start { policy, resumed, .. } => {
                let how = if resumed { "goes on" } else { "starts" };
                write!(f, "{how}, policy {policy:08x}")
            }
            Event::Return { episode, total } => write!(f, "return {total:.3}, episode {episode}"),
            Event::Losses { updates, figures } => {
                write!(f, "losses")?;
                figures.iter().flatten().try_for_each(|figure| write!(f, " {figure:.6}"))?;
                write!(f, ", {updates} updates")
            }
            Event::Evaluation { mean, std, best } => {
                write!(f, "evaluated {mean:.3} ± {std:.3}{}", if best { ", the best" } else { "" })
            }
            Event::Guard { by, count } => write!(f, "guard: {}, {count} times", by.name()),
            Event::Rewire { dropped, live } => {
                write!(f, "rewired {dropped} links, {live} alive in the policy")
            }
            Event::Latency { steps, p50_ns, p99_ns, p999_ns, max_ns } => write!(
                f,
                "observation to command p50 {:.1} p99 {:.1} p99.9 {:.1} max {:.1} µs, {steps} steps",
                micros(p50_ns),
                micros(p99_ns),
                micros(p999_ns),
                micros(max_ns)
            ),
            Event::Verdict { switch, mean, frozen } => {
                let told = guard::Event { step: 0, switch, mean, frozen }.to_string();
                // The step is told already.
                f.write_str(told.split_once(": ").map_or(&*told, |(_, told)| told))
            }
            Event::Save { sequence, bytes } => write!(f, "save {sequence}, {bytes} bytes"),
            Event::SaveFailed => write!(f, "not saved"),
            Event::Lost => write!(f, "an answer could not be used"),
            Event::Stop => write!(f, "ends"),
        }
    }
}
