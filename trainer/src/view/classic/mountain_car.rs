//! A car in a valley, and a flag on the hill.

use crate::view::canvas::{BLACK, Canvas, Point, Rgb, turned, turned_box};

const LEFT: f64 = -1.2;
const RIGHT: f64 = 0.6;
const SCALE: f64 = 600.0 / (RIGHT - LEFT);
/// Of the car over the ground.
const CLEARANCE: f64 = 10.0;
const WHEEL: Rgb = [128, 128, 128];
const FLAG: Rgb = [204, 204, 0];

/// `position` is the car's, `goal` the flag's.
pub fn mountain_car(mut canvas: Canvas, position: f64, goal: f64) -> Canvas {
    const POINTS: i32 = 100;
    let slope = |point: i32| LEFT + (RIGHT - LEFT) * f64::from(point) / f64::from(POINTS - 1);
    let valley: Vec<_> = (0..POINTS).map(|point| ground(slope(point))).collect();
    canvas.line(&valley, 1.0, BLACK);

    let [x, y] = ground(position);
    let (at, tilt) = ([x, y + CLEARANCE], (3.0 * position).cos());
    canvas.polygon(&turned_box([-20.0, 20.0], [0.0, 20.0], tilt, at), BLACK);
    for axle in [10.0, -10.0] {
        canvas.circle(turned([axle, 0.0], tilt, at), 8.0, WHEEL);
    }

    let [x, y] = ground(goal);
    canvas.line(&[[x, y], [x, y + 50.0]], 1.0, BLACK);
    canvas.polygon(&[[x, y + 50.0], [x, y + 40.0], [x + 25.0, y + 45.0]], FLAG);
    canvas
}

/// Where on the sheet the ground is.
fn ground(position: f64) -> Point {
    let height = (3.0 * position).sin() * 0.45 + 0.55;
    [(position - LEFT) * SCALE, height * SCALE]
}
