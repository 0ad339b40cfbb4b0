//! The links of a layer on their way into another layout.

use crate::kernels::flushed;
use alloc::{rc::Rc, vec::Vec};
use core::ops::Range;
use lacewing_formats::artifact::LayerView;

/// Links row after row, once the layer's inputs have moved. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Links(Rc<Placed>);

#[derive(Debug)]
struct Placed {
    cols: usize,
    row_ptr: Vec<u32>,
    /// Place of the input and weight, ascending in each row.
    links: Vec<(u16, f32)>,
}

impl Links {
    /// The links of `layer`; `inputs` says at which place each input lies (where `None`, its own).
    ///
    /// # Panics
    /// If there is no place for an input, or one beyond the inputs.
    pub fn new(layer: &LayerView<'_>, inputs: Option<&[u16]>) -> Self {
        let place = |column: u16| {
            let place = inputs.map_or(column, |inputs| inputs[usize::from(column)]);
            // The kernels rely on it.
            assert!(usize::from(place) < layer.cols(), "no input lies at {place}");
            place
        };
        let mut links: Vec<_> =
            layer.iter().map(|(_, column, value)| (place(column), flushed(value))).collect();
        let row_ptr = layer.row_ptr();
        for ends in row_ptr.windows(2) {
            links[ends[0] as usize..ends[1] as usize].sort_unstable_by_key(|link| link.0);
        }
        Self(Rc::new(Placed { cols: layer.cols(), row_ptr, links }))
    }

    /// Output neurons.
    pub fn rows(&self) -> usize {
        self.0.row_ptr.len() - 1
    }

    /// Input neurons.
    pub fn cols(&self) -> usize {
        self.0.cols
    }

    /// Live links.
    pub fn count(&self) -> usize {
        self.0.links.len()
    }

    fn range(&self, row: usize) -> Range<usize> {
        self.0.row_ptr[row] as usize..self.0.row_ptr[row + 1] as usize
    }

    /// Place of the input and weight of each link of a row, ascending.
    pub(super) fn row(&self, row: usize) -> &[(u16, f32)] {
        &self.0.links[self.range(row)]
    }

    /// The number of links that a row has in each block of `block` columns where it has any, with
    /// the block's number.
    pub(super) fn counts(&self, row: usize, block: usize) -> impl Iterator<Item = (usize, usize)> {
        let number = move |link: &(u16, f32)| usize::from(link.0) / block;
        let runs = self.row(row).chunk_by(move |a, b| number(a) == number(b));
        runs.map(move |run| (number(&run[0]), run.len()))
    }
}
