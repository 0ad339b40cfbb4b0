//! Drop the weakest links of a layer and grow as many (Mocanu et al. 2018, §2; Evci et al. 2020,
//! alg. 1).

use super::CsrMut;
use super::csr_mut::Unchecked;
use super::drop::{Drop, Protect, remove, weakest};
use super::grow::{Grow, choose, draw, insert};
use rand_core::Rng;

/// What one change of topology drops.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// Share of the links, 0 to 1.
    pub fraction: f64,
    /// Which of them.
    pub drop: Drop,
    /// Links that must stay this time, if there are any.
    pub protect: Option<Protect<'a>>,
}

/// Working memory of [`rewire`] and [`prune`](super::prune()): one place a link in each.
#[derive(Debug)]
pub struct RewireScratch<'s> {
    /// Cells ordered by strength.
    pub order: &'s mut [u32],
    /// Strengths of cells that have several links, then the scores of those that grow.
    pub strengths: &'s mut [f32],
    /// Afterwards: for every new link the old link it was, or [`GROWN`](super::GROWN).
    pub source: &'s mut [u32],
}

impl RewireScratch<'_> {
    /// Whether there is one place a link; `source` then says that every link is where it was.
    pub(super) fn start(&mut self, links: usize) {
        assert_eq!((self.strengths.len(), self.order.len()), (links, links));
        assert_eq!(self.source.len(), links);
        (0..).zip(&mut *self.source).for_each(|(at, source)| *source = at);
    }
}

