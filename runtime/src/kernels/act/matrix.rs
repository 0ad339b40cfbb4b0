//! One sparse layer as the file stores it, checked for the kernels.

use half::f16;
use lacewing_formats::topology::Csr;

/// A stored weight.
pub(super) trait Value: Copy {
    fn widen(self) -> f32;
}

impl Value for f32 {
    fn widen(self) -> f32 {
        self
    }
}

impl Value for f16 {
    fn widen(self) -> f32 {
        self.to_f32()
    }
}

/// The weights of a layer, one a live link, row after row.
#[derive(Clone, Copy, Debug)]
pub enum Values<'a> {
    /// Single precision.
    F32(&'a [f32]),
    /// Half precision, widened as it is read.
    F16(&'a [f16]),
}

impl Values<'_> {
    fn len(&self) -> usize {
        match self {
            Values::F32(values) => values.len(),
            Values::F16(values) => values.len(),
        }
    }

    fn get(&self, link: usize) -> f32 {
        match self {
            Values::F32(values) => values[link],
            Values::F16(values) => values[link].widen(),
        }
    }
}

/// A sparse layer's weights `W` (`rows` outputs × `cols` inputs); to have one is proof that every
/// index in it is sound.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    topology: Csr<'a>,
    values: Values<'a>,
}

impl<'a> Matrix<'a> {
    /// A layer with one value for each link of `topology`; `None` where their numbers differ.
    pub fn new(topology: Csr<'a>, values: Values<'a>) -> Option<Self> {
        (topology.links() == values.len()).then_some(Self { topology, values })
    }

    /// Output neurons.
    pub fn rows(&self) -> usize {
        self.topology.rows()
    }

    /// Input neurons.
    pub fn cols(&self) -> usize {
        self.topology.cols()
    }

    /// Live links.
    pub fn links(&self) -> usize {
        self.topology.links()
    }

    /// Column and weight of each link of `row`, columns ascending.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row(&self, row: usize) -> RowLinks<'a> {
        RowLinks { matrix: *self, links: self.topology.row(row) }
    }

    pub(super) fn values(&self) -> Values<'a> {
        self.values
    }
}

/// Links of one row.
#[derive(Clone, Debug)]
pub struct RowLinks<'a> {
    matrix: Matrix<'a>,
    links: core::ops::Range<usize>,
}

impl Iterator for RowLinks<'_> {
    type Item = (usize, f32);

    fn next(&mut self) -> Option<Self::Item> {
        let link = self.links.next()?;
        Some((self.matrix.topology.col_idx()[link].into(), self.matrix.values.get(link)))
    }
}

/// Sets `y[row]` to `dot(columns, values)` of each row: the loop every kernel shares, inlined into
/// it so that `dot` is too.
#[inline(always)]
pub(super) fn each_row<V: Value>(
    matrix: &Matrix<'_>,
    values: &[V],
    y: &mut [f32],
    dot: impl Fn(&[u16], &[V]) -> f32,
) {
    let columns = matrix.topology.col_idx();
    for (y, ends) in y.iter_mut().zip(matrix.topology.row_ptr().windows(2)) {
        let links = ends[0] as usize..ends[1] as usize;
        *y = dot(&columns[links.clone()], &values[links]);
    }
}
