//! A policy with all that a control step takes, in one owner, so that it can be handed to C.

use lacewing_formats::artifact::{AlignedBytes, FileError, PolicyView, ReadError};
use lacewing_runtime::act::{ActError, Interface, InterfaceError, Layout, LoadError, Policy};
use lacewing_runtime::kernels::act::Kernel;
use lacewing_runtime::learn::Block;
use self_cell::{MutBorrow, self_cell};
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

/// What borrows it.
struct Loaded<'m> {
    interface: Interface<'m>,
    policy: Policy<'m>,
    scratch: Vec<f32>,
    action: Vec<f32>,
}

self_cell! {
    struct Whole {
        owner: MutBorrow<Memory>,
        #[covariant]
        dependent: Loaded,
    }
}

/// A loaded policy: observations in the driver's units to actions in the driver's units, as
/// `lacewing-edge act` has them.
pub struct Controller(Whole);

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
        let memory = MutBorrow::new(Memory { bytes, blocks, signals });
        Whole::try_new(memory, |memory| {
            let Memory { bytes, blocks, signals } = memory.borrow_mut();
            let view = PolicyView::parse(bytes)?;
            let interface = Interface::new(&view, signals)?;
            let policy = Policy::with_layout(view, layout, kernel, blocks)?;
            let mut scratch = vec![0.0; policy.scratch_len()];
            let mut action = vec![0.0; policy.actions()];
            policy.check_probes(&mut action, &mut scratch)?;
            Ok(Loaded { interface, policy, scratch, action })
        })
        .map(Self)
    }

    /// Numbers of an observation.
    pub fn observations(&self) -> usize {
        self.0.borrow_dependent().interface.sensors()
    }

    /// Numbers of an action.
    pub fn actions(&self) -> usize {
        self.0.borrow_dependent().policy.actions()
    }

    /// Seconds from one action to the next.
    pub fn period(&self) -> f64 {
        self.0.borrow_dependent().policy.view().header().control_period_s()
    }

    /// The file it was loaded from.
    pub fn view(&self) -> &PolicyView<'_> {
        self.0.borrow_dependent().policy.view()
    }

    /// Begins an episode: earlier observations and actions are forgotten.
    pub fn reset(&mut self) {
        self.0.with_dependent_mut(|_, loaded| loaded.interface.reset());
    }

    /// One control step; never allocates.
    ///
    /// # Errors
    /// [`ControllerError`]; there is no action then.
    pub fn act(&mut self, observation: &[f32]) -> Result<&[f32], ControllerError> {
        self.0.with_dependent_mut(|_, Loaded { interface, policy, scratch, action }| {
            let observation = interface.observe(observation)?;
            policy.act(observation, action, scratch)?;
            Ok::<_, ControllerError>(interface.command(action)?)
        })?;
        Ok(&self.0.borrow_dependent().action)
    }
}
