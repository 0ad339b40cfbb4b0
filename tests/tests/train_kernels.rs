//! Every training kernel against the scalar oracle.
use lacewing_formats::topology::{Csr, CsrMut, Structure};
use lacewing_runtime::kernels::train::{
    AdamStep, Finish, QUARTER, Quarter, Row, TILE, Tile, TrainKernels,
};
use proptest::prelude::*;
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

fn unit(rng: &mut Xoshiro256PlusPlus) -> f32 {
    rng.next_u32() as f32 / u32::MAX as f32 * 2.0 - 1.0
}

fn tiles(count: usize, rng: &mut Xoshiro256PlusPlus) -> Vec<Tile> {
    (0..count).map(|_| Tile(std::array::from_fn(|_| unit(rng)))).collect()
}

/// Sums of a few hundred products of numbers below one, in another order.
fn near(a: f32, b: f32) -> bool {
    (a - b).abs() <= 1e-5 * (1.0 + a.abs().max(b.abs())) * 4.0
}

/// The same few operations on one element: they differ by rounding alone.
fn rounded(a: f32, b: f32) -> bool {
    (a - b).abs() <= 1e-6 + 1e-5 * b.abs()
}

fn oracle() -> TrainKernels {
    TrainKernels::available().last().expect("the scalar kernels are always there")
}

/// The first samples of each tile.
fn quarters(tiles: &[Tile]) -> Vec<Quarter> {
    let first = |tile: &Tile| Quarter(std::array::from_fn(|i| tile.0[i]));
    tiles.iter().map(first).collect()
}

/// `Wᵀ·dy` link by link.
fn back<R: Row>(topology: Csr<'_>, weights: &[f32], dy: &[R], sample: usize) -> Vec<f32> {
    let mut dx = vec![0.0; topology.cols()];
    for (row, dy) in dy.iter().enumerate() {
        for link in topology.row(row) {
            dx[usize::from(topology.col_idx()[link])] += weights[link] * dy.as_ref()[sample];
        }
    }
    dx
}

