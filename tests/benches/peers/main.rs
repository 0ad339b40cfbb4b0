//! Lacewing beside other runtimes, on the same networks, in one process: run by `peers.sh`, which
//! installs them.
//!
//! `peers export FOLDER` writes the networks as ONNX. `peers steps FOLDER LIBRARIES` times control
//! steps of ReLU networks and prints a line of CSV for each runtime, `peers normalised FOLDER
//! LIBRARIES` those of networks with layer normalisation, `peers batch LIBRARIES --threads N` batches
//! of 256 (with several threads ours or theirs); where a library is not named, its runtime is left out.
//! `peers report FOLDER < CSV` prints the tables of such lines and draws their plots, medians where
//! there are several of a kind.
#![allow(unsafe_code)] // Other runtimes are called through their C interfaces.

mod batch;
mod ffi;
mod litert;
mod mkl;
mod network;
mod openvino;
mod ort;
mod plot;
mod report;
mod steps;
mod stopwatch;
mod torch;
#[cfg(feature = "onnx")]
mod tract;

use ffi::Outcome;
use lacewing_formats::artifact::PolicyView;
use lacewing_formats::codec::Encoding;
use lacewing_formats::topology::Structure;
use network::{NORMALISED, NORMALISED_SPARSITY, Network, RELU, SPARSITIES};
use std::path::{Path, PathBuf};

/// Where the peers' libraries are, as far as they are to run.
#[derive(Default, PartialEq)]
struct Libraries {
    litert: Option<PathBuf>,
    ort: Option<PathBuf>,
    openvino: Option<PathBuf>,
    torch: Option<PathBuf>,
    mkl: Option<PathBuf>,
}

impl Libraries {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What follows `name` on the command line.
fn option(name: &str) -> Option<String> {
    std::env::args().skip_while(|word| word != name).nth(1)
}

fn libraries() -> Libraries {
    let path = |name| option(name).map(PathBuf::from);
    Libraries {
        litert: path("--litert"),
        ort: path("--ort"),
        openvino: path("--openvino"),
        torch: path("--torch"),
        mkl: path("--mkl"),
    }
}

/// Policies of ReLU layers, each of every sparsity.
fn relu() -> impl Iterator<Item = (Network, u32)> {
    RELU.into_iter().flat_map(|network| SPARSITIES.map(|percent| (network, percent)))
}

/// Policies of normalised layers.
fn normalised() -> impl Iterator<Item = (Network, u32)> {
    NORMALISED.into_iter().map(|network| (network, NORMALISED_SPARSITY))
}

/// Writes every network as NAME-SPARSITY.onnx.
fn export(folder: &Path) -> Outcome<()> {
    for (network, percent) in relu().chain(normalised()) {
        let policy = network.policy(percent, Structure::Unstructured);
        let file = policy.write(Encoding::PLAIN)?;
        let model = lacewing::onnx::export(&PolicyView::parse(&file)?);
        let name = format!("{}-{percent}.onnx", network.name());
        std::fs::write(folder.join(name), model)?;
    }
    Ok(())
}

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let folder = words.get(1).map(Path::new);
    match (words.first().map(String::as_str), folder) {
        (Some("export"), Some(folder)) => export(folder),
        (Some("steps"), Some(folder)) => steps::run(folder, &libraries(), relu()),
        (Some("normalised"), Some(folder)) => steps::run(folder, &libraries(), normalised()),
        (Some("batch"), _) => {
            let threads = option("--threads").map_or(Ok(1), |word| word.parse())?;
            batch::run(&libraries(), threads)
        }
        (Some("report"), Some(folder)) => report::run(folder),
        // `cargo bench` runs every bench without words.
        _ => {
            eprintln!("peers: run tests/benches/peers.sh, which installs the other runtimes");
            Ok(())
        }
    }
}
