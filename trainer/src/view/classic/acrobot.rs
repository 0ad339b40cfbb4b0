//! Two links, and the line that the tip has to rise above.

use std::f64::consts::FRAC_PI_2;

use crate::view::canvas::{BLACK, Canvas, Point, Rgb, turned, turned_box};

const MIDDLE: Point = [250.0, 250.0];
/// Of a metre, which is a link's length.
const SCALE: f64 = 500.0 / 4.4;
const RADIUS: f64 = 0.1 * SCALE;
const LINK: Rgb = [0, 204, 204];
const JOINT: Rgb = [204, 204, 0];

/// The first angle is from hanging down, the second from the first link, both counterclockwise.
pub fn acrobot(mut canvas: Canvas, [first, second]: [f64; 2]) -> Canvas {
    let goal = MIDDLE[1] + SCALE;
    canvas.line(&[[0.0, goal], [500.0, goal]], 1.0, BLACK);
    let mut joint = MIDDLE;
    for angle in [first - FRAC_PI_2, first + second - FRAC_PI_2] {
        canvas.polygon(&turned_box([0.0, SCALE], [-RADIUS, RADIUS], angle, joint), LINK);
        canvas.circle(joint, RADIUS, JOINT);
        joint = turned([SCALE, 0.0], angle, joint);
    }
    canvas
}
