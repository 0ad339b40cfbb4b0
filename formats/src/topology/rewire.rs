//! SET: drop the weakest links of a layer and grow as many at random (Mocanu et al. 2018, §2).

use super::CsrMut;
use super::csr::below;
use super::grid::Grid;
use rand_core::Rng;
use serde::{Deserialize, Serialize};

/// Marks a link that did not exist before a rewire.
pub const GROWN: u32 = u32::MAX;

/// Which links are the weakest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Drop {
    /// Smallest |w| of the layer (Evci et al. 2020, §3.2).
    Magnitude,
    /// The share of the positive weights nearest zero and the same share of the negative ones
    /// (Mocanu et al. 2018; Sokar et al. 2022, alg. 1). A weight of zero counts as positive.
    #[default]
    SignedMagnitude,
}

/// Working memory of [`rewire`]: one place a link in each.
#[derive(Debug)]
pub struct RewireScratch<'s> {
    /// Cells ordered by strength.
    pub order: &'s mut [u32],
    /// Strengths of cells that have several links.
    pub strengths: &'s mut [f32],
    /// Afterwards: for every new link the old link it was, or [`GROWN`].
    pub source: &'s mut [u32],
}

/// Drops `fraction` (0 to 1) of the links and grows as many, uniformly over all places that are
/// free after the drop; the number of links stays. Returns how many links were dropped.
///
/// Where the topology has a [`Structure`](super::Structure) it is cells that go and come, and in
/// every scope as many come as went. The strength of a cell is Σ|w|, so that of several links it
/// has no sign to tell apart. Scopes without a free place keep what they have.
///
/// Afterwards `scratch.source` tells where each link came from; hand it to [`carry`] for the
/// weights and for whatever else travels with a link. A dense layer is left as it is.
///
/// # Panics
/// If `weights` or the scratch arrays have not one place a link, or `fraction` is not in 0 to 1.
pub fn rewire(
    topology: &mut CsrMut<'_>,
    weights: &[f32],
    fraction: f64,
    rule: Drop,
    rng: &mut impl Rng,
    scratch: &mut RewireScratch<'_>,
) -> usize {
    let links = topology.col_idx.len();
    let grid = topology.grid;
    assert!((0.0..=1.0).contains(&fraction), "a drop fraction is between 0 and 1");
    assert_eq!((weights.len(), scratch.strengths.len()), (links, links));
    assert_eq!((scratch.order.len(), scratch.source.len()), (links, links));
    for (at, source) in scratch.source.iter_mut().enumerate() {
        *source = at as u32;
    }
    if links == grid.rows * grid.cols {
        return 0;
    }
    let strengths = if grid.height == 1 {
        weights
    } else {
        grid.strengths(topology.row_ptr, weights, scratch.strengths);
        &*scratch.strengths
    };
    let dropped = weakest(&grid, strengths, fraction, rule, scratch.order);
    let kept = remove(topology, dropped, scratch.source);
    grow(topology, kept, dropped, rng, scratch.source);
    links - kept
}

/// Moves per-link values to their new places after a [`rewire`]; grown links get `fill`.
///
/// # Panics
/// If `values` and `source` differ in length.
pub fn carry<T: Copy>(values: &mut [T], source: &[u32], fill: T) {
    assert_eq!(values.len(), source.len());
    // Links keep their order: close the gaps towards the front, then open new ones from the back.
    let mut kept = 0;
    for &from in source.iter().filter(|&&from| from != GROWN) {
        values[kept] = values[from as usize];
        kept += 1;
    }
    for at in (0..values.len()).rev() {
        if source[at] == GROWN {
            values[at] = fill;
        } else {
            kept -= 1;
            values[at] = values[kept];
        }
    }
}

/// The cells to drop, ascending, at the front of `order`.
fn weakest<'o>(
    grid: &Grid,
    strengths: &[f32],
    fraction: f64,
    rule: Drop,
    order: &'o mut [u32],
) -> &'o [u32] {
    let mut dropped = 0;
    let mut drop_among = |class: &dyn Fn(f32) -> bool| {
        let (mut end, mut next) = (dropped, 0);
        for scope in grid.scopes() {
            let cells = next..next + scope.live;
            next = cells.end;
            if scope.live == scope.cells {
                continue;
            }
            for cell in cells {
                if class(strengths[cell]) {
                    order[end] = cell as u32;
                    end += 1;
                }
            }
        }
        let members = &mut order[dropped..end];
        let count = (fraction * members.len() as f64) as usize;
        if count > 0 {
            let strength = |cell: &u32| strengths[*cell as usize].abs();
            members.select_nth_unstable_by(count - 1, |a, b| {
                strength(a).total_cmp(&strength(b)).then(a.cmp(b))
            });
        }
        dropped += count;
    };
    match rule {
        Drop::Magnitude => drop_among(&|_| true),
        Drop::SignedMagnitude => {
            drop_among(&|weight| weight >= 0.0);
            drop_among(&|weight| weight < 0.0);
        }
    }
    let dropped = &mut order[..dropped];
    dropped.sort_unstable();
    dropped
}

