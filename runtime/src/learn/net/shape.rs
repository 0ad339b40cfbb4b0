//! Layers of a network and how many links each keeps.

use crate::learn::error::MAX_LAYERS;
use heapless::Vec;
use lacewing_formats::topology::{Allocation, AllocationError, LayerShape, Structure, densities};
use serde::{Deserialize, Serialize};

/// Layers of one network and the links each keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkShape {
    /// Neurons from the input to the output, one more than there are layers.
    pub widths: Vec<u32, { MAX_LAYERS + 1 }>,
    /// Live links of each layer, at first.
    pub links: Vec<u32, MAX_LAYERS>,
    /// Live links of each layer in the end: fewer where a method prunes.
    pub goal: Vec<u32, MAX_LAYERS>,
    /// Which links may be alive together.
    pub structure: Structure,
    /// What comes between the sums of a hidden layer and its ReLU.
    pub norm: Norm,
}

/// What comes between the sums of a hidden layer and its ReLU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Norm {
    /// Nothing.
    #[default]
    None,
    /// Layer normalisation without gain and bias (Ba et al. 2016).
    Layer,
}

/// How far the links of a structure may be from the number asked for, as a share of it.
const STRUCTURE_TOLERANCE: f64 = 0.1;

impl NetworkShape {
    /// Spreads `sparsity` over a network of these widths.
    pub(in crate::learn) fn allocate(
        widths: &[usize],
        sparsity: f64,
        structure: Structure,
        allocation: Allocation,
        dense_output: bool,
    ) -> Result<Self, AllocationError> {
        let layers = widths.len() - 1;
        let lengths = AllocationError::Lengths { shapes: layers, places: MAX_LAYERS };
        if layers > MAX_LAYERS {
            return Err(lengths);
        }
        let mut shapes = [LayerShape::linear(1, 1); MAX_LAYERS];
        let mut density = [0.0; MAX_LAYERS];
        for (shape, pair) in shapes.iter_mut().zip(widths.windows(2)) {
            *shape = LayerShape::linear(pair[0], pair[1]);
        }
        let (shapes, density) = (&shapes[..layers], &mut density[..layers]);
        densities(shapes, sparsity, allocation, dense_output, density)?;
        let mut links: Vec<u32, MAX_LAYERS> = shapes
            .iter()
            .zip(&*density)
            .map(|(shape, density)| {
                // At least one link, so that no layer is cut off.
                libm::round(density * shape.links() as f64).max(1.0) as u32
            })
            .collect();
        if structure != Structure::Unstructured {
            fit(structure, shapes, dense_output, &mut links)?;
        }
        let widths = widths.iter().map(|&width| width as u32).collect();
        Ok(Self { widths, goal: links.clone(), links, structure, norm: Norm::None })
    }

    /// The same with all links alive at first.
    pub fn from_dense(mut self) -> Self {
        let layers = self.widths.windows(2).zip(&mut self.links);
        layers.for_each(|(ends, links)| *links = ends[0] * ends[1]);
        self
    }

    /// Hidden widths, all shrunk alike, of the dense network whose links come nearest to a share of this
    /// one's.
    #[cfg(feature = "alloc")]
    pub fn narrowed(&self, share: f64) -> alloc::vec::Vec<usize> {
        let wanted = share * self.total_links() as f64;
        let hidden = &self.widths[1..self.widths.len() - 1];
        let widest = hidden.iter().copied().max().unwrap_or(1);
        let shrunk = |to: u32| {
            let width = |&width: &u32| (width as usize * to as usize).div_ceil(widest as usize);
            hidden.iter().map(width).collect::<alloc::vec::Vec<_>>()
        };
        let off = |to: u32| {
            let outputs = shrunk(to).into_iter().chain([self.outputs()]);
            let (links, _) = outputs.fold((0, self.inputs()), |(links, inputs), outputs| {
                (links + inputs * outputs, outputs)
            });
            (links as f64 - wanted).abs()
        };
        let best = (1..=widest).min_by(|&a, &b| off(a).total_cmp(&off(b)));
        shrunk(best.unwrap_or(widest))
    }

    /// Inputs of the network.
    pub fn inputs(&self) -> usize {
        self.widths[0] as usize
    }

    /// Outputs of the network.
    pub fn outputs(&self) -> usize {
        self.widths[self.widths.len() - 1] as usize
    }

    /// `(inputs, outputs, links)` of each layer.
    pub fn layers(&self) -> impl DoubleEndedIterator<Item = (usize, usize, usize)> + '_ {
        self.links.iter().enumerate().map(|(layer, &links)| {
            (self.widths[layer] as usize, self.widths[layer + 1] as usize, links as usize)
        })
    }

    /// Live links of the whole network.
    pub fn total_links(&self) -> usize {
        self.links.iter().map(|&links| links as usize).sum()
    }

    /// Share of links that are not live, 0 to 1.
    pub fn sparsity(&self) -> f64 {
        let dense: usize = self.layers().map(|(inputs, outputs, _)| inputs * outputs).sum();
        1.0 - self.total_links() as f64 / dense as f64
    }
}

/// Changes the links of each layer to a number that the structure can have, while those of the whole
/// network stay as near as can be: layers go from the largest to the smallest, and each makes up, by
/// its share, for what those before it missed.
fn fit(
    structure: Structure,
    shapes: &[LayerShape],
    dense_output: bool,
    links: &mut [u32],
) -> Result<(), AllocationError> {
    let asked = f64::from(links.iter().sum::<u32>());
    let mut order: Vec<usize, MAX_LAYERS> = (0..shapes.len() - usize::from(dense_output)).collect();
    order.sort_unstable_by_key(|&layer| (core::cmp::Reverse(shapes[layer].links()), layer));
    let sparse = |links: &[u32], layer: usize| (links[layer] as usize) < shapes[layer].links();
    let of_sparse = order.iter().filter(|&&layer| sparse(links, layer));
    let mut unfitted: f64 = of_sparse.map(|&layer| f64::from(links[layer])).sum();
    let mut left = unfitted;
    let nearest = |layer: usize, wanted| {
        let shape: &LayerShape = &shapes[layer];
        structure.nearest_links(shape.outputs, shape.inputs, wanted) as u32
    };
    for &layer in &order {
        if sparse(links, layer) {
            let own = f64::from(links[layer]);
            links[layer] = nearest(layer, left * own / unfitted);
            left -= f64::from(links[layer]);
            unfitted -= own;
        }
    }
    // What is missed by now may be in reach of a layer of finer steps, or of one that was dense.
    for &layer in &order {
        let own = f64::from(links[layer]);
        links[layer] = nearest(layer, own + left);
        left += own - f64::from(links[layer]);
    }
    let found = f64::from(links.iter().sum::<u32>());
    if (found - asked).abs() > STRUCTURE_TOLERANCE * asked {
        let all = shapes.iter().map(LayerShape::links).sum::<usize>() as f64;
        let (sparsity, nearest) = (1.0 - asked / all, 1.0 - found / all);
        return Err(AllocationError::Structure { structure, sparsity, nearest });
    }
    Ok(())
}
