//! Tables and ratios of what was measured.

use super::ffi::Outcome;
use super::network::{NORMALISED, NORMALISED_SPARSITY, RELU};
use super::{plot, stopwatch};
use lacewing_runtime::kernels::act::Kernel;
use std::collections::HashMap;
use std::fmt::Write;
use std::io::stdin;
use std::path::Path;

pub const PACKED: &str = "packed";
pub const PER_BLOCK: &str = "K per 32 columns";
pub const STRIPS: &str = "16×1 blocks";
pub const IN_PLACE: &str = "in place";
pub const DENSE: &str = "dense";
pub const INT8: &str = "int8";
pub const DENSE_INT8: &str = "dense int8";
pub const LITERT: &str = "LiteRT";
pub const ORT: &str = "ONNX Runtime";
pub const BATCH: &str = "lacewing, training kernels";
pub const BATCH_TORCH: &str = "PyTorch, dense";
pub const BATCH_TORCH_CSR: &str = "PyTorch, sparse CSR";
pub const BATCH_MKL: &str = "MKL sparse_s_mm";

/// The name of a layout of ours.
pub fn ours(layout: &str, kernel: &str) -> String {
    format!("lacewing {kernel}, {layout}")
}

/// Prints one line of CSV: nanoseconds a step.
pub fn line(network: &str, percent: u32, runtime: &str, warm: f64, cold: f64) {
    println!("{network},{percent},\"{runtime}\",{warm:.1},{cold:.1}");
}

/// Nanoseconds, warm and cold.
pub type Times = (f64, f64);

/// Medians of what was measured.
#[derive(Default)]
pub struct Measured {
    /// Networks, and the runtimes of each, in the order they were measured in.
    networks: Vec<(String, Vec<String>)>,
    medians: HashMap<(String, String, u32), Times>,
}

impl Measured {
    /// Reads lines of CSV.
    fn read() -> Outcome<Self> {
        let mut measured = Self::default();
        let mut times: HashMap<_, (Vec<f64>, Vec<f64>)> = HashMap::new();
        for line in stdin().lines() {
            let line = line?;
            let mut fields = line.splitn(2, '"');
            let (Some(head), Some(tail)) = (fields.next(), fields.next()) else {
                return Err(format!("no line of this bench's: {line}").into());
            };
            let (runtime, numbers) =
                tail.split_once("\",").ok_or("no end of the runtime's name")?;
            let (network, percent) =
                head.trim_end_matches(',').split_once(',').ok_or("no sparsity")?;
            let (warm, cold) = numbers.split_once(',').ok_or("no cold time")?;
            measured.note(network, runtime);
            let key = (network.to_owned(), runtime.to_owned(), percent.parse::<u32>()?);
            let (all_warm, all_cold) = times.entry(key).or_default();
            all_warm.push(warm.parse()?);
            all_cold.push(cold.parse()?);
        }
        let middle = |(key, (mut warm, mut cold)): (_, (Vec<f64>, Vec<f64>))| {
            (key, (stopwatch::median(&mut warm), stopwatch::median(&mut cold)))
        };
        measured.medians = times.into_iter().map(middle).collect();
        Ok(measured)
    }

    fn note(&mut self, network: &str, runtime: &str) {
        let at = self.networks.iter().position(|(name, _)| name == network);
        let at = at.unwrap_or_else(|| {
            self.networks.push((network.to_owned(), Vec::new()));
            self.networks.len() - 1
        });
        let runtimes = &mut self.networks[at].1;
        if !runtimes.iter().any(|known| known == runtime) {
            runtimes.push(runtime.to_owned());
        }
    }

    /// Times of a runtime on a network of a sparsity.
    pub fn get(&self, network: &str, runtime: &str, percent: u32) -> Option<Times> {
        self.medians.get(&(network.to_owned(), runtime.to_owned(), percent)).copied()
    }

    /// Runtimes measured on a network.
    pub fn runtimes(&self, network: &str) -> impl Iterator<Item = &str> {
        let known = self.networks.iter().filter(move |(name, _)| name == network);
        known.flat_map(|(_, runtimes)| runtimes).map(String::as_str)
    }