/// Drops a share of the links and grows as many in places that are free after the drop, those just
/// dropped among them; the number of links stays. Returns how many links were dropped.
///
/// Where the topology has a [`Structure`](super::Structure) it is cells that go and come, and in
/// every scope as many come as went. The strength of a cell is Σ|w|, so that of several links it
/// has no sign to tell apart. Scopes without a free place keep what they have. Where protected links
/// leave too few to drop, fewer are dropped.
///
/// Afterwards `scratch.source` tells where each link came from; hand it to [`carry`](super::carry())
/// for the weights and for whatever else travels with a link, and to [`age`](super::age) for ages. A
/// dense layer is left as it is.
///
/// # Panics
/// If `weights`, ages or the scratch arrays have not one place a link, the arrays of
/// [`Grow::Scored`] are too short for a row, the fraction is not in 0 to 1, or the layer has more
/// than 2³² places.
pub fn rewire(
    topology: &mut CsrMut<'_>,
    weights: &[f32],
    change: &Change<'_>,
    grow: Grow<'_, impl Rng>,
    scratch: &mut RewireScratch<'_>,
) -> usize {
    let links = topology.col_idx.len();
    let grid = topology.grid;
    let Change { fraction, drop, protect } = *change;
    assert!((0.0..=1.0).contains(&fraction), "a drop fraction is between 0 and 1");
    assert_eq!(weights.len(), links);
    assert!(protect.is_none_or(|by| by.ages.len() == links), "one age a link");
    assert!(grid.rows as u64 * grid.cols as u64 <= 1 << 32, "the layer has too many places");
    if let Grow::Scored(by) = &grow {
        let enough = by.columns.len() >= grid.cols && by.scores.len() >= 2 * grid.cols;
        assert!(enough, "the places for a row's scores are too few");
    }
    scratch.start(links);
    if links == grid.rows * grid.cols {
        return 0;
    }
    let strengths = if grid.height == 1 {
        weights
    } else {
        grid.strengths(topology.row_ptr, weights, scratch.strengths);
        &*scratch.strengths
    };
    let share = (fraction, drop);
    let dropped = weakest(&grid, topology.row_ptr, strengths, share, protect, scratch.order);
    // The caller's numbers and scores may panic where this is no topology.
    let unchecked = Unchecked(topology);
    let topology = &mut *unchecked.0;
    let kept = remove(topology, dropped, scratch.source);
    match grow {
        Grow::Random(rng) => draw(&grid, dropped, rng),
        Grow::Scored(mut by) => choose(topology, dropped, scratch.strengths, &mut by),
    }
    insert(topology, kept, dropped, scratch.source);
    core::mem::forget(unchecked);
    links - kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::csr::below;
    use crate::topology::{Csr, GROWN, Structure, carry};

    struct Counter(u64);
    impl rand_core::TryRng for Counter {
        type Error = core::convert::Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            Ok((self.try_next_u64()? >> 32) as u32)
        }
        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            // splitmix64
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            Ok(z ^ (z >> 31))
        }
        fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Self::Error> {
            dst.fill(0);
            Ok(())
        }
    }

    fn place_values(topology: Csr<'_>) -> [f32; 40] {
        let mut values = [0.0; 40];
        for row in 0..topology.rows() {
            for at in topology.row(row) {
                values[at] = (row * 100) as f32 + f32::from(topology.col_idx()[at]);
            }
        }
        values
    }

    #[test]
    fn rewire_keeps_the_strong_and_carries_their_values() {
        let mut rng = Counter(7);
        let (mut row_ptr, mut col_idx) = ([0_u32; 11], [0_u16; 40]);
        let mut topology =
            CsrMut::random(Structure::Unstructured, 12, &mut row_ptr, &mut col_idx, &mut rng)
                .unwrap();
        for round in 0..200 {
            let places = place_values(topology.view());
            let mut weights = [0.0_f32; 40];
            for weight in &mut weights {
                *weight = (below(&mut rng, 2000) as f32 - 1000.0) / 100.0;
            }
            let positive = weights.iter().filter(|w| **w >= 0.0).count();
            let expected = positive / 4 + (40 - positive) / 4;
            let (mut order, mut strengths, mut source) = ([0; 40], [0.0; 40], [0; 40]);
            let mut scratch =
                RewireScratch { order: &mut order, strengths: &mut strengths, source: &mut source };
            let before = weights;
            let change = Change { fraction: 0.25, drop: Drop::SignedMagnitude, protect: None };
            let grow = Grow::Random(&mut rng);
            let dropped = rewire(&mut topology, &weights, &change, grow, &mut scratch);
            assert_eq!(dropped, expected, "round {round}");
            let view = topology.view();
            Csr::new(view.cols(), view.row_ptr(), view.col_idx()).unwrap();

            let mut carried = places;
            carry(&mut carried, &source, -1.0);
            carry(&mut weights, &source, 0.0);
            let now = place_values(view);
            for at in 0..40 {
                if source[at] == GROWN {
                    assert_eq!((carried[at], weights[at]), (-1.0, 0.0));
                } else {
                    assert_eq!(carried[at], now[at], "a kept link changed its place in the layer");
                    assert_eq!(weights[at], before[source[at] as usize]);
                }
            }
            let gone = (0..40_u32).filter(|old| !source.contains(old));
            let weakest_kept = |sign: bool| {
                let kept = source.iter().filter(|s| **s != GROWN).map(|s| before[*s as usize]);
                kept.filter(|w| (*w >= 0.0) == sign).map(f32::abs).fold(f32::MAX, f32::min)
            };
            for old in gone {
                let weight = before[old as usize];
                assert!(weight.abs() <= weakest_kept(weight >= 0.0));
            }
        }
    }

    #[test]
    fn growth_is_uniform_over_free_places() {
        let mut rng = Counter(3);
        let mut grown = [0_u32; 20];
        for _ in 0..4000 {
            let (mut row_ptr, mut col_idx) = ([0, 2, 4], [0_u16, 1, 0, 1]);
            let mut topology =
                CsrMut::new(Structure::Unstructured, 10, &mut row_ptr, &mut col_idx).unwrap();
            let (mut order, mut strengths, mut source) = ([0; 4], [0.0; 4], [0; 4]);
            let mut scratch =
                RewireScratch { order: &mut order, strengths: &mut strengths, source: &mut source };
            let weights = [0.1, 5.0, 6.0, 7.0];
            let change = Change { fraction: 0.25, drop: Drop::Magnitude, protect: None };
            let grow = Grow::Random(&mut rng);
            rewire(&mut topology, &weights, &change, grow, &mut scratch);
            let view = topology.view();
            for row in 0..2 {
                for at in view.row(row).filter(|at| source[*at] == GROWN) {
                    grown[row * 10 + usize::from(view.col_idx()[at])] += 1;
                }
            }
        }
        for (place, &grown) in grown.iter().enumerate() {
            if [1, 10, 11].contains(&place) {
                assert_eq!(grown, 0, "{place} is taken");
            } else {
                // 4000 draws over 17 places: 235 each, sigma 15.
                assert!((161..=309).contains(&grown), "{place}: {grown}");
            }
        }
    }

    #[test]
    fn a_dense_layer_is_left_alone() {
        let (mut row_ptr, mut col_idx) = ([0, 2, 4], [0_u16, 1, 0, 1]);
        let mut topology =
            CsrMut::new(Structure::Unstructured, 2, &mut row_ptr, &mut col_idx).unwrap();
        let (mut order, mut strengths, mut source) = ([0; 4], [0.0; 4], [9; 4]);
        let mut scratch =
            RewireScratch { order: &mut order, strengths: &mut strengths, source: &mut source };
        let change = Change { fraction: 0.5, drop: Drop::Magnitude, protect: None };
        let grow = Grow::Random(&mut Counter(1));
        let count = rewire(&mut topology, &[1.0; 4], &change, grow, &mut scratch);
        assert_eq!((count, source), (0, [0, 1, 2, 3]));
    }
}
