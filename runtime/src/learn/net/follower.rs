//! A layer of a network that follows another.

use super::layer::{LayerRef, Links, TopologyScratch, shorten};
use crate::arena::{Arena, Block};
use crate::learn::error::LearnError;
use lacewing_formats::topology::{CsrMut, FollowScratch, TargetRule, TopologyError, follow};

/// Weights and biases that follow those of an online layer.
#[derive(Debug)]
pub(in crate::learn) struct Follower<'m> {
    /// None where its links are those of the online layer.
    pub topology: Option<CsrMut<'m>>,
    pub weights: &'m mut [f32],
    pub bias: &'m mut [f32],
}

impl<'m> Follower<'m> {
    /// The same weights as `online`, and the same links or, if they are shared, those of it.
    pub fn copy(
        arena: &mut Arena<'m>,
        online: &Links<'_>,
        shared: bool,
    ) -> Result<Self, LearnError> {
        if !shared {
            let Links { topology, weights, bias } = Links::copy(arena, online)?;
            return Ok(Self { topology: Some(topology), weights, bias });
        }
        let weights: &mut [f32] = arena.take(online.weights.len())?;
        let bias: &mut [f32] = arena.take(online.bias.len())?;
        weights.copy_from_slice(online.weights);
        bias.copy_from_slice(online.bias);
        Ok(Self { topology: None, weights, bias })
    }

    pub fn blocks(shape: (usize, usize, usize), shared: bool) -> usize {
        let (_, outputs, links) = shape;
        match shared {
            true => Block::for_slice::<f32>(links) + Block::for_slice::<f32>(outputs),
            false => Links::blocks(shape),
        }
    }

    pub fn view<'v>(&'v self, online: &'v Links<'_>) -> LayerRef<'v> {
        let topology = self.topology.as_ref().unwrap_or(&online.topology);
        LayerRef { topology: topology.view(), weights: self.weights, bias: self.bias }
    }

    /// Becomes a layer of fewer links of its own, to be filled in.
    pub fn shrink_to(&mut self, links: usize) -> Result<(), TopologyError> {
        if let Some(topology) = &mut self.topology {
            topology.shrink_to(links)?;
            shorten(&mut self.weights, links);
        }
        Ok(())
    }

    /// Has as many places as `online`, whose links it shares, has links.
    pub fn fit(&mut self, online: &Links<'_>) {
        shorten(&mut self.weights, online.weights.len());
    }

    /// Becomes a copy of `online`.
    pub fn copy_from(&mut self, online: &Links<'_>) -> Result<(), TopologyError> {
        if let Some(topology) = &mut self.topology {
            topology.copy_from(&online.topology)?;
        }
        shorten(&mut self.weights, online.weights.len());
        self.weights.copy_from_slice(online.weights);
        self.bias.copy_from_slice(online.bias);
        Ok(())
    }

    /// One Polyak step towards `online` that keeps the sparsity.
    pub fn follow(
        &mut self,
        online: &Links<'_>,
        tau: f32,
        rule: TargetRule,
        scratch: &mut TopologyScratch<'_>,
    ) {
        let approach = |own: &mut [f32], online: &[f32]| {
            own.iter_mut().zip(online).for_each(|(own, online)| *own += tau * (online - *own));
        };
        match &mut self.topology {
            None => approach(self.weights, online.weights),
            Some(topology) => {
                let mut scratch = FollowScratch {
                    columns: scratch.columns,
                    weights: scratch.weights,
                    strengths: scratch.strengths,
                    ranking: bytemuck::cast_slice_mut(scratch.indices),
                };
                let leader = (&online.topology, &*online.weights);
                let left = follow(topology, self.weights, leader, tau, rule, &mut scratch);
                shorten(&mut self.weights, left);
            }
        }
        approach(self.bias, online.bias);
    }
}
