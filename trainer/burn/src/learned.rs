//! A network that learns, with the target that follows it.

use crate::network::{Finish, Network};
use crate::online::Online;
use crate::state::NetworkState;
use crate::target::Target;
use burn_tensor::backend::Backend;
use lacewing_formats::topology::TargetRule;
use lacewing_runtime::learn::LiveLinks;

/// One of an algorithm's networks.
#[derive(Debug)]
pub(crate) struct Learned<I: Backend> {
    pub online: Online<I>,
    target: Option<Target<I>>,
}

impl<I: Backend> Learned<I> {
    /// Copies both to the device.
    pub fn load(
        state: &NetworkState,
        (finish, bias): (Finish, bool),
        steps: u64,
        device: &I::Device,
    ) -> Self {
        Self {
            online: Online::load(state, (finish, bias), steps, device),
            target: state.target.as_ref().map(|layers| Target::load(layers, finish, device)),
        }
    }

    /// Copies both back.
    pub fn state(&self) -> NetworkState {
        NetworkState {
            layers: self.online.layers(),
            learning: self.online.learning(),
            target: self.target.as_ref().map(Target::layers),
        }
    }

    /// The target, or the network itself where it has none.
    pub fn target(&self) -> &Network<I> {
        self.target.as_ref().map_or(&self.online.network, |target| &target.network)
    }

    /// One Polyak step of the target, if there is one.
    pub fn follow(&mut self, step: (f32, TargetRule), device: &I::Device) {
        if let Some(target) = &mut self.target {
            target.follow(&self.online, step, device);
        }
    }
}

impl NetworkState {
    /// How many links are alive.
    pub fn live(&self) -> LiveLinks {
        let links = |layer: &crate::OwnedLayer| layer.weights.len() as u32;
        LiveLinks {
            online: self.layers.iter().map(links).collect(),
            target: self.target.iter().flatten().map(links).collect(),
        }
    }
}
