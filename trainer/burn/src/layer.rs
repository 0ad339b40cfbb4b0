//! Layers on the host: the form in which topology changes, and in which others see them.

use crate::transfer::{download, matrix};
use burn_tensor::Tensor;
use burn_tensor::backend::Backend;
use lacewing_formats::topology::{
    Change, Csr, CsrMut, FollowScratch, Grow, RewireScratch, Structure, TargetRule, TopologyError,
    carry, follow, rewire,
};
use lacewing_runtime::learn::{LayerRef, Rewire};
use rand_core::Rng;

const LEGAL: &str = "checked when made, changed only by lacewing_formats::topology";

/// Live links of a layer, without values; legal from its making on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Topology {
    structure: Structure,
    inputs: usize,
    row_ptr: Vec<u32>,
    col_idx: Vec<u16>,
}

impl Topology {
    /// Checks the arrays.
    pub fn new(
        structure: Structure,
        inputs: usize,
        mut row_ptr: Vec<u32>,
        mut col_idx: Vec<u16>,
    ) -> Result<Self, TopologyError> {
        CsrMut::new(structure, inputs, &mut row_ptr, &mut col_idx)?;
        Ok(Self { structure, inputs, row_ptr, col_idx })
    }

    pub fn view(&self) -> Csr<'_> {
        Csr::new(self.inputs, &self.row_ptr, &self.col_idx).expect(LEGAL)
    }

    fn view_mut(&mut self) -> CsrMut<'_> {
        CsrMut::new(self.structure, self.inputs, &mut self.row_ptr, &mut self.col_idx).expect(LEGAL)
    }

    /// Inputs and outputs.
    pub fn shape(&self) -> [usize; 2] {
        [self.inputs, self.row_ptr.len() - 1]
    }

    pub fn links(&self) -> usize {
        self.col_idx.len()
    }

    /// Where each link lies in a row-major `[inputs, outputs]` matrix.
    fn places(&self) -> impl Iterator<Item = usize> + '_ {
        let [_, outputs] = self.shape();
        (0..outputs).flat_map(move |output| {
            let links = self.row_ptr[output] as usize..self.row_ptr[output + 1] as usize;
            self.col_idx[links].iter().map(move |&input| usize::from(input) * outputs + output)
        })
    }

    /// An `[inputs, outputs]` matrix with one value a link and zeros elsewhere.
    pub fn scatter<B: Backend>(&self, values: &[f32], device: &B::Device) -> Tensor<B, 2> {
        let mut dense = vec![0.0_f32; self.shape().iter().product()];
        self.places().zip(values).for_each(|(place, &value)| dense[place] = value);
        matrix(dense, self.shape(), device)
    }

    /// The values of the links in such a matrix.
    pub fn gather<B: Backend>(&self, matrix: &Tensor<B, 2>) -> Vec<f32> {
        let dense = download(matrix.clone());
        self.places().map(|place| dense[place]).collect()
    }

    /// 1 on live links, 0 elsewhere; none for a dense layer.
    pub fn mask<B: Backend>(&self, device: &B::Device) -> Option<Tensor<B, 2>> {
        let [inputs, outputs] = self.shape();
        let dense = self.links() == inputs * outputs;
        (!dense).then(|| self.scatter(&vec![1.0; self.links()], device))
    }

    /// SET by the weights, the first of `values`, which all travel with their links; they are zero
    /// for links that grew.
    pub fn rewire(&mut self, values: &mut [Vec<f32>; 3], how: Rewire, rng: &mut impl Rng) {
        let mut source = vec![0; self.links()];
        let mut scratch = RewireScratch {
            order: &mut vec![0; self.links()],
            strengths: &mut vec![0.0; self.links()],
            source: &mut source,
        };
        let topology = &mut self.view_mut();
        let change = Change { fraction: how.fraction, drop: how.drop, protect: None };
        rewire(topology, &values[0], &change, Grow::Random(rng), &mut scratch);
        for values in values {
            carry(values, &source, 0.0);
        }
    }

    /// One Polyak step of a target layer towards an online one with another topology.
    pub fn follow(
        &mut self,
        weights: &mut [f32],
        online: &Topology,
        online_weights: &[f32],
        tau: f32,
    ) {
        let united = 2 * self.links();
        let mut scratch = FollowScratch {
            columns: &mut vec![0; united],
            weights: &mut vec![0.0; united],
            strengths: &mut vec![0.0; united],
            ranking: &mut vec![0.0; united],
        };
        let (target, mut online) = (&mut self.view_mut(), online.clone());
        let online = (&online.view_mut(), online_weights);
        follow(target, weights, online, tau, TargetRule::OwnTopology, &mut scratch);
    }
}

/// A sparse layer that owns its arrays.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnedLayer {
    pub(crate) topology: Topology,
    pub(crate) weights: Vec<f32>,
    pub(crate) bias: Vec<f32>,
}

impl OwnedLayer {
    /// The layer as both engines see it.
    pub fn view(&self) -> LayerRef<'_> {
        LayerRef { topology: self.topology.view(), weights: &self.weights, bias: &self.bias }
    }
}