/// Closes the gaps that the `dropped` cells (ascending) leave; returns how many links are kept.
/// The kept links then fill the front of the arrays and `source` tells where each came from.
fn remove(topology: &mut CsrMut<'_>, dropped: &[u32], source: &mut [u32]) -> usize {
    let mut gone = dropped;
    let (mut kept, mut start, mut first_cell) = (0, 0, 0);
    for block in topology.grid.blocks() {
        let cells = topology.row_ptr[block.start + 1] as usize - start;
        let after = gone.partition_point(|&cell| (cell as usize) < first_cell + cells);
        let (here, rest) = gone.split_at(after);
        for row in block {
            let mut here = here.iter().peekable();
            for at in 0..cells {
                if here.next_if(|&&cell| cell as usize == first_cell + at).is_none() {
                    topology.col_idx[kept] = topology.col_idx[start + at];
                    source[kept] = (start + at) as u32;
                    kept += 1;
                }
            }
            start += cells;
            topology.row_ptr[row + 1] = kept as u32;
        }
        first_cell += cells;
        gone = rest;
    }
    kept
}

/// Grows one cell for each of the `dropped` ones (ascending) in its scope, walking the layer from
/// its last place to its first so that the arrays, of which the first `kept` places are taken, can
/// be filled from the back (selection sampling, Knuth TAOCP 2, 3.4.2).
fn grow(
    topology: &mut CsrMut<'_>,
    mut kept: usize,
    mut dropped: &[u32],
    rng: &mut impl Rng,
    source: &mut [u32],
) {
    let CsrMut { grid, row_ptr, col_idx } = topology;
    // Places between the links still to be moved and those that have their new place.
    let mut gap = col_idx.len() - kept;
    let mut first_cell: usize = grid.scopes().map(|scope| scope.live).sum();
    for scope in grid.scopes().rev() {
        first_cell -= scope.live;
        let before = dropped.partition_point(|&cell| (cell as usize) < first_cell);
        let mut want = dropped.len() - before;
        dropped = &dropped[..before];
        let mut free = scope.cells - scope.live + want;
        for block in scope.blocks().rev() {
            let last = block.end - 1;
            let kept_before = row_ptr[last] as usize;
            if scope.cols.end == grid.cols {
                row_ptr[block.end] = (kept + gap) as u32;
            }
            for col in scope.cols.clone().rev() {
                if kept > kept_before && usize::from(col_idx[kept - 1]) == col {
                    kept -= 1;
                    col_idx[kept + gap] = col as u16;
                    source[kept + gap] = source[kept];
                    continue;
                }
                if below(rng, free as u64) < want as u64 {
                    want -= 1;
                    gap -= 1;
                    col_idx[kept + gap] = col as u16;
                    source[kept + gap] = GROWN;
                }
                free -= 1;
            }
            if scope.cols.start > 0 {
                continue;
            }
            // The block's last row is complete; those before it are like it.
            let pattern = kept + gap..row_ptr[block.end] as usize;
            for row in (block.start..last).rev() {
                row_ptr[row + 1] = (kept + gap) as u32;
                for like in pattern.clone().rev() {
                    let grown = source[like] == GROWN;
                    if grown {
                        gap -= 1
                    } else {
                        kept -= 1
                    }
                    col_idx[kept + gap] = col_idx[like];
                    source[kept + gap] = if grown { GROWN } else { source[kept] };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::{Csr, Structure};

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
            let dropped = rewire(
                &mut topology,
                &weights,
                0.25,
                Drop::SignedMagnitude,
                &mut rng,
                &mut scratch,
            );
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
            rewire(&mut topology, &weights, 0.25, Drop::Magnitude, &mut rng, &mut scratch);
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
        let rng = &mut Counter(1);
        let count = rewire(&mut topology, &[1.0; 4], 0.5, Drop::Magnitude, rng, &mut scratch);
        assert_eq!((count, source), (0, [0, 1, 2, 3]));
    }
}
