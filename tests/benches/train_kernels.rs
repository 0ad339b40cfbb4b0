//! Training kernels on one core: 256 × 256, batch 256, GFLOP/s on live links, medians.
//!
//! `cargo bench -p lacewing-tests --bench train_kernels`
use lacewing_formats::topology::{CsrMut, Structure};
use lacewing_runtime::kernels::train::{Finish, TILE, Tile, TrainKernels};
use rand_core::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use std::hint::black_box;
use std::time::Instant;

const WIDTH: usize = 256;
const BATCH: usize = 256;
const ROUNDS: usize = 301;

fn main() {
    println!("{WIDTH} x {WIDTH}, batch {BATCH}, tile {TILE}, one thread, median of {ROUNDS}");
    println!("kernels   density   forward us  GFLOP/s   weight gradient us  GFLOP/s");
    for density in [0.05, 0.1, 0.2, 0.5, 1.0] {
        let links = (density * (WIDTH * WIDTH) as f64) as usize;
        let (mut row_ptr, mut col_idx) = (vec![0; WIDTH + 1], vec![0; links]);
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let topology =
            CsrMut::random(Structure::Unstructured, WIDTH, &mut row_ptr, &mut col_idx, &mut rng)
                .expect("the layer has room for these links");
        let weights = vec![0.01; links];
        let mut grad = vec![0.0; links];
        let x = vec![Tile([0.5; TILE]); WIDTH * BATCH / TILE];
        let mut y = vec![Tile::ZERO; WIDTH * BATCH / TILE];
        for kernels in TrainKernels::available() {
            let forward = median_us(|| {
                for (x, y) in x.chunks(WIDTH).zip(y.chunks_mut(WIDTH)) {
                    kernels.spmm(
                        topology.view(),
                        &weights,
                        None,
                        black_box(x),
                        y,
                        Finish::Relu,
                        TILE,
                    );
                }
            });
            let gradient = median_us(|| {
                for (x, y) in x.chunks(WIDTH).zip(y.chunks(WIDTH)) {
                    kernels.sddmm(topology.view(), black_box(y), x, &mut grad, TILE);
                }
            });
            let flop = 2e-3 * (links * BATCH) as f64;
            println!(
                "{:8} {density:8.2} {forward:12.1} {:9.1} {gradient:17.1} {:11.1}",
                kernels.name,
                flop / forward,
                flop / gradient,
            );
        }
    }
}

fn median_us(mut run: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[ROUNDS / 2]
}
