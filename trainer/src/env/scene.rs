//! What there is to draw of an environment.

use super::mujoco::Robot;

/// What there is to draw of an environment's present state, in its own units; [`crate::view`] draws it.
#[derive(Clone, Copy)]
pub enum Scene<'a> {
    /// A pole on an axle.
    Pendulum {
        /// From upright, counterclockwise, rad.
        angle: f64,
        /// The motor's share of its greatest torque in the last step, counterclockwise, from -1 to 1.
        torque: f64,
    },
    /// A pole on a cart.
    CartPole {
        /// Of the cart, from the middle of a track that ends at ±2.4.
        position: f64,
        /// Of the pole from upright, clockwise, rad.
        angle: f64,
    },
    /// A car in a valley, of height sin(3 position).
    MountainCar {
        /// From -1.2 to 0.6.
        position: f64,
        /// Where the flag is.
        goal: f64,
    },
    /// Two links that hang from a fixed end.
    Acrobot {
        /// Of the first from hanging down and of the second from the first, counterclockwise, rad.
        angles: [f64; 2],
    },
    /// A robot that MuJoCo draws.
    Robot {
        /// Which.
        robot: Robot,
        /// Its pose.
        qpos: &'a [f64],
    },
}
