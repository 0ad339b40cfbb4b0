//! One layer's topology and weights that own their arrays, and what each change should do to them,
//! link by link on dense values.

use lacewing_formats::topology::{
    Change, Csr, CsrMut, Drop, FollowScratch, Grow, RewireScratch, Structure, TargetRule, carry,
    follow, prune, rewire,
};
use rand_core::Rng;
use rand_xoshiro::Xoshiro256PlusPlus;
use std::collections::BTreeMap;

/// Weights by row and column.
pub type Dense = BTreeMap<(usize, usize), f32>;

/// Structures that a test of all of them tries.
pub const STRUCTURES: [Structure; 7] = [
    Structure::Unstructured,
    Structure::ConstantFanIn,
    Structure::Groups { columns: 32 },
    Structure::Groups { columns: 16 },
    Structure::Groups { columns: 4 },
    Structure::Blocks { rows: 4 },
    Structure::Blocks { rows: 16 },
];

/// What a test of one layer needs: arrays, and the rule read a second time, link by link.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Of the topology.
    pub structure: Structure,
    /// Inputs.
    pub cols: usize,
    /// See [`Csr::row_ptr`].
    pub row_ptr: Vec<u32>,
    /// See [`Csr::col_idx`].
    pub col_idx: Vec<u16>,
    /// One a link.
    pub weights: Vec<f32>,
}

impl Layer {
    /// Random links and weights.
    ///
    /// # Panics
    /// If there is no such layer.
    pub fn random(
        structure: Structure,
        (rows, cols, links): (usize, usize, usize),
        rng: &mut Xoshiro256PlusPlus,
    ) -> Self {
        let (mut row_ptr, mut col_idx) = (vec![0; rows + 1], vec![0; links]);
        CsrMut::random(structure, cols, &mut row_ptr, &mut col_idx, rng).unwrap();
        let mut layer = Self { structure, cols, row_ptr, col_idx, weights: vec![0.0; links] };
        layer.draw_weights(rng);
        layer
    }

    /// New weights, uniform in ± 0.5.
    pub fn draw_weights(&mut self, rng: &mut Xoshiro256PlusPlus) {
        for weight in &mut self.weights {
            *weight = rng.next_u32() as f32 / u32::MAX as f32 - 0.5;
        }
    }

