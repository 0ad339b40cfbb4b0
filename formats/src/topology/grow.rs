//! New links in the places of those that were dropped.
//!
//! Free cells are numbered from 0 on in the order of the layer, those just dropped among them. A
//! rule of growth turns the list of dropped cells into as many numbers of free cells, in each scope
//! as many as it lost; [`insert`] then lets them live.

use super::CsrMut;
use super::carry::GROWN;
use super::csr::below;
use super::grid::Grid;
use core::fmt;
use rand_core::Rng;

/// Which of the free places come to life.
#[derive(Debug)]
pub enum Grow<'g, R> {
    /// Any, with the same chance (SET: Mocanu et al. 2018, §2).
    Random(&'g mut R),
    /// Those with the highest scores (RigL: Evci et al. 2020, alg. 1); of equals the first.
    Scored(Scores<'g>),
}

/// `score(row, columns, out)` writes to `out` the score of each of the `columns` (ascending, all
/// without a live link) of `row`: |∂loss/∂w|, were there a link. NaN is above all numbers.
pub type Score<'g> = dyn FnMut(usize, &[u16], &mut [f32]) + 'g;

/// What tells promising places from others, and the memory to ask it row by row: nowhere is there a
/// score for every place of the layer at once.
pub struct Scores<'g> {
    /// Asked row after row; one may be asked for in several parts, or not at all. A cell of several
    /// links scores their sum.
    pub score: &'g mut Score<'g>,
    /// One place an input of the layer.
    pub columns: &'g mut [u16],
    /// Two places an input of the layer.
    pub scores: &'g mut [f32],
}

impl fmt::Debug for Scores<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scores").finish_non_exhaustive()
    }
}

/// Free cells in a layer that has lost `dropped`.
fn free_cells(grid: &Grid, dropped: usize) -> usize {
    grid.scopes().map(|scope| scope.cells - scope.live).sum::<usize>() + dropped
}

/// Turns `dropped` cells into free ones drawn uniformly without replacement, scope by scope from
/// the last to the first (selection sampling, Knuth TAOCP 2, 3.4.2, algorithm S).
pub(super) fn draw(grid: &Grid, dropped: &mut [u32], rng: &mut impl Rng) {
    let mut end = dropped.len();
    let mut first_cell: usize = grid.scopes().map(|scope| scope.live).sum();
    let mut first_free = free_cells(grid, end);
    for scope in grid.scopes().rev() {
        first_cell -= scope.live;
        let start = dropped[..end].partition_point(|&cell| (cell as usize) < first_cell);
        let mut want = end - start;
        let free = scope.cells - scope.live + want;
        first_free -= free;
        for left in (1..=free).rev() {
            if below(rng, left as u64) < want as u64 {
                want -= 1;
                dropped[start + want] = (first_free + left - 1) as u32;
            }
        }
        end = start;
    }
}

/// Turns `dropped` cells into the free ones with the highest scores; `best` has a place for each.
/// The topology holds the kept links.
pub(super) fn choose(
    topology: &CsrMut<'_>,
    dropped: &mut [u32],
    best: &mut [f32],
    by: &mut Scores<'_>,
) {
    let CsrMut { grid, row_ptr, col_idx } = topology;
    let (mut start, mut end_cell, mut free) = (0, 0, 0);
    for scope in grid.scopes() {
        end_cell += scope.live;
        let want = dropped[start..].partition_point(|&cell| (cell as usize) < end_cell);
        let end = start + want;
        if want == 0 {
            free += scope.cells - scope.live;
            continue;
        }
        let mut heap = Heap::new(&mut dropped[start..end], &mut best[start..end]);
        for block in scope.blocks() {
            let row = row_ptr[block.start] as usize..row_ptr[block.start + 1] as usize;
            let mut live = col_idx[row].iter().map(|&col| usize::from(col)).peekable();
            while live.next_if(|&col| col < scope.cols.start).is_some() {}
            let mut count = 0;
            for col in scope.cols.clone().filter(|&col| live.next_if_eq(&col).is_none()) {
                by.columns[count] = col as u16;
                count += 1;
            }
            let columns = &by.columns[..count];
            let (sums, of_row) = by.scores.split_at_mut(grid.cols);
            let (sums, of_row) = (&mut sums[..count], &mut of_row[..count]);
            (by.score)(block.start, columns, sums);
            for row in block.skip(1) {
                (by.score)(row, columns, of_row);
                sums.iter_mut().zip(&*of_row).for_each(|(sum, score)| *sum += score);
            }
            for (cell, &score) in (free..).zip(&*sums) {
                heap.offer(cell as u32, score);
            }
            free += count;
        }
        dropped[start..end].sort_unstable();
        start = end;
    }
}

/// The best cells so far, the worst of them at the top.
struct Heap<'h> {
    cells: &'h mut [u32],
    scores: &'h mut [f32],
    taken: usize,
}

impl<'h> Heap<'h> {
    fn new(cells: &'h mut [u32], scores: &'h mut [f32]) -> Self {
        Self { cells, scores, taken: 0 }
    }

    /// Takes a cell behind all that were offered before if it is among the best.
    fn offer(&mut self, cell: u32, score: f32) {
        if self.taken < self.cells.len() {
            (self.cells[self.taken], self.scores[self.taken]) = (cell, score);
            self.taken += 1;
            if self.taken == self.cells.len() {
                (0..self.taken / 2).rev().for_each(|at| self.sink(at));
            }
        } else if score.total_cmp(&self.scores[0]).is_gt() {
            (self.cells[0], self.scores[0]) = (cell, score);
            self.sink(0);
        }
    }

    /// Lets the cell at `at` sink below those that are worse.
    fn sink(&mut self, mut at: usize) {
        loop {
            let children = (2 * at + 1..self.taken).take(2);
            let worst = children.fold(
                at,
                |worst, child| {
                    if self.is_worse(child, worst) { child } else { worst }
                },
            );
            if worst == at {
                return;
            }
            self.cells.swap(at, worst);
            self.scores.swap(at, worst);
            at = worst;
        }
    }

    /// Of equals the later is worse.
    fn is_worse(&self, a: usize, b: usize) -> bool {
        let order = self.scores[a].total_cmp(&self.scores[b]);
        order.then(self.cells[b].cmp(&self.cells[a])).is_lt()
    }
}

/// Lets the `chosen` free cells (ascending) live, walking the layer from its last place to its first
/// so that the arrays, of which the first `kept` places are taken, can be filled from the back.
pub(super) fn insert(
    topology: &mut CsrMut<'_>,
    mut kept: usize,
    chosen: &[u32],
    source: &mut [u32],
) {
    let CsrMut { grid, row_ptr, col_idx } = topology;
    // Places between the links still to be moved and those that have their new place.
    let mut gap = col_idx.len() - kept;
    let mut free = free_cells(grid, chosen.len());
    let mut chosen = chosen.iter().rev().peekable();
    for block in grid.blocks().rev() {
        let last = block.end - 1;
        let kept_before = row_ptr[last] as usize;
        row_ptr[block.end] = (kept + gap) as u32;
        for col in (0..grid.cols).rev() {
            if kept > kept_before && usize::from(col_idx[kept - 1]) == col {
                kept -= 1;
                col_idx[kept + gap] = col as u16;
                source[kept + gap] = source[kept];
                continue;
            }
            free -= 1;
            if chosen.next_if(|&&cell| cell as usize == free).is_some() {
                gap -= 1;
                col_idx[kept + gap] = col as u16;
                source[kept + gap] = GROWN;
            }
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
