//! A policy with all that a control step takes, in one owner, so that it can be handed to C.

use lacewing_formats::artifact::{AlignedBytes, FileError, PolicyView, ReadError};
use lacewing_runtime::act::{ActError, Interface, InterfaceError, Layout, LoadError, Policy};
use lacewing_runtime::kernels::act::Kernel;
use lacewing_runtime::learn::Block;
use std::path::Path;
use thiserror::Error;

/// Why there is no policy, or no action.
#[derive(Debug, Error)]
pub enum ControllerError {
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It is no policy.
    #[error(transparent)]
    File(#[from] FileError),
    /// It cannot be run here.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// An observation or an action is not as agreed.
    #[error(transparent)]
    Interface(#[from] InterfaceError),
    /// The policy gives no action.
    #[error(transparent)]
    Act(#[from] ActError),
}

/// Memory that a policy borrows.
struct Memory {
    bytes: AlignedBytes,
    blocks: Vec<Block>,
    signals: Vec<f32>,
}

/// A loaded policy: observations in the driver's units to actions in the driver's units, as
/// `lacewing-edge act` has them.
pub struct Controller {
    interface: Interface<'static>,
    policy: Policy<'static>,
    scratch: Vec<f32>,
    action: Vec<f32>,
    /// Last, since fields are dropped in their order, and those above borrow it.
    _memory: Owned,
}

/// Boxed memory, freed when this is dropped. A box itself may not be moved while it is borrowed.
struct Owned(*mut Memory);

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: it came from `Box::into_raw`, and whoever has this has no more borrows of it.
        drop(unsafe { Box::from_raw(self.0) });
    }
}

// SAFETY: the memory behind the pointer is reached through `policy` and `interface` only, which are this
// controller's own and may change threads.
unsafe impl Send for Controller {}
// SAFETY: as above; through a shared controller both are only read.
unsafe impl Sync for Controller {}

impl Controller {
    /// Reads a policy file, lays it out for this processor and replays its probes.
    ///
    /// # Errors
    /// [`ControllerError`].
    pub fn load(path: &Path) -> Result<Self, ControllerError> {
        Self::new(AlignedBytes::read(path)?)
    }

    /// The same of a file's bytes.
    ///
    /// # Errors
    /// [`ControllerError`].
    pub fn new(bytes: AlignedBytes) -> Result<Self, ControllerError> {
        let (kernel, layout) = (Kernel::best(), Layout::Packed);
        let view = PolicyView::parse(&bytes)?;
        let blocks = vec![Block::ZERO; Policy::blocks(&view, layout, kernel)];
        let signals = vec![0.0; Interface::numbers(&view)];
        drop(view);
        let memory = Owned(Box::into_raw(Box::new(Memory { bytes, blocks, signals })));
        // SAFETY: it stays where it is until `memory` is dropped, which is after all that borrows it: below
        // it was there first, and in the controller it is last. Its three parts are borrowed once each, and
        // only here.
        let (bytes, blocks, signals) = unsafe {
            let memory: &'static mut Memory = &mut *memory.0;
            (&memory.bytes, &mut memory.blocks[..], &mut memory.signals[..])
        };
        let view = PolicyView::parse(bytes)?;
        let interface = Interface::new(&view, signals)?;
        let policy = Policy::with_layout(view, layout, kernel, blocks)?;
        let mut scratch = vec![0.0; policy.scratch_len()];
        let mut action = vec![0.0; policy.actions()];
        policy.check_probes(&mut action, &mut scratch)?;
        Ok(Self { interface, policy, scratch, action, _memory: memory })
    }

    /// Numbers of an observation.
    pub fn observations(&self) -> usize {
        self.interface.sensors()
    }

    /// Numbers of an action.
    pub fn actions(&self) -> usize {
        self.policy.actions()
    }

    /// Seconds from one action to the next.
    pub fn period(&self) -> f64 {
        self.policy.view().header().control_period_s()
    }

    /// The file it was loaded from.
    pub fn view(&self) -> &PolicyView<'_> {
        self.policy.view()
    }

    /// Begins an episode: earlier observations and actions are forgotten.
    pub fn reset(&mut self) {
        self.interface.reset();
    }

    /// One control step; never allocates.
    ///
    /// # Errors
    /// [`ControllerError`]; there is no action then.
    pub fn act(&mut self, observation: &[f32]) -> Result<&[f32], ControllerError> {
        let observation = self.interface.observe(observation)?;
        self.policy.act(observation, &mut self.action, &mut self.scratch)?;
        self.interface.command(&mut self.action)?;
        Ok(&self.action)
    }
}
