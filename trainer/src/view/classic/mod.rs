//! Classic control in the look of Gymnasium's pictures: each file has the geometry of one of its
//! `render` functions (Gymnasium 1.4.0, `gymnasium/envs/classic_control`).

mod acrobot;
mod cart_pole;
mod mountain_car;
mod pendulum;

pub use acrobot::acrobot;
pub use cart_pole::cart_pole;
pub use mountain_car::mountain_car;
pub use pendulum::pendulum;
