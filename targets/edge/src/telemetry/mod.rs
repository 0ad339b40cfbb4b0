//! What is told about a fine-tuning beside the lines on standard output: a log of records, and metrics.

mod http;
mod log;
mod metrics;
mod show;

pub use log::Log;
pub use metrics::Metrics;
pub use show::{Options as LogOptions, show};

use lacewing_runtime::telemetry::{Event, Record, Ring};
use std::time::Instant;

/// Bytes for records that wait to be written.
pub const RING_BYTES: usize = 1 << 14;

/// Takes note of events; does nothing where nobody wants to know.
pub struct Telemetry<'m> {
    started: Instant,
    ring: Ring<'m>,
    log: Option<Log>,
    metrics: Option<Metrics>,
}

impl<'m> Telemetry<'m> {
    /// For a log, for metrics, for both or for none; records wait in `memory`.
    pub fn new(memory: &'m mut [u8], log: Option<Log>, metrics: Option<Metrics>) -> Self {
        Self { started: Instant::now(), ring: Ring::new(memory), log, metrics }
    }

    /// Where the metrics are, if they are wanted.
    pub fn metrics(&self) -> Option<&Metrics> {
        self.metrics.as_ref()
    }

    /// Something happened after so many steps.
    pub fn event(&mut self, step: u64, event: Event) {
        if let Some(metrics) = &self.metrics {
            metrics.note(step, &event);
        }
        if self.log.is_some() {
            let millis = self.started.elapsed().as_millis() as u64;
            self.ring.push(&Record { step, millis, event });
        }
    }

    /// Writes what waits to the log. Learning goes on where that fails, and the next time it is tried again.
    pub fn flush(&mut self) {
        if let Some(log) = &mut self.log {
            let _ = self.ring.take(|pieces| log.append(pieces));
        }
    }
}
