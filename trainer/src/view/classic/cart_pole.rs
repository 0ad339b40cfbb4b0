//! A pole on a cart on a track.

use std::f64::consts::FRAC_PI_2;

use crate::view::canvas::{BLACK, Canvas, Rgb, turned_box};

/// Of a metre: the track is 4.8 long.
const SCALE: f64 = 600.0 / 4.8;
const TRACK: f64 = 100.0;
const POLE_RADIUS: f64 = 5.0;
const POLE: Rgb = [202, 152, 101];
const AXLE: Rgb = [129, 132, 203];

/// `position` is from the track's middle, `angle` from upright, clockwise.
pub fn cart_pole(mut canvas: Canvas, position: f64, angle: f64) -> Canvas {
    let cart = position * SCALE + 300.0;
    canvas.polygon(&turned_box([-25.0, 25.0], [-15.0, 15.0], 0.0, [cart, TRACK]), BLACK);
    let axle = [cart, TRACK + 7.5];
    let along = [-POLE_RADIUS, SCALE - POLE_RADIUS];
    let pole = turned_box(along, [-POLE_RADIUS, POLE_RADIUS], FRAC_PI_2 - angle, axle);
    canvas.polygon(&pole, POLE);
    canvas.circle(axle, POLE_RADIUS, AXLE);
    canvas.line(&[[0.0, TRACK], [600.0, TRACK]], 1.0, BLACK);
    canvas
}
