//! Every kernel by itself, on one layer of 256 × 256 in the first-level caches or close to them:
//! of a control step in every layout, and of training on one tile of 64 samples.
//!
//! `taskset -c 1 cargo bench -p lacewing-tests --bench kernels [-- FILTER]`; items are links (or, of
//! Adam, parameters) times samples, so twice the rate is FLOP/s.
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use lacewing_formats::artifact::PolicyView;
use lacewing_formats::codec::Encoding;
use lacewing_formats::policy::Activation;
use lacewing_formats::topology::{Csr, Structure};
use lacewing_runtime::kernels::act::{
    Dense, INT8_BLOCK, Int8Plan, Kernel, Links, MAX_BLOCK, Plan, Weights,
};
use lacewing_runtime::kernels::train::{AdamStep, Finish, TILE, Tile, TrainKernels};
use lacewing_runtime::learn::{Arena, Block};
use lacewing_tests::actor;
use lacewing_tests::policy_file::{Layer, Owned};
use std::fmt;

const WIDTH: usize = 256;

fn main() {
    divan::main();
}

fn layer(sparsity: f64, structure: Structure) -> Owned {
    actor::structured(&[WIDTH, WIDTH], sparsity, structure, 1)
}

/// Where a layer's weights lie.
#[derive(Clone, Copy)]
enum Layout {
    InPlace,
    /// This one of what the kernel has for the layer.
    Planned(usize),
    Dense,
}

/// A product of a control step.
struct Product {
    kernel: &'static Kernel,
    structure: Structure,
    sparsity: f64,
    layout: Layout,
    /// Of the layout.
    name: String,
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kernel, structure, sparsity, name, .. } = self;
        write!(f, "{} {structure:?} {sparsity} {name}", kernel.name)
    }
}

/// Every layout of every kernel, for layers of every structure.
fn products() -> Vec<Product> {
    let mut products = Vec::new();
    for (structure, sparsity) in [
        (Structure::Unstructured, 0.5),
        (Structure::Unstructured, 0.9),
        (Structure::Groups { columns: 32 }, 0.9),
        (Structure::Blocks { rows: 16 }, 0.9),
    ] {
        let file = layer(sparsity, structure).write(Encoding::PLAIN).expect("a whole policy");
        let view = PolicyView::parse(&file).expect("what the writer wrote");
        let links = Links::new(&view.layers().next().expect("one layer"), None);
        for kernel in Kernel::available() {
            let planned = kernel.plans(&links, true).enumerate().map(|(index, plan)| {
                let name = match &plan {
                    Plan::Strips(strips) => format!("strips of {}", strips.height()),
                    _ => plan.name().into(),
                };
                (Layout::Planned(index), name)
            });
            let fixed = [(Layout::InPlace, "in place".into()), (Layout::Dense, "dense".into())];
            let layouts = fixed.into_iter().chain(planned);
            products.extend(layouts.map(|(layout, name)| Product {
                kernel,
                structure,
                sparsity,
                layout,
                name,
            }));
        }
    }
    products
}

/// `y = W x`.
#[divan::bench(args = products())]
fn act(bencher: Bencher<'_, '_>, product: &Product) {
    let Product { kernel, structure, sparsity, layout, .. } = *product;
    let file = layer(sparsity, structure).write(Encoding::PLAIN).expect("a whole policy");
    let view = PolicyView::parse(&file).expect("what the writer wrote");
    let layer = view.layers().next().expect("one layer");
    let plan = match layout {
        Layout::Planned(index) => kernel.plans(&Links::new(&layer, None), true).nth(index),
        Layout::InPlace | Layout::Dense => None,
    };
    let blocks = plan.as_ref().map_or(Dense::blocks(&layer), Plan::blocks);
    let mut memory = vec![Block::ZERO; blocks];
    let arena = &mut Arena::new(&mut memory);
    let enough = "as much memory as it asked for";
    let weights = match (layout, &plan) {
        (Layout::Planned(_), Some(plan)) => plan.write(arena).expect(enough),
        (Layout::Dense, _) => {
            Weights::Dense(Dense::new(&layer, kernel.panel(), None, arena).expect(enough))
        }
        _ => Weights::InPlace(layer),
    };
    let x = vec![0.5; WIDTH.next_multiple_of(MAX_BLOCK)];
    let mut y = vec![0.0; WIDTH];
    bencher.counter(ItemsCount::new(layer.links())).bench_local(|| {
        kernel.multiply(black_box(&weights), black_box(&x), black_box(&mut y));
    });
}

