//! A rod on an axle, and an arrow around it for the torque.

use std::f64::consts::{FRAC_PI_2, PI};

use crate::view::canvas::{BLACK, Canvas, Point, Rgb, turned, turned_box};

const MIDDLE: Point = [250.0, 250.0];
/// Of a metre.
const SCALE: f64 = 500.0 / 4.4;
const ROD_RADIUS: f64 = 0.1 * SCALE;
const ROD: Rgb = [204, 77, 77];

/// `angle` is from upright, counterclockwise; `torque` from -1 to 1.
pub fn pendulum(mut canvas: Canvas, angle: f64, torque: f64) -> Canvas {
    let angle = angle + FRAC_PI_2;
    let rod = turned_box([0.0, SCALE], [-ROD_RADIUS, ROD_RADIUS], angle, MIDDLE);
    canvas.polygon(&rod, ROD);
    canvas.circle(MIDDLE, ROD_RADIUS, ROD);
    canvas.circle(turned([SCALE, 0.0], angle, MIDDLE), ROD_RADIUS, ROD);
    arrow(&mut canvas, torque);
    canvas.circle(MIDDLE, 0.05 * SCALE, BLACK);
    canvas
}

/// An arc about the axle with a head at its end, the larger the greater the torque.
fn arrow(canvas: &mut Canvas, torque: f64) {
    const POINTS: i32 = 48;
    let radius = 0.5 * SCALE * torque.abs();
    // Too small to be seen.
    if radius < 1.0 {
        return;
    }
    // Counterclockwise from the top to the right, or mirrored.
    let at = |radius: f64, turn: f64| -> Point {
        let [x, y] = turned([radius, 0.0], turn, [0.0, 0.0]);
        [MIDDLE[0] + torque.signum() * x, MIDDLE[1] + y]
    };
    let (from, to) = (FRAC_PI_2, 1.95 * PI);
    let arc: Vec<_> = (0..=POINTS)
        .map(|point| at(radius, from + (to - from) * f64::from(point) / f64::from(POINTS)))
        .collect();
    canvas.line(&arc, 0.07 * radius, BLACK);
    let head = [at(0.86 * radius, to), at(1.14 * radius, to), at(radius, to + 0.35)];
    canvas.polygon(&head, BLACK);
}
