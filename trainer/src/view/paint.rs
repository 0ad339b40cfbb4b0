//! From a scene to a picture.

use super::canvas::Canvas;
use super::{Frame, Size, ViewError, classic};
use crate::env::{EnvSpec, Renderer, Scene};

/// Sheets of Gymnasium's drawings.
const SQUARE: Size = Size { width: 500, height: 500 };
const WIDE: Size = Size { width: 600, height: 400 };

/// The size that suits a scene.
pub fn default_size(scene: &Scene<'_>) -> Size {
    match scene {
        Scene::Pendulum { .. } | Scene::Acrobot { .. } => Size { width: 300, height: 300 },
        Scene::CartPole { .. } | Scene::MountainCar { .. } => Size { width: 450, height: 300 },
        Scene::Robot { .. } => Size { width: 320, height: 240 },
    }
}

/// How long a step is shown: as long as it takes, and where it has no unit of time, in the mountain cars, as
/// long as Gymnasium shows it.
pub fn step_seconds(scene: &Scene<'_>, spec: &EnvSpec) -> f64 {
    match scene {
        Scene::MountainCar { .. } => 1.0 / 30.0,
        _ => spec.control_period_s,
    }
}

/// Draws one environment's scenes in one size.
pub struct Painter {
    size: Size,
    /// MuJoCo's, for robots; made for the first.
    renderer: Option<Renderer>,
}

impl Painter {
    /// Draws in this size.
    pub fn new(size: Size) -> Self {
        Self { size, renderer: None }
    }

    /// Draws a scene.
    ///
    /// # Errors
    /// [`ViewError::Render`] where robots cannot be drawn, [`ViewError::NoRoom`].
    pub fn paint(&mut self, scene: &Scene<'_>) -> Result<Frame, ViewError> {
        let sheet = |size| Canvas::new(self.size, size);
        let canvas = match *scene {
            Scene::Robot { robot, qpos } => {
                let renderer = match &mut self.renderer {
                    Some(renderer) => renderer,
                    none => none.insert(Renderer::new(robot, self.size.width, self.size.height)?),
                };
                return Ok(Frame { size: self.size, rgb: renderer.draw(qpos)? });
            }
            Scene::Pendulum { angle, torque } => classic::pendulum(sheet(SQUARE)?, angle, torque),
            Scene::Acrobot { angles } => classic::acrobot(sheet(SQUARE)?, angles),
            Scene::CartPole { position, angle } => {
                classic::cart_pole(sheet(WIDE)?, position, angle)
            }
            Scene::MountainCar { position, goal } => {
                classic::mountain_car(sheet(WIDE)?, position, goal)
            }
        };
        Ok(canvas.into_frame())
    }
}