/// `y = W x` in whole numbers, live links only and with zeros written out.
#[divan::bench(args = [(0.5, true), (0.5, false), (0.9, true), (0.9, false)])]
fn act_int8(bencher: Bencher<'_, '_>, (sparsity, sparse): (f64, bool)) {
    let Some(kernel) = Kernel::best().int8() else { return };
    let file = layer(sparsity, Structure::Unstructured).write(Encoding::PLAIN);
    let file = file.expect("a whole policy");
    let view = PolicyView::parse(&file).expect("what the writer wrote");
    let layer = view.layers().next().expect("one layer");
    let plan =
        if sparse { Int8Plan::sparse(&layer, None, true) } else { Int8Plan::dense(&layer, None) };
    let mut memory = vec![Block::ZERO; plan.blocks()];
    let weights = plan.write(&mut Arena::new(&mut memory)).expect("as much memory as it asked for");
    let mut bytes = vec![0; WIDTH.next_multiple_of(INT8_BLOCK)];
    let x = kernel.quantise(&[0.5; WIDTH], &mut bytes);
    let mut y = vec![0.0; WIDTH];
    bencher.counter(ItemsCount::new(layer.links())).bench_local(|| {
        kernel.multiply(black_box(&weights), black_box(&x), black_box(&mut y));
    });
}

/// `y = activation(y + bias)`.
#[divan::bench(args = Kernel::available().map(|kernel| kernel.name))]
fn finish(bencher: Bencher<'_, '_>, name: &str) {
    let kernel = Kernel::available().find(|kernel| kernel.name == name).expect("one of the list");
    let (bias, mut y) = (vec![0.1; WIDTH], vec![0.5; WIDTH]);
    bencher.counter(ItemsCount::new(WIDTH)).bench_local(|| {
        kernel.finish(Activation::Relu, black_box(&bias), black_box(&mut y));
    });
}

/// Training kernels, and the links of their layer.
struct Training {
    kernels: TrainKernels,
    sparsity: f64,
}

impl fmt::Display for Training {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kernels.name, self.sparsity)
    }
}

fn trainings() -> impl Iterator<Item = Training> {
    let sparsities = [0.0, 0.5, 0.8, 0.9, 0.95];
    TrainKernels::available()
        .flat_map(move |kernels| sparsities.map(|sparsity| Training { kernels, sparsity }))
}

/// Times `run(kernels, topology, weights, x, y)` on a layer.
fn train(
    bencher: Bencher<'_, '_>,
    training: &Training,
    mut run: impl FnMut(&TrainKernels, Csr<'_>, &mut [f32], &mut [Tile], &mut [Tile]),
) {
    let Layer { cols, row_ptr, columns, mut weights, .. } =
        layer(training.sparsity, Structure::Unstructured).layers.remove(0);
    let topology = Csr::new(cols, &row_ptr, &columns).expect("a legal topology");
    let (mut x, mut y) = (vec![Tile([0.5; TILE]); WIDTH], vec![Tile::ZERO; WIDTH]);
    bencher.counter(ItemsCount::new(columns.len() * TILE)).bench_local(|| {
        run(&training.kernels, topology, black_box(&mut weights), black_box(&mut x), &mut y);
    });
}

/// Forward with ReLU.
#[divan::bench(args = trainings())]
fn train_forward(bencher: Bencher<'_, '_>, training: &Training) {
    train(bencher, training, |kernels, topology, weights, x, y| {
        kernels.spmm(topology, weights, None, x, y, Finish::Relu, TILE);
    });
}

/// The gradient of the input (a square layer's transpose is as good as another), gated by ReLU's.
#[divan::bench(args = trainings())]
fn train_input_gradient(bencher: Bencher<'_, '_>, training: &Training) {
    let gate = vec![Tile([1.0; TILE]); WIDTH];
    train(bencher, training, |kernels, topology, weights, x, y| {
        kernels.spmm(topology, weights, None, x, y, Finish::Gate(&gate), TILE);
    });
}

/// The gradient of the weights.
#[divan::bench(args = trainings())]
fn train_weight_gradient(bencher: Bencher<'_, '_>, training: &Training) {
    train(bencher, training, |kernels, topology, gradient, x, y| {
        kernels.sddmm(topology, x, y, gradient, TILE);
    });
}

/// One step of Adam on 6554 parameters, a layer's at 90 %.
#[divan::bench(args = TrainKernels::available().map(|kernels| kernels.name))]
fn train_adam(bencher: Bencher<'_, '_>, name: &str) {
    const PARAMETERS: usize = 6554;
    let kernels = TrainKernels::available().find(|kernels| kernels.name == name);
    let kernels = kernels.expect("one of the list");
    let step = AdamStep {
        step_size: 1e-3,
        beta1: 0.9,
        beta2: 0.999,
        second_correction: 1.0,
        epsilon: 1e-8,
        weight_decay: 0.0,
    };
    let [mut w, mut m, mut v] = [(); 3].map(|()| vec![0.1; PARAMETERS]);
    let gradient = vec![0.1; PARAMETERS];
    bencher.counter(ItemsCount::new(PARAMETERS)).bench_local(|| {
        kernels.adam(&step, black_box(&mut w), black_box(&gradient), &mut m, &mut v);
    });
}
