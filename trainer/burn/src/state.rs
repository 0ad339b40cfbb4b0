//! An agent on the host, read from and written to the resume section that both engines share
//! (`lacewing_runtime::learn::Resume`; its layout is described there).

use crate::layer::{OwnedLayer, Topology};
use bytemuck::Pod;
use lacewing_formats::topology::Structure;
use lacewing_runtime::learn::{Algorithm, NetworkShape, ResumeError, ResumeHeader, Statistics};
use std::convert::Infallible;

/// What a layer that learns has beside its links.
#[derive(Clone, Debug)]
pub(crate) struct LearningState {
    /// Adam's first and second moments, one value a link.
    pub weights: [Vec<f32>; 2],
    /// The same, one value an output.
    pub bias: [Vec<f32>; 2],
    /// Age of every link in changes of topology.
    pub ages: Vec<u8>,
}

/// A network that learns, and the one that follows it.
#[derive(Clone, Debug)]
pub(crate) struct NetworkState {
    pub layers: Vec<OwnedLayer>,
    pub learning: Vec<LearningState>,
    pub target: Option<Vec<OwnedLayer>>,
}

/// Scalars that learn: values, then Adam's first and second moments.
pub(crate) type ScalarState = [Vec<f32>; 3];

/// Everything that learning goes on from.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub header: ResumeHeader,
    /// In the order of [`Algorithm::NETWORKS`].
    pub networks: Vec<NetworkState>,
    pub scalars: ScalarState,
}

impl State {
    /// Reads and checks the arrays of an agent of algorithm `C`, which is the header's, from the front
    /// of `body`; the statistics follow.
    pub fn read<C: Algorithm>(header: ResumeHeader, body: &mut &[u8]) -> Result<Self, ResumeError> {
        let shape_and_live = || {
            let shapes = C::NETWORKS.iter().map(|part| header.shape.network(part.role));
            shapes.zip(&header.live)
        };
        let mut networks = Vec::new();
        for (shape, live) in shape_and_live() {
            networks.push(read_network(body, shape, &live.online)?);
        }
        for (network, (shape, live)) in networks.iter_mut().zip(shape_and_live()) {
            if !live.target.is_empty() {
                let sizes = sizes(shape, &live.target);
                let target = sizes.map(|size| read_layer(body, shape.structure, size));
                network.target = Some(target.collect::<Result<_, _>>()?);
            }
        }
        let count = C::scalars(&header.shape);
        let values = read_floats(body, count)?;
        let [m, v] = read_moments(body, count)?;
        Ok(Self { header, networks, scalars: [values, m, v] })
    }

    /// Writes a resume section, with the statistics at its end.
    pub fn write(&self, statistics: &Statistics<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        let Ok(()) = self.header.write(|piece| append(&mut bytes, piece));
        for network in &self.networks {
            for (layer, learning) in network.layers.iter().zip(&network.learning) {
                write_layer(&mut bytes, layer);
                for values in learning.weights.iter().chain(&learning.bias) {
                    bytes.extend_from_slice(bytemuck::cast_slice(values));
                }
                bytes.extend_from_slice(&learning.ages);
            }
        }
        for target in self.networks.iter().filter_map(|network| network.target.as_ref()) {
            target.iter().for_each(|layer| write_layer(&mut bytes, layer));
        }
        for scalars in &self.scalars {
            bytes.extend_from_slice(bytemuck::cast_slice(scalars));
        }
        let Ok(()) = statistics.save(|piece| append(&mut bytes, piece));
        bytes
    }
}

fn append(bytes: &mut Vec<u8>, piece: &[u8]) -> Result<(), Infallible> {
    bytes.extend_from_slice(piece);
    Ok(())
}

fn write_layer(bytes: &mut Vec<u8>, layer: &OwnedLayer) {
    let topology = layer.topology.view();
    bytes.extend_from_slice(bytemuck::cast_slice(topology.row_ptr()));
    bytes.extend_from_slice(bytemuck::cast_slice(topology.col_idx()));
    bytes.extend_from_slice(bytemuck::cast_slice(&layer.weights));
    bytes.extend_from_slice(bytemuck::cast_slice(&layer.bias));
}

/// Inputs, outputs and live links of each layer.
fn sizes(shape: &NetworkShape, live: &[u32]) -> impl Iterator<Item = (usize, usize, usize)> {
    let layers = shape.layers().zip(live);
    layers.map(|((inputs, outputs, _), &links)| (inputs, outputs, links as usize))
}

fn read_network(
    body: &mut &[u8],
    shape: &NetworkShape,
    live: &[u32],
) -> Result<NetworkState, ResumeError> {
    let (mut layers, mut learning) = (Vec::new(), Vec::new());
    for size @ (_, outputs, links) in sizes(shape, live) {
        layers.push(read_layer(body, shape.structure, size)?);
        learning.push(LearningState {
            weights: read_moments(body, links)?,
            bias: read_moments(body, outputs)?,
            ages: read(body, links),
        });
    }
    Ok(NetworkState { layers, learning, target: None })
}

fn read_layer(
    body: &mut &[u8],
    structure: Structure,
    (inputs, outputs, links): (usize, usize, usize),
) -> Result<OwnedLayer, ResumeError> {
    let (row_ptr, col_idx) = (read(body, outputs + 1), read(body, links));
    Ok(OwnedLayer {
        topology: Topology::new(structure, inputs, row_ptr, col_idx)?,
        weights: read_floats(body, links)?,
        bias: read_floats(body, outputs)?,
    })
}

/// First and second moments.
fn read_moments(body: &mut &[u8], count: usize) -> Result<[Vec<f32>; 2], ResumeError> {
    let [m, v] = [read_floats(body, count)?, read_floats(body, count)?];
    if v.iter().any(|&v| v < 0.0) { Err(ResumeError::Number) } else { Ok([m, v]) }
}

fn read_floats(body: &mut &[u8], count: usize) -> Result<Vec<f32>, ResumeError> {
    let floats: Vec<f32> = read(body, count);
    let finite = floats.iter().all(|number| number.is_finite());
    if finite { Ok(floats) } else { Err(ResumeError::Number) }
}

/// Takes `count` numbers from the front of `body`, whose length
/// [`Resume::parse`](lacewing_runtime::learn::Resume::parse) has checked.
fn read<T: Pod>(body: &mut &[u8], count: usize) -> Vec<T> {
    let (taken, rest) = body.split_at(count * size_of::<T>());
    *body = rest;
    let mut numbers = vec![T::zeroed(); count];
    bytemuck::cast_slice_mut(&mut numbers).copy_from_slice(taken);
    numbers
}
