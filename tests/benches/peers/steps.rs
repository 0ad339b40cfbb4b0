//! Control steps, warm and cold.

use super::ffi::{Model, Outcome};
use super::network::{self, Hidden, Network};
use super::{Libraries, litert, mkl, openvino, ort, report, stopwatch, torch};
use lacewing_formats::artifact::PolicyView;
use lacewing_formats::codec::Encoding;
use lacewing_formats::topology::Structure;
use lacewing_runtime::act::{Layout, Policy};
use lacewing_runtime::kernels::act::Kernel;
use lacewing_runtime::learn::Block;
use lacewing_runtime::measure::{Contender, Step, step};
use lacewing_tests::actor;
use lacewing_tests::policy_file::Owned;
use std::path::Path;

const COLD_STEPS: u64 = 100;

/// Further apart than f32 in any order of adding takes two answers, and than 8 bits take them here.
const TOLERANCE: f64 = 1e-4;
const INT8_TOLERANCE: f64 = 0.1;

/// A policy of ours to time.
struct Setup {
    name: String,
    kernel: &'static Kernel,
    layout: Layout,
    network: Owned,
}

/// Every layout of the best kernel, and what a processor without AVX-512 would run.
fn setups(network: Network, percent: u32) -> Vec<Setup> {
    let best = Kernel::best();
    let setup = |kernel: &'static Kernel, name, layout, structure| Setup {
        name: report::ours(name, kernel.name),
        kernel,
        layout,
        network: network.policy(percent, structure),
    };
    let in_place = setup(best, report::IN_PLACE, Layout::InPlace, Structure::Unstructured);
    let avx2 = Kernel::available().find(|kernel| kernel.name == "avx2" && kernel.name != best.name);
    let kernels = std::iter::once(best).chain(avx2);
    let others = kernels.flat_map(|kernel| {
        let packed = setup(kernel, report::PACKED, Layout::Packed, Structure::Unstructured);
        let dense = setup(kernel, report::DENSE, Layout::Dense, Structure::Unstructured);
        let int8 = kernel.int8().into_iter().flat_map(move |_| {
            [(report::INT8, Layout::Int8), (report::DENSE_INT8, Layout::DenseInt8)]
                .map(|(name, layout)| setup(kernel, name, layout, Structure::Unstructured))
        });
        let structures = network::STRUCTURES.into_iter();
        let structures = structures.filter(|_| percent <= network::SPARSEST_STRUCTURE);
        let structured =
            structures.map(move |(name, structure)| setup(kernel, name, Layout::Packed, structure));
        [packed, dense].into_iter().chain(structured).chain(int8)
    });
    std::iter::once(in_place).chain(others).collect()
}

/// Times networks of shares of pruned links, in percent, and prints CSV.
pub fn run(
    folder: &Path,
    libraries: &Libraries,
    networks: impl Iterator<Item = (Network, u32)>,
) -> Outcome<()> {
    for (network, percent) in networks {
        compare(folder, libraries, network, percent)?;
    }
    Ok(())
}

fn compare(folder: &Path, libraries: &Libraries, network: Network, percent: u32) -> Outcome<()> {
    let (name, widths) = (network.name(), network.widths);
    let unstructured = network.policy(percent, Structure::Unstructured);
    let setups = setups(network, percent);
    let files: Vec<_> =
        setups.iter().map(|s| s.network.write(Encoding::PLAIN)).collect::<Result<_, _>>()?;
    let views: Vec<_> =
        files.iter().map(|file| PolicyView::parse(file)).collect::<Result<_, _>>()?;
    let mut memories: Vec<_> = setups
        .iter()
        .zip(&views)
        .map(|(setup, view)| vec![Block::ZERO; Policy::blocks(view, setup.layout, setup.kernel)])
        .collect();
    let mut policies = Vec::new();
    for ((setup, view), memory) in setups.iter().zip(views).zip(&mut memories) {
        policies.push(Policy::with_layout(view, setup.layout, setup.kernel, memory)?);
    }
    let ours = setups.iter().zip(&policies);
    let mut contenders: Vec<Contender<'_>> =
        ours.map(|(setup, policy)| (setup.name.as_str(), step(policy))).collect();
    let tolerance = |layout: Layout| if layout.is_int8() { INT8_TOLERANCE } else { TOLERANCE };
    let checks = setups.iter().map(|setup| (&setup.network, tolerance(setup.layout)));
    let checks = checks.chain(std::iter::repeat((&unstructured, TOLERANCE)));

    let file = |ending: &str| folder.join(format!("{name}-{percent}.{ending}"));
    let (observations, actions) = (widths[0], widths[widths.len() - 1]);
    type Open = fn(&Model<'_>) -> Outcome<Step<'static>>;
    let runtimes: [(_, Open, _, _); 3] = [
        (report::LITERT, litert::open, &libraries.litert, "tflite"),
        (report::ORT, ort::open, &libraries.ort, "batch1.onnx"),
        ("OpenVINO", openvino::open, &libraries.openvino, "batch1.onnx"),
    ];
    for (name, open, library, ending) in runtimes {
        if let Some(library) = library {
            let model = Model { library, file: file(ending), observations, actions };
            contenders.push((name, open(&model)?));
        }
    }
    if let Some(so) = &libraries.torch {
        contenders.push(("PyTorch, TorchScript frozen", torch::open(so, &file("pt"))?));
    }
    // MKL has products alone; what follows them is ours, and would be what is timed.
    if let (Some(so), Hidden::Relu) = (&libraries.mkl, network.hidden) {
        contenders.push(("MKL sgemv", mkl::dense(so, &unstructured)?));
        contenders.push(("MKL sparse_s_mv", mkl::sparse(so, &unstructured)?));
    }
    #[cfg(feature = "onnx")]
    contenders.push(("tract", super::tract::open(&file("onnx"))?));

    let inputs: Vec<_> = (0..64).map(|at| actor::observation(&unstructured, at)).collect();
    let mut action = vec![0.0; actions];
    for ((name, step), (network, tolerance)) in contenders.iter_mut().zip(checks) {
        step(&inputs[1], &mut action);
        for (found, due) in action.iter().zip(actor::reference(network, &inputs[1])) {
            if (f64::from(*found) - due).abs() > tolerance {
                return Err(format!("{name} answers {found} where {due} is due").into());
            }
        }
    }
    let times = stopwatch::medians(&mut contenders, &inputs, &mut action, COLD_STEPS);
    for ((runtime, _), (warm, cold)) in contenders.iter().zip(times) {
        report::line(&name, percent, runtime, warm, cold);
    }
    Ok(())
}