    /// A table of a network: rows are runtimes, columns sparsities.
    fn table(&self, network: &str, out: &mut String) -> std::fmt::Result {
        const COLUMNS: [u32; 6] = [0, 50, 80, 90, 95, 99];
        let measured = |percent: &u32| {
            self.runtimes(network).any(|runtime| self.get(network, runtime, *percent).is_some())
        };
        let columns: Vec<_> = COLUMNS.into_iter().filter(measured).collect();
        write!(out, "\n| {network} |")?;
        columns.iter().try_for_each(|percent| write!(out, " {percent} % |"))?;
        write!(out, "\n|---|{}", "---|".repeat(columns.len()))?;
        for runtime in self.runtimes(network) {
            write!(out, "\n| {runtime} |")?;
            for &percent in &columns {
                match self.get(network, runtime, percent) {
                    Some((warm, cold)) => write!(out, " {} / {} |", us(warm), us(cold))?,
                    None => write!(out, " – |")?,
                }
            }
        }
        writeln!(out)
    }
}

/// Microseconds in three digits.
fn us(ns: f64) -> String {
    let decimals = if ns < 9_995.0 { 2 } else { usize::from(ns < 99_950.0) };
    format!("{:.decimals$}", ns / 1000.0)
}

/// A ratio of two times, and what we want of it.
struct Goal {
    what: &'static str,
    network: String,
    percent: u32,
    slower: String,
    faster: String,
    target: f64,
}

fn goals() -> Vec<Goal> {
    let [small, large] = RELU.map(|network| network.name());
    let best = Kernel::best().name;
    let packed = ours(PACKED, best);
    let grouped = ours(PER_BLOCK, best);
    let dense = ours(DENSE, best);
    let litert = || LITERT.to_owned();
    let goal = |what, network: &str, percent, slower: String, faster: &str, target| Goal {
        what,
        network: network.to_owned(),
        percent,
        slower,
        faster: faster.to_owned(),
        target,
    };
    let mut goals = vec![
        goal("unstructured", &small, 90, litert(), &packed, 5.0),
        goal("unstructured", &small, 90, dense.clone(), &packed, 3.0),
        goal("K per 32", &small, 90, litert(), &grouped, 14.0),
        goal("unstructured", &large, 90, litert(), &packed, 4.5),
        goal("K per 32", &large, 90, litert(), &grouped, 8.0),
        goal("unstructured", &small, 50, dense.clone(), &packed, 1.0),
        goal("unstructured", &large, 50, dense, &packed, 1.0),
        goal("int8", &small, 90, ours(DENSE_INT8, best), &ours(INT8, best), 1.8),
        goal("int8", &large, 90, ours(DENSE_INT8, best), &ours(INT8, best), 1.8),
        goal("unstructured, avx2", &small, 90, litert(), &ours(PACKED, "avx2"), 2.5),
    ];
    for network in NORMALISED {
        goals.extend([LITERT, ORT].map(|peer| {
            let (name, percent) = (network.name(), NORMALISED_SPARSITY);
            goal("unstructured", &name, percent, peer.to_owned(), &packed, 4.0)
        }));
    }
    for threads in [1, 2] {
        let network = format!("{small} batch 256 threads {threads}");
        let peers = [(BATCH_TORCH, 4.5), (BATCH_TORCH_CSR, 3.0), (BATCH_MKL, 2.0)];
        goals.extend(peers.map(|(peer, target)| {
            goal("batch forward", &network, 90, peer.to_owned(), BATCH, target)
        }));
    }
    goals
}

fn ratios(measured: &Measured, out: &mut String) -> std::fmt::Result {
    writeln!(out, "\n| times as fast | network | sparsity | as | warm | cold | wanted (warm) |")?;
    writeln!(out, "|---|---|---|---|---|---|---|")?;
    for Goal { what, network, percent, slower, faster, target } in goals() {
        let times = |runtime: &str| measured.get(&network, runtime, percent);
        let (Some(slow), Some(fast)) = (times(&slower), times(&faster)) else { continue };
        let (warm, cold) = (slow.0 / fast.0, slow.1 / fast.1);
        writeln!(
            out,
            "| {faster} ({what}) | {network} | {percent} % | {slower} | {warm:.2} | {cold:.2} | ≥ {target} |"
        )?;
    }
    Ok(())
}

/// Reads CSV from stdin, prints the tables and draws the plots.
pub fn run(folder: &Path) -> Outcome<()> {
    let measured = Measured::read()?;
    let mut out = String::new();
    writeln!(out, "Microseconds a step, warm / after 8 MiB of other data:")?;
    for (network, _) in &measured.networks {
        measured.table(network, &mut out)?;
    }
    ratios(&measured, &mut out)?;
    print!("{out}");
    for network in RELU {
        let name = network.name();
        plot::draw(&measured, &name, &folder.join(format!("{name}.svg")))?;
    }
    Ok(())
}
