//! An episode, drawn as it is played.

use lacewing_formats::artifact::PolicyView;
use lacewing_runtime::learn::session::World;

use super::paint::{default_size, step_seconds};
use super::{Painter, Sink, Size, ViewError};
use crate::env::Env;
use crate::lab::deployed::{PlayError, check_fit, with_policy};
use crate::lab::world::Simulator;

/// Frames last at least so many seconds where it is not said how many steps they show: 25 a second.
const FRAME_SECONDS: f64 = 0.04;

/// What to draw of an episode, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shots {
    /// Pixels.
    pub size: Size,
    /// Every so many steps are drawn.
    pub every: u32,
    /// Seconds that a frame is shown.
    pub seconds: f64,
}

impl Shots {
    /// Of an environment, what is not given in the size that suits it and as smooth as needed.
    pub fn of(env: &dyn Env, size: Option<Size>, every: Option<u32>) -> Self {
        let scene = env.scene();
        let step = step_seconds(&scene, env.spec());
        // Less a rounding error: five steps of 8 ms are enough.
        let enough = (FRAME_SECONDS / step - 1e-6).ceil() as u32;
        let every = every.unwrap_or(enough).max(1);
        let size = size.unwrap_or_else(|| default_size(&scene));
        Self { size, every, seconds: step * f64::from(every) }
    }
}

/// What was played.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Filmed {
    /// Sum of the rewards.
    pub score: f64,
    /// Steps that were played.
    pub steps: u32,
    /// Pictures that were drawn: one before the first step, then as [`Shots::every`] says, one at the end.
    pub frames: u32,
}

/// Plays the first episode that `lacewing eval` plays with this seed, or its first `steps` steps, and gives
/// the sinks each picture.
///
/// # Errors
/// [`ViewError`] of the policy, the environment, the drawing or a sink.
pub fn film(
    view: PolicyView<'_>,
    env: &mut dyn Env,
    seed: u64,
    steps: u32,
    shots: &Shots,
    sinks: &mut [Box<dyn Sink>],
) -> Result<Filmed, ViewError> {
    check_fit(&view, env)?;
    let mut painter = Painter::new(shots.size);
    let spec = env.spec();
    let (mut observation, mut action) =
        (vec![0.0; spec.obs_dim], vec![0.0; spec.action_space.len()]);
    with_policy(view, |mut policy| {
        let mut filmed = Filmed::default();
        let mut world = Simulator::for_policy(env, seed);
        world.reset(0, &mut observation)?;
        let mut over = steps == 0;
        loop {
            if over || filmed.steps.is_multiple_of(shots.every) {
                let frame = painter.paint(&world.scene())?;
                sinks.iter_mut().try_for_each(|sink| sink.add(&frame))?;
                filmed.frames += 1;
            }
            if over {
                return Ok(filmed);
            }
            policy.act(&observation, &mut action).map_err(PlayError::from)?;
            let outcome = world.advance(&action, &mut observation)?;
            filmed.score += outcome.reward;
            filmed.steps += 1;
            over = outcome.terminated || outcome.truncated || filmed.steps == steps;
        }
    })
}
