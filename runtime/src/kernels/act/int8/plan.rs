//! Turning a layer into int8.

use super::dense::{COLUMNS, PANEL};
use super::{DenseInt8, INT8_GEOMETRY, Int8, Rows, SparseInt8};
use crate::arena::{Arena, Block, OutOfMemory};
use crate::kernels::act::links::Links;
use crate::kernels::act::packed::PackedPlan;
use alloc::vec::Vec;
use lacewing_formats::artifact::LayerView;
use lacewing_formats::codec::Values;

/// How the weights of each row are rounded.
#[derive(Clone, Debug)]
struct Scales(Vec<f32>);

impl Scales {
    fn new(layer: &LayerView<'_>, links: &Links) -> Self {
        Self(match layer.values() {
            Values::Int8 { scales, .. } => scales.iter().map(|scale| scale.to_f32()).collect(),
            _ => (0..links.rows())
                .map(|row| {
                    let sizes = links.row(row).iter().map(|link| link.1.abs());
                    sizes.fold(0.0, f32::max) / 127.0
                })
                .collect(),
        })
    }

    /// A weight of `row` in 8 bits.
    fn round(&self, row: u16, weight: f32) -> i8 {
        // A cast takes NaN, as of 0 / 0, to 0.
        libm::rintf(weight / self.0[usize::from(row)]) as i8
    }

    fn blocks(rows: usize) -> usize {
        let lanes = rows.next_multiple_of(PANEL);
        Block::for_slice::<f32>(lanes) + Block::for_slice::<i32>(lanes)
    }

    /// Scales and sums of the rows in an order, and zeros for whole vectors.
    fn write<'m>(
        &self,
        links: &Links,
        order: impl ExactSizeIterator<Item = u16>,
        arena: &mut Arena<'m>,
    ) -> Result<Rows<'m>, OutOfMemory> {
        let lanes = order.len().next_multiple_of(PANEL);
        let scales = arena.take::<f32>(lanes)?;
        let sums = arena.take::<i32>(lanes)?;
        for ((scale, sum), row) in scales.iter_mut().zip(sums.iter_mut()).zip(order) {
            *scale = self.0[usize::from(row)];
            let rounded = links.row(row.into()).iter().map(|link| self.round(row, link.1));
            *sum = rounded.map(i32::from).sum();
        }
        Ok(Rows { scales, sums })
    }
}

/// An [`Int8`] layer to be: everything but its memory.
#[derive(Clone, Debug)]
pub struct Int8Plan {
    links: Links,
    scales: Scales,
    /// How the links are packed; `None` where zeros are written out.
    packed: Option<PackedPlan>,
}

impl Int8Plan {
    /// Plans `layer` with its live links only; `inputs` says at which place each input lies (where
    /// `None`, its own), `regroup` whether outputs may change their places.
    ///
    /// # Panics
    /// If there is no place for an input.
    pub fn sparse(layer: &LayerView<'_>, inputs: Option<&[u16]>, regroup: bool) -> Self {
        let plan = Self::dense(layer, inputs);
        let packed = Some(PackedPlan::new(&plan.links, INT8_GEOMETRY, regroup));
        Self { packed, ..plan }
    }

    /// Plans `layer` with zeros written out.
    ///
    /// # Panics
    /// If there is no place for an input.
    pub fn dense(layer: &LayerView<'_>, inputs: Option<&[u16]>) -> Self {
        let links = Links::new(layer, inputs);
        Self { scales: Scales::new(layer, &links), links, packed: None }
    }

    /// Weights in the layout, those that pad it included.
    pub fn entries(&self) -> usize {
        match &self.packed {
            Some(packed) => packed.steps() * INT8_GEOMETRY.entries(),
            None => self.links.rows().div_ceil(PANEL) * DenseInt8::panel(self.links.cols()),
        }
    }

    /// Whether these are live links only.
    pub fn is_sparse(&self) -> bool {
        self.packed.is_some()
    }

    /// The output neuron at each place; `None` where each is at its own.
    pub fn order(&self) -> Option<&[u16]> {
        self.packed.as_ref().map(PackedPlan::order)
    }

    /// Blocks of memory that [`Int8Plan::write`] takes.
    pub fn blocks(&self) -> usize {
        let weights = match &self.packed {
            Some(packed) => packed.blocks::<i8>(),
            None => Block::for_slice::<i8>(self.entries()),
        };
        weights + Scales::blocks(self.links.rows())
    }

    /// Writes the layout into memory of `arena`.
    ///
    /// # Errors
    /// [`OutOfMemory`] where it has fewer than [`Int8Plan::blocks`] left.
    pub fn write<'m>(&self, arena: &mut Arena<'m>) -> Result<Int8<'m>, OutOfMemory> {
        let (rows, cols) = (self.links.rows(), self.links.cols());
        if let Some(plan) = &self.packed {
            let packed = plan.write(arena, |row, weight| self.scales.round(row, weight))?;
            let rows = self.scales.write(&self.links, plan.order().iter().copied(), arena)?;
            return Ok(Int8::Sparse(SparseInt8 { packed, rows }));
        }
        let weights = arena.take::<i8>(self.entries())?;
        for row in 0..rows {
            let panel = &mut weights[row / PANEL * DenseInt8::panel(cols)..];
            for &(place, weight) in self.links.row(row) {
                let (group, column) = (usize::from(place) / COLUMNS, usize::from(place) % COLUMNS);
                panel[(group * PANEL + row % PANEL) * COLUMNS + column] =
                    self.scales.round(row as u16, weight);
            }
        }
        let of_rows = self.scales.write(&self.links, (0..rows).map(|row| row as u16), arena)?;
        Ok(Int8::Dense(DenseInt8 { rows, cols, weights, of_rows }))
    }
}
