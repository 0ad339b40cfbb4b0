//! Layers on the host: the form in which topology changes, and in which others see them.

use crate::transfer::{download, matrix};
use burn_tensor::Tensor;
use burn_tensor::backend::Backend;
use lacewing_formats::topology::{
    Change, Csr, CsrMut, Drop, FollowScratch, Grow, RewireScratch, Structure, TargetRule,
    TopologyError, follow, prune, rewire,
};
use lacewing_runtime::learn::LayerRef;
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

    /// Whether all links are alive.
    pub fn is_dense(&self) -> bool {
        self.links() == self.shape().iter().product::<usize>()
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
        (!self.is_dense()).then(|| self.scatter(&vec![1.0; self.links()], device))
    }

    /// Drops links and grows as many; returns for every link which one it was
    /// ([`lacewing_formats::topology::rewire`]).
    pub fn rewire(
        &mut self,
        weights: &[f32],
        change: &Change<'_>,
        grow: Grow<'_, impl Rng>,
    ) -> Vec<u32> {
        self.with_scratch(|topology, scratch| {
            rewire(topology, weights, change, grow, scratch);
        })
    }

    /// Drops links until so many are left; returns for each of those which one it was
    /// ([`lacewing_formats::topology::prune`]).
    pub fn prune(&mut self, weights: &[f32], keep: usize, rule: Drop) -> Vec<u32> {
        let mut left = 0;
        let mut source = self.with_scratch(|topology, scratch| {
            left = prune(topology, weights, keep, rule, scratch);
        });
        self.col_idx.truncate(left);
        source.truncate(left);
        source
    }

    /// Lends working memory to a change; returns where links came from.
    fn with_scratch(
        &mut self,
        change: impl FnOnce(&mut CsrMut<'_>, &mut RewireScratch<'_>),
    ) -> Vec<u32> {
        let mut source = vec![0; self.links()];
        let mut scratch = RewireScratch {
            order: &mut vec![0; self.links()],
            strengths: &mut vec![0.0; self.links()],
            source: &mut source,
        };
        change(&mut self.view_mut(), &mut scratch);
        source
    }

    /// One Polyak step of a target layer towards an online one with another topology.
    pub fn follow(
        &mut self,
        weights: &mut Vec<f32>,
        (online, online_weights): (&Topology, &[f32]),
        tau: f32,
        rule: TargetRule,
    ) {
        let united = 2 * self.links();
        let mut scratch = FollowScratch {
            columns: &mut vec![0; united],
            weights: &mut vec![0.0; united],
            strengths: &mut vec![0.0; united],
            ranking: &mut vec![0.0; united],
        };
        let mut online = online.clone();
        let online = (&online.view_mut(), online_weights);
        let left = follow(&mut self.view_mut(), weights, online, tau, rule, &mut scratch);
        self.col_idx.truncate(left);
        weights.truncate(left);
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
