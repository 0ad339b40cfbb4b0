//! What a measurement found, for people and for programs.

use super::latency::Latency;
use crate::cost::Cost;
use alloc::{string::String, vec, vec::Vec};
use core::fmt;
use serde::Serialize;

/// What int8 takes and does to the actions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Int8Report {
    /// Bytes beyond the file to act in int8, sparse: layout and scratch.
    pub ram_bytes: u64,
    /// The same dense.
    pub dense_ram_bytes: u64,
    /// The furthest that an action in int8 was from the one in f32 on the observations of the
    /// measurement, as a share of half its range.
    pub largest_error: f32,
    /// Root mean square of the same.
    pub rms_error: f32,
}

/// The outcome of [`super::measure`]. Its `Display` is a table; serde gives JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Name of the processor.
    pub processor: String,
    /// Name of the kernel used.
    pub kernel: &'static str,
    /// What reading the clock takes of every figure, in nanoseconds.
    pub clock_ns: u64,
    /// Step after step.
    pub warm: Vec<Latency>,
    /// Each step after 8 MiB of other data.
    pub cold: Vec<Latency>,
    /// Links and FLOPs.
    pub cost: Cost,
    /// Bytes of the policy file.
    pub file_bytes: u64,
    /// Bytes beyond the file to act packed: layout and scratch.
    pub packed_ram_bytes: u64,
    /// Bytes beyond the file to act in place: scratch.
    pub in_place_ram_bytes: u64,
    /// Bytes beyond the file to act dense: layout and scratch.
    pub dense_ram_bytes: u64,
    /// Where int8 was asked for.
    pub int8: Option<Int8Report>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processor, kernel, clock_ns, cost, .. } = self;
        writeln!(f, "{processor}, kernel {kernel}")?;
        let sections = [("one control step", &self.warm), ("caches cold", &self.cold)];
        for (title, rows) in sections {
            let Some(steps) = rows.first().map(|row| row.steps) else { continue };
            let title = format_args!("{title}, {steps} steps").to_string();
            writeln!(
                f,
                "\n{title:<32}{:>9}{:>9}{:>9}{:>9}{:>10}",
                "p50", "p90", "p99", "p99.9", "max ns"
            )?;
            for row in rows {
                let Latency { name, p50_ns, p90_ns, p99_ns, p999_ns, max_ns, .. } = row;
                writeln!(
                    f,
                    "  {name:<30}{p50_ns:>9}{p90_ns:>9}{p99_ns:>9}{p999_ns:>9}{max_ns:>10}"
                )?;
            }
        }
        writeln!(f, "\nreading the clock takes {clock_ns} ns of each figure\n")?;
        writeln!(f, "{:<24}{:>12}{:>12}", "", "sparse", "dense")?;
        let mut lines = vec![
            ("links", cost.links, cost.dense_links),
            ("FLOPs a step", cost.flops, cost.dense_flops),
            ("FLOPs of links alone", cost.link_flops, 2 * cost.dense_links),
            ("RAM bytes, packed", self.packed_ram_bytes, self.dense_ram_bytes),
            ("RAM bytes, in place", self.in_place_ram_bytes, self.dense_ram_bytes),
        ];
        let int8 = self.int8.iter();
        lines.extend(int8.map(|int8| ("RAM bytes, int8", int8.ram_bytes, int8.dense_ram_bytes)));
        for (name, sparse, dense) in lines {
            writeln!(f, "{name:<24}{sparse:>12}{dense:>12}")?;
        }
        if let Some(Int8Report { largest_error, rms_error, .. }) = self.int8 {
            let [largest, rms] = [largest_error, rms_error].map(|error| 100.0 * error);
            writeln!(
                f,
                "int8 actions are off by up to {largest:.2} % of half their range (RMS {rms:.2} %)"
            )?;
        }
        write!(f, "{:<24}{:>12}", "file bytes", self.file_bytes)
    }
}