/// Whether a kernel's product with the transposed topology is that.
fn is_back<R: Row>(
    kernels: &TrainKernels,
    (topology, weights): (Csr<'_>, &[f32]),
    dy: &[R],
    samples: usize,
) -> bool {
    let mut dx = vec![R::zeroed(); topology.cols()];
    kernels.spmm_back(topology, weights, dy, &mut dx, samples);
    (0..samples).all(|sample| {
        let expected = back(topology, weights, dy, sample);
        dx.iter().zip(expected).all(|(dx, expected)| near(dx.as_ref()[sample], expected))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn layers_agree_with_the_oracle(
        rows in 1_usize..300,
        cols in 1_usize..300,
        density in prop_oneof![3 => 0.0_f64..=1.0, 1 => Just(1.0)],
        seed: u64,
        with_bias: bool,
        finish in 0_usize..3,
        samples in 1..=TILE,
    ) {
        let rng = &mut Xoshiro256PlusPlus::seed_from_u64(seed);
        let links = (density * (rows * cols) as f64) as usize;
        let (mut row_ptr, mut col_idx) = (vec![0; rows + 1], vec![0; links]);
        let topology = CsrMut::random(Structure::Unstructured, cols, &mut row_ptr, &mut col_idx, rng).unwrap();
        let weights: Vec<f32> = (0..links).map(|_| unit(rng)).collect();
        let bias: Vec<f32> = (0..rows).map(|_| unit(rng)).collect();
        let bias = with_bias.then_some(&*bias);
        let (x, dy, gate) = (tiles(cols, rng), tiles(rows, rng), tiles(rows, rng));
        // Beyond the samples a gradient is zero, as the learner leaves it.
        let mut dy = dy;
        dy.iter_mut().for_each(|tile| tile.0[samples..].fill(0.0));
        let finish = [Finish::Store, Finish::Relu, Finish::Gate(&gate)][finish];

        let mut expected = vec![Tile::ZERO; rows];
        oracle().spmm(topology.view(), &weights, bias, &x, &mut expected, finish, samples);
        let mut expected_grad = vec![0.5; links];
        oracle().sddmm(topology.view(), &dy, &x, &mut expected_grad, samples);
        for kernels in TrainKernels::available() {
            let mut y = vec![Tile([9.0; TILE]); rows];
            kernels.spmm(topology.view(), &weights, bias, &x, &mut y, finish, samples);
            for (y, expected) in y.iter().zip(&expected) {
                for (&y, expected) in y.0[..samples].iter().zip(expected.0) {
                    prop_assert!(near(y, expected), "{}: {y} {expected}", kernels.name);
                }
            }
            let mut grad = vec![0.5; links];
            kernels.sddmm(topology.view(), &dy, &x, &mut grad, samples);
            for (&grad, &expected) in grad.iter().zip(&expected_grad) {
                prop_assert!(near(grad, expected), "{}: {grad} {expected}", kernels.name);
            }
            prop_assert!(is_back(&kernels, (topology.view(), &weights), &dy, samples));

            // Rows of a quarter's samples are the beginnings of tiles.
            let (few, narrow_dy) = (samples.min(QUARTER), quarters(&dy));
            let gate = quarters(&gate);
            let finish = match finish {
                Finish::Store => Finish::Store,
                Finish::Relu => Finish::Relu,
                Finish::Gate(_) => Finish::Gate(&gate),
            };
            let mut y = vec![Quarter([9.0; QUARTER]); rows];
            kernels.spmm(topology.view(), &weights, bias, &quarters(&x), &mut y, finish, few);
            for (y, expected) in y.iter().zip(&expected) {
                for (&y, expected) in y.0[..few].iter().zip(expected.0) {
                    prop_assert!(near(y, expected), "{}: {y} {expected}", kernels.name);
                }
            }
            let (mut grad, mut expected) = (vec![0.5; links], vec![0.5; links]);
            kernels.sddmm(topology.view(), &narrow_dy, &quarters(&x), &mut grad, few);
            oracle().sddmm(topology.view(), &dy, &x, &mut expected, few);
            for (&grad, &expected) in grad.iter().zip(&expected) {
                prop_assert!(near(grad, expected), "{}: {grad} {expected}", kernels.name);
            }
            prop_assert!(is_back(&kernels, (topology.view(), &weights), &narrow_dy, few));
        }
    }

    #[test]
    fn adam_agrees_with_the_oracle(count in 0_usize..200, seed: u64) {
        let rng = &mut Xoshiro256PlusPlus::seed_from_u64(seed);
        let step = AdamStep {
            step_size: 1e-2,
            beta1: 0.9,
            beta2: 0.999,
            second_correction: 3.0,
            // Large enough to be missed, were either left out.
            epsilon: 1e-2,
            weight_decay: 0.1,
        };
        let mut draw = || (0..count).map(|_| unit(rng)).collect::<Vec<f32>>();
        let (w, g, m) = (draw(), draw(), draw());
        let v: Vec<f32> = draw().iter().map(|v| v.abs()).collect();
        let run = |kernels: TrainKernels| {
            let (mut w, mut m, mut v) = (w.clone(), m.clone(), v.clone());
            kernels.adam(&step, &mut w, &g, &mut m, &mut v);
            [w, m, v].concat()
        };
        let expected = run(oracle());
        for kernels in TrainKernels::available() {
            for (got, expected) in run(kernels).into_iter().zip(&expected) {
                prop_assert!(rounded(got, *expected), "{}: {got} {expected}", kernels.name);
            }
        }
    }
}

/// Parameters and moments of units that died decay: below the smallest normal number they are zero, and what
/// is no number is not hidden by that.
#[test]
fn adam_leaves_no_denormal_number() {
    const TINY: f32 = f32::MIN_POSITIVE;
    let step = AdamStep {
        step_size: 0.5,
        beta1: 0.5,
        beta2: 0.5,
        second_correction: 1.0,
        epsilon: 1.0,
        weight_decay: 0.0,
    };
    for kernels in TrainKernels::available() {
        // Vectors of every width, and a rest.
        for count in [1, 16, 33] {
            let run = |w: f32, g: f32, moment: f32| {
                let mut of = [vec![w; count], vec![moment; count], vec![moment; count]];
                let [w, m, v] = &mut of;
                kernels.adam(&step, w, &vec![g; count], m, v);
                of
            };
            let expected = [vec![0.0; count], vec![0.0; count], vec![0.0; count]];
            assert_eq!(run(0.75 * TINY, 0.0, 1.5 * TINY), expected, "{}", kernels.name);
            assert_eq!(run(-0.75 * TINY, 0.0, 0.0), expected, "{}", kernels.name);
            assert_eq!(run(TINY, 0.0, 2.0 * TINY)[1], vec![TINY; count], "{}", kernels.name);
            assert_eq!(run(-TINY, 0.0, 0.0)[0], vec![-TINY; count], "{}", kernels.name);
            assert!(
                run(1.0, f32::NAN, 1.0).concat().iter().all(|x| x.is_nan()),
                "{}",
                kernels.name
            );
        }
    }
}

/// Kernels for full layers make every sum in the order of those for any layer: the same rows above one
/// that lacks a link have the same results to the bit.
#[test]
fn full_layers_are_summed_up_as_any_other() {
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(22);
    for (rows, cols) in [(1, 256), (3, 1), (4, 2), (6, 70), (9, 17), (16, 64), (33, 131)] {
        let links = rows * cols;
        // The last row has all links but one.
        let row_ptr: Vec<u32> =
            (0..=rows).map(|row| (row * cols) as u32).chain([(links + cols - 1) as u32]).collect();
        let col_idx: Vec<u16> =
            (0..=rows).flat_map(|_| 0..cols as u16).take(links + cols - 1).collect();
        let sparse = Csr::new(cols, &row_ptr, &col_idx).unwrap();
        let full = sparse.first_rows(rows);
        assert!(full.is_full() && !sparse.is_full());
        let weights: Vec<f32> = (0..sparse.links()).map(|_| unit(rng)).collect();
        let bias: Vec<f32> = (0..=rows).map(|_| unit(rng)).collect();
        let (x, gate) = (tiles(cols, rng), tiles(rows + 1, rng));
        for (kernels, samples) in
            TrainKernels::available().flat_map(|of| [1, 16, 17, 36, 48, TILE].map(|n| (of, n)))
        {
            let mut dy = tiles(rows + 1, rng);
            dy.iter_mut().for_each(|tile| tile.0[samples..].fill(0.0));
            let run = |topology: Csr<'_>| {
                let (rows, links) = (topology.rows(), topology.links());
                let (mut y, mut grad) = (vec![Tile::ZERO; rows], vec![0.5; links]);
                let (weights, bias) = (&weights[..links], Some(&bias[..rows]));
                let finish = Finish::Gate(&gate[..rows]);
                kernels.spmm(topology, weights, bias, &x, &mut y, finish, samples);
                kernels.sddmm(topology, &dy[..rows], &x, &mut grad, samples);
                let y = y.iter().flat_map(|tile| &tile.0[..samples]).map(|y| y.to_bits());
                (y.collect::<Vec<_>>(), grad.iter().map(|grad| grad.to_bits()).collect::<Vec<_>>())
            };
            let (found, expected) = (run(full), run(sparse));
            assert_eq!(found.0, expected.0[..rows * samples], "{} {rows}x{cols}", kernels.name);
            assert_eq!(found.1, expected.1[..links], "{} {rows}x{cols}", kernels.name);
        }
    }
}

/// A few rows to hundreds, of any size beside the constant that is added to their variance.
#[test]
fn normalised_layers_agree_with_the_oracle() {
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(21);
    for rows in [1, 2, 3, 17, 64, 300] {
        for samples in [1, 15, 16, 17, 63, TILE] {
            for size in [1e-3, 1.0, 1e3] {
                let mut sums = tiles(rows, rng);
                sums.iter_mut().flat_map(|tile| &mut tile.0).for_each(|sum| *sum *= size);
                let by_normalised = tiles(rows, rng);
                let run = |kernels: &TrainKernels| {
                    let (mut y, mut dy) = (sums.clone(), by_normalised.clone());
                    let (mut normalised, mut inverse) = (vec![Tile::ZERO; rows], Tile::ZERO);
                    kernels.normalise(&mut y, &mut normalised, &mut inverse, samples);
                    kernels.normalise_back(&mut dy, &normalised, &inverse, samples);
                    // Sums that are the same make the inverse as large as it can be: 316.
                    dy.iter_mut().flat_map(|tile| &mut tile.0).for_each(|dy| *dy *= size.max(0.01));
                    [y, normalised, vec![inverse], dy]
                };
                let expected = run(&oracle());
                for kernels in TrainKernels::available() {
                    for (found, expected) in
                        run(&kernels).iter().flatten().zip(expected.iter().flatten())
                    {
                        for (&found, &expected) in found.0[..samples].iter().zip(&expected.0) {
                            assert!(
                                near(found, expected),
                                "{}, {rows} by {samples}: {found} {expected}",
                                kernels.name
                            );
                        }
                    }
                }
            }
        }
    }
}

/// The oracle itself, against slopes of the definition in f64.
#[test]
fn the_way_back_through_a_norm_is_its_slope() {
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(22);
    for rows in [2, 5, 40] {
        let (sums, by) = (tiles(rows, rng), tiles(rows, rng));
        let (mut y, mut dy) = (sums.clone(), by.clone());
        let (mut normalised, mut inverse) = (vec![Tile::ZERO; rows], Tile::ZERO);
        oracle().normalise(&mut y, &mut normalised, &mut inverse, TILE);
        oracle().normalise_back(&mut dy, &normalised, &inverse, TILE);
        for sample in 0..TILE {
            let of = |tiles: &[Tile]| -> Vec<f64> {
                tiles.iter().map(|tile| tile.0[sample].into()).collect()
            };
            let (sums, by) = (of(&sums), of(&by));
            let norm = |sums: &[f64]| -> Vec<f64> {
                let mean = sums.iter().sum::<f64>() / rows as f64;
                let variance = sums.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / rows as f64;
                sums.iter().map(|x| (x - mean) / (variance + 1e-5).sqrt()).collect()
            };
            let loss = |sums: &[f64]| norm(sums).iter().zip(&by).map(|(n, by)| n * by).sum::<f64>();
            for ((found, n), relu) in of(&normalised).iter().zip(norm(&sums)).zip(of(&y)) {
                assert!((found - n).abs() < 1e-4 && relu == found.max(0.0));
            }
            for (row, found) in of(&dy).into_iter().enumerate() {
                let [above, below] = [1e-6, -1e-6].map(|step| {
                    let mut moved = sums.clone();
                    moved[row] += step;
                    loss(&moved)
                });
                let slope = (above - below) / 2e-6;
                let size = f64::from(inverse.0[sample]);
                assert!((found - slope).abs() <= 1e-4 * size * size, "{rows}: {found} {slope}");
            }
        }
    }
}

#[test]
fn a_nan_is_not_hidden() {
    let (mut row_ptr, mut col_idx) = ([0, 1], [0]);
    let topology = CsrMut::new(Structure::Unstructured, 1, &mut row_ptr, &mut col_idx).unwrap();
    for kernels in TrainKernels::available() {
        for finish in [Finish::Store, Finish::Relu] {
            let mut y = [Tile::ZERO];
            kernels.spmm(
                topology.view(),
                &[f32::NAN],
                None,
                &[Tile([1.0; TILE])],
                &mut y,
                finish,
                TILE,
            );
            assert!(y[0].0.iter().all(|y| y.is_nan()), "{} {finish:?}", kernels.name);
        }
    }
}