    /// The topology, checked.
    ///
    /// # Panics
    /// If it is illegal or does not obey the structure.
    pub fn topology(&mut self) -> CsrMut<'_> {
        CsrMut::new(self.structure, self.cols, &mut self.row_ptr, &mut self.col_idx).unwrap()
    }

    /// Outputs.
    pub fn rows(&self) -> usize {
        self.row_ptr.len() - 1
    }

    /// Row and column of every link.
    pub fn places(&self) -> Vec<(usize, usize)> {
        let csr = Csr::new(self.cols, &self.row_ptr, &self.col_idx).unwrap();
        let of_row = |row| csr.row(row).map(move |at| (row, usize::from(csr.col_idx()[at])));
        (0..csr.rows()).flat_map(of_row).collect()
    }

    /// The cell and the scope of a link.
    pub fn cell_and_scope(&self, (row, col): (usize, usize)) -> ((usize, usize), (usize, usize)) {
        match self.structure {
            Structure::Unstructured => ((row, col), (0, 0)),
            Structure::ConstantFanIn => ((row, col), (row, 0)),
            Structure::Groups { columns } => ((row, col), (row, col / usize::from(columns))),
            Structure::Blocks { rows } => {
                let rows = usize::from(rows);
                // A lower block at the end cannot change places with the others.
                let tail = row >= self.rows() - self.rows() % rows;
                ((row / rows, col), (usize::from(tail), 0))
            }
        }
    }

    /// Live cells of each scope, after a check that cells live as a whole.
    pub fn counts(&self) -> BTreeMap<(usize, usize), usize> {
        let mut cells = BTreeMap::new();
        for place in self.places() {
            let (cell, scope) = self.cell_and_scope(place);
            cells.entry((scope, cell)).or_insert_with(Vec::new).push(place.0);
        }
        let mut counts = BTreeMap::new();
        for ((scope, (block, _)), rows) in cells {
            if let Structure::Blocks { rows: height } = self.structure {
                let start = block * usize::from(height);
                let expected = start..self.rows().min(start + usize::from(height));
                assert!(rows.iter().copied().eq(expected), "a block of which only a part lives");
            }
            *counts.entry(scope).or_insert(0) += 1;
        }
        counts
    }

    /// All cells of each scope.
    pub fn sizes(&self) -> BTreeMap<(usize, usize), usize> {
        let places = (0..self.rows()).flat_map(|row| (0..self.cols).map(move |col| (row, col)));
        let cells: BTreeMap<_, _> = places.map(|place| self.cell_and_scope(place)).collect();
        let mut sizes = BTreeMap::new();
        cells.into_values().for_each(|scope| *sizes.entry(scope).or_insert(0) += 1);
        sizes
    }

    /// As dense values, to compare.
    pub fn dense(&self) -> Dense {
        self.places().into_iter().zip(self.weights.iter().copied()).collect()
    }

    /// Σ|w| of every live cell, in the order of the layer.
    pub fn strengths(&self) -> BTreeMap<(usize, usize), f32> {
        let mut strengths = BTreeMap::new();
        for (place, weight) in self.places().into_iter().zip(&self.weights) {
            *strengths.entry(self.cell_and_scope(place).0).or_insert(0.0) += weight.abs();
        }
        strengths
    }

    /// Rewires and carries; returns where each link came from and how many went.
    ///
    /// # Panics
    /// See [`rewire`].
    pub fn rewire(&mut self, change: &Change<'_>, grow: Grow<'_, impl Rng>) -> (Vec<u32>, usize) {
        let weights = self.weights.clone();
        let (source, exchanged) = self
            .with_scratch(|topology, scratch| rewire(topology, &weights, change, grow, scratch));
        carry(&mut self.weights, &source, 0.0);
        (source, exchanged)
    }

    /// Prunes and shortens the arrays; returns where each link came from.
    ///
    /// # Panics
    /// See [`prune`].
    pub fn prune(&mut self, keep: usize, rule: Drop) -> Vec<u32> {
        let weights = self.weights.clone();
        let (mut source, links) =
            self.with_scratch(|topology, scratch| prune(topology, &weights, keep, rule, scratch));
        source.truncate(links);
        carry(&mut self.weights, &source, 0.0);
        self.weights.truncate(links);
        self.col_idx.truncate(links);
        source
    }

    fn with_scratch(
        &mut self,
        change: impl FnOnce(&mut CsrMut<'_>, &mut RewireScratch<'_>) -> usize,
    ) -> (Vec<u32>, usize) {
        let links = self.weights.len();
        let mut source = vec![0; links];
        let mut scratch = RewireScratch {
            order: &mut vec![0; links],
            strengths: &mut vec![0.0; links],
            source: &mut source,
        };
        let count = change(&mut self.topology(), &mut scratch);
        (source, count)
    }

    /// Follows, and shortens the arrays where the online layer has fewer links.
    ///
    /// # Panics
    /// See [`follow`].
    pub fn follow(&mut self, online: &mut Layer, tau: f32, rule: TargetRule) {
        let united = 2 * self.weights.len();
        let mut scratch = FollowScratch {
            columns: &mut vec![0; united],
            weights: &mut vec![0.0; united],
            strengths: &mut vec![0.0; united],
            ranking: &mut vec![0.0; united],
        };
        let mut weights = std::mem::take(&mut self.weights);
        let online_weights = online.weights.clone();
        let leader = (&online.topology(), &online_weights[..]);
        let links = follow(&mut self.topology(), &mut weights, leader, tau, rule, &mut scratch);
        weights.truncate(links);
        self.weights = weights;
        self.col_idx.truncate(links);
    }

    /// What [`follow`] should do, on dense values.
    pub fn followed(&self, online: &Layer, tau: f32, rule: TargetRule) -> Dense {
        let mut united: BTreeMap<_, _> =
            self.dense().into_iter().map(|(at, weight)| (at, (1.0 - tau) * weight)).collect();
        for (at, weight) in online.dense() {
            let old = united.entry(at).or_insert(0.0);
            *old += tau * weight;
        }
        if rule == TargetRule::OnlineTopology {
            let alive = online.dense();
            united.retain(|at, _| alive.contains_key(at));
            return united;
        }
        let mut strengths = BTreeMap::new();
        for (&at, weight) in &united {
            *strengths.entry(self.cell_and_scope(at).0).or_insert(0.0) += weight.abs();
        }
        let mut by_scope = BTreeMap::new();
        for &at in united.keys() {
            let (cell, scope) = self.cell_and_scope(at);
            let cells: &mut Vec<_> = by_scope.entry(scope).or_default();
            if !cells.contains(&cell) {
                cells.push(cell);
            }
        }
        let counts = online.counts();
        for (scope, mut cells) in by_scope {
            cells.sort_by(|a, b| strengths[a].total_cmp(&strengths[b]).then(a.cmp(b)));
            let gone = &cells[..cells.len() - counts[&scope]];
            united.retain(|&at, _| !gone.contains(&self.cell_and_scope(at).0));
        }
        united
    }
}
