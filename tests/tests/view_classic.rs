//! Pictures of classic control: shapes are where the state says, in Gymnasium's colours and geometry.

mod env_common;

use env_common::env;
use lacewing::view::{Frame, Painter, Size};

const WHITE: [u8; 3] = [255; 3];
const BLACK: [u8; 3] = [0; 3];

fn size(width: u16, height: u16) -> Size {
    Size { width, height }
}

/// The picture of a state, after a step if one is given.
fn picture(id: &str, state: &[f64], action: Option<f32>, size: Size) -> Frame {
    let mut env = env(id, "");
    let mut obs = vec![0.0; env.spec().obs_dim];
    env.set_state(state, &mut obs).unwrap();
    if let Some(action) = action {
        env.step(&[action], &mut obs).unwrap();
    }
    Painter::new(size).paint(&env.scene()).unwrap()
}

/// The colour at a place; y from the bottom, as Gymnasium draws.
fn colour(frame: &Frame, x: f64, y: f64) -> [u8; 3] {
    let row = f64::from(frame.size.height) - y;
    let at = row as usize * usize::from(frame.size.width) + x as usize;
    frame.rgb.as_chunks::<3>().0[at]
}

#[test]
fn the_pendulum_points_where_its_angle_says() {
    let red = [204, 77, 77];
    for angle in [0.0_f64, 0.7, -0.7, 1.6, 3.0, -2.4, 40.0] {
        // 100 pixels a metre.
        let frame = picture("Pendulum-v1", &[angle, 0.0], None, size(440, 440));
        let along = |metres: f64| {
            let (sin, cos) = angle.sin_cos();
            colour(&frame, 220.0 - 100.0 * metres * sin, 220.0 + 100.0 * metres * cos)
        };
        assert_eq!(along(0.0), BLACK, "{angle}: the axle");
        for on in [0.2, 0.6, 1.0, 1.08] {
            assert_eq!(along(on), red, "{angle}: {on}");
        }
        for off in [1.12, -0.12, -0.6, -1.0] {
            assert_eq!(along(off), WHITE, "{angle}: {off}");
        }
    }
}

#[test]
fn the_arrow_turns_as_the_motor_does() {
    // The arc leaves out the quarter from the head to the top: the right one where it turns left.
    for (action, left, right) in [(2.0, BLACK, WHITE), (-2.0, WHITE, BLACK), (0.0, WHITE, WHITE)] {
        let state = [std::f64::consts::PI, 0.0];
        let frame = picture("Pendulum-v1", &state, Some(action), size(440, 440));
        let aside = 50.0 * std::f64::consts::FRAC_1_SQRT_2;
        assert_eq!(colour(&frame, 220.0 - aside, 220.0 + aside), left, "{action}");
        assert_eq!(colour(&frame, 220.0 + aside, 220.0 + aside), right, "{action}");
    }
}

#[test]
fn the_cart_and_its_pole_are_where_the_state_says() {
    for (position, angle) in [(0.0, 0.0), (1.5, 0.2), (-2.0, 0.1), (0.5, -0.2)] {
        let state = [position, 0.0, angle, 0.0];
        let frame = picture("CartPole-v1", &state, None, size(600, 400));
        let cart = 300.0 + 125.0 * position;
        assert_eq!(colour(&frame, cart + 22.0, 90.0), BLACK);
        assert_eq!(colour(&frame, cart + 28.0, 90.0), WHITE);
        let along = |pixels: f64| {
            colour(&frame, cart + pixels * f64::sin(angle), 107.5 + pixels * f64::cos(angle))
        };
        assert_eq!(along(0.0), [129, 132, 203], "the axle");
        assert_eq!(along(60.0), [202, 152, 101]);
        assert_eq!(along(115.0), [202, 152, 101]);
        assert_eq!(along(123.0), WHITE);
    }
}

#[test]
fn the_car_is_on_the_hill_and_the_flag_at_the_goal() {
    for (id, goal) in [("MountainCar-v0", 0.5), ("MountainCarContinuous-v0", 0.45)] {
        for position in [-1.1_f64, -0.5, 0.1, 0.4] {
            let frame = picture(id, &[position, 0.0], None, size(600, 400));
            let scale = 600.0 / 1.8;
            let ground = |position: f64| ((3.0 * position).sin() * 0.45 + 0.55) * scale;
            // The middle of the car, over the slope.
            let tilt = (3.0 * position).cos();
            let car = (position + 1.2) * scale - 12.0 * tilt.sin();
            assert_eq!(colour(&frame, car, ground(position) + 10.0 + 12.0 * tilt.cos()), BLACK);
            let pole = (goal + 1.2) * scale;
            assert_eq!(colour(&frame, pole + 8.0, ground(goal) + 45.0), [204, 204, 0], "{id}");
            assert_eq!(colour(&frame, pole - 8.0, ground(goal) + 45.0), WHITE);
        }
    }
}

#[test]
fn the_acrobot_hangs_as_its_angles_say() {
    for (first, second) in [(0.0, 0.0), (0.5, 0.5), (-1.0, 2.0), (3.0, -1.5)] {
        let frame = picture("Acrobot-v1", &[first, second, 0.0, 0.0], None, size(440, 440));
        let joint = [220.0 + 100.0 * f64::sin(first), 220.0 - 100.0 * f64::cos(first)];
        let second = first + second;
        let at = |from: [f64; 2], angle: f64, pixels: f64| {
            colour(&frame, from[0] + pixels * angle.sin(), from[1] - pixels * angle.cos())
        };
        assert_eq!(at([220.0; 2], first, 0.0), [204, 204, 0], "fixed end");
        assert_eq!(at([220.0; 2], first, 50.0), [0, 204, 204], "first link");
        assert_eq!(at(joint, second, 0.0), [204, 204, 0], "joint");
        assert_eq!(at(joint, second, 50.0), [0, 204, 204], "second link");
        assert_eq!(at(joint, second, 104.0), WHITE, "beyond the tip");
    }
}

#[test]
fn a_picture_is_its_state_and_nothing_else() {
    for (id, state) in [
        ("Pendulum-v1", vec![0.3, 0.0]),
        ("CartPole-v1", vec![0.3, 0.0, 0.1, 0.0]),
        ("MountainCar-v0", vec![-0.3, 0.0]),
        ("Acrobot-v1", vec![0.3, 0.2, 0.0, 0.0]),
    ] {
        let once = picture(id, &state, None, size(120, 90));
        assert_eq!(once, picture(id, &state, None, size(120, 90)), "{id}");
        let other: Vec<_> = state.iter().map(|value| value + 0.2).collect();
        assert_ne!(once, picture(id, &other, None, size(120, 90)), "{id}");
        // Also around another environment.
        assert_eq!(once, picture(&format!("{id}[permute=3]"), &state, None, size(120, 90)));
    }
}

#[test]
fn a_sheet_of_another_shape_has_the_drawing_in_its_middle() {
    let wide = picture("Pendulum-v1", &[0.0, 0.0], None, size(880, 440));
    assert_eq!(colour(&wide, 440.0, 220.0), BLACK);
    assert_eq!(colour(&wide, 440.0, 300.0), [204, 77, 77]);
    let high = picture("Pendulum-v1", &[0.0, 0.0], None, size(440, 880));
    assert_eq!(colour(&high, 220.0, 440.0), BLACK);
    assert_eq!(colour(&high, 220.0, 520.0), [204, 77, 77]);
}
