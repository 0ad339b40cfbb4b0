//! An agent on the host, read from and written to the resume section that both engines share
//! (`lacewing_runtime::learn::Resume`; its layout is described there).

use crate::layer::{OwnedLayer, Topology};
use bytemuck::Pod;
use lacewing_formats::topology::Structure;
use lacewing_runtime::learn::{NetworkShape, Resume, ResumeError, ResumeHeader, Role};
use std::convert::Infallible;

/// Adam's moments of a layer.
#[derive(Clone, Debug)]
pub(crate) struct LayerMoments {
    /// First and second, one value a link.
    pub weights: [Vec<f32>; 2],
    /// First and second, one value an output.
    pub bias: [Vec<f32>; 2],
}

/// A network that learns.
#[derive(Clone, Debug)]
pub(crate) struct OnlineState {
    pub layers: Vec<OwnedLayer>,
    pub moments: Vec<LayerMoments>,
}

/// Everything that learning goes on from.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub header: ResumeHeader,
    pub actor: OnlineState,
    pub critics: [OnlineState; 2],
    pub target_actor: Vec<OwnedLayer>,
    pub target_critics: [Vec<OwnedLayer>; 2],
}

impl State {
    /// Reads and checks the arrays of a TD3 agent.
    pub fn read(resume: &Resume<'_>) -> Result<Self, ResumeError> {
        let header = resume.header().clone();
        let body = &mut resume.body();
        let [actor, critic] = [Role::Policy, Role::Critic].map(|role| header.shape.network(role));
        Ok(Self {
            actor: read_online(body, actor)?,
            critics: [read_online(body, critic)?, read_online(body, critic)?],
            target_actor: read_layers(body, actor)?,
            target_critics: [read_layers(body, critic)?, read_layers(body, critic)?],
            header,
        })
    }

    /// Writes a resume section.
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let Ok(()) = self.header.write(|piece| -> Result<(), Infallible> {
            bytes.extend_from_slice(piece);
            Ok(())
        });
        for online in std::iter::once(&self.actor).chain(&self.critics) {
            for (layer, moments) in online.layers.iter().zip(&online.moments) {
                write_layer(&mut bytes, layer);
                for values in moments.weights.iter().chain(&moments.bias) {
                    bytes.extend_from_slice(bytemuck::cast_slice(values));
                }
            }
        }
        for target in std::iter::once(&self.target_actor).chain(&self.target_critics) {
            target.iter().for_each(|layer| write_layer(&mut bytes, layer));
        }
        bytes
    }
}

fn write_layer(bytes: &mut Vec<u8>, layer: &OwnedLayer) {
    let topology = layer.topology.view();
    bytes.extend_from_slice(bytemuck::cast_slice(topology.row_ptr()));
    bytes.extend_from_slice(bytemuck::cast_slice(topology.col_idx()));
    bytes.extend_from_slice(bytemuck::cast_slice(&layer.weights));
    bytes.extend_from_slice(bytemuck::cast_slice(&layer.bias));
}

fn read_online(body: &mut &[u8], shape: &NetworkShape) -> Result<OnlineState, ResumeError> {
    let (mut layers, mut moments) = (Vec::new(), Vec::new());
    for size @ (_, outputs, links) in shape.layers() {
        layers.push(read_layer(body, shape.structure, size)?);
        let mut pair = |count| -> Result<_, ResumeError> {
            Ok([read_floats(body, count)?, read_floats(body, count)?])
        };
        moments.push(LayerMoments { weights: pair(links)?, bias: pair(outputs)? });
    }
    let seconds = moments.iter().flat_map(|of| [&of.weights[1], &of.bias[1]]);
    if seconds.flatten().any(|&second| second < 0.0) {
        return Err(ResumeError::Number);
    }
    Ok(OnlineState { layers, moments })
}

fn read_layers(body: &mut &[u8], shape: &NetworkShape) -> Result<Vec<OwnedLayer>, ResumeError> {
    shape.layers().map(|size| read_layer(body, shape.structure, size)).collect()
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

fn read_floats(body: &mut &[u8], count: usize) -> Result<Vec<f32>, ResumeError> {
    let floats: Vec<f32> = read(body, count);
    let finite = floats.iter().all(|number| number.is_finite());
    if finite { Ok(floats) } else { Err(ResumeError::Number) }
}

/// Takes `count` numbers from the front of `body`, whose length [`Resume::parse`] has checked.
fn read<T: Pod>(body: &mut &[u8], count: usize) -> Vec<T> {
    let (taken, rest) = body.split_at(count * size_of::<T>());
    *body = rest;
    let mut numbers = vec![T::zeroed(); count];
    bytemuck::cast_slice_mut(&mut numbers).copy_from_slice(taken);
    numbers
}
