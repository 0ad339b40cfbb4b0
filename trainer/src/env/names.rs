//! What the numbers of each environment are, as Gymnasium's documentation has them.

use lacewing_formats::policy::Announced;

/// Names with their units.
type Named = &'static [(&'static str, &'static str)];

const HALF_CHEETAH: &[&str] =
    &["rootx", "rootz", "rooty", "bthigh", "bshin", "bfoot", "fthigh", "fshin", "ffoot"];
const HOPPER: &[&str] = &["rootx", "rootz", "rooty", "thigh", "leg", "foot"];
const WALKER2D: &[&str] =
    &["rootx", "rootz", "rooty", "thigh", "leg", "foot", "thigh_left", "leg_left", "foot_left"];

/// What an environment announces of its signals; nothing where they are not named.
pub(super) fn of(id: &str) -> Announced {
    match id {
        "Pendulum-v1" => announced(
            &[("cos(angle)", ""), ("sin(angle)", ""), ("angular velocity", "rad/s")],
            &[("torque", "N m")],
        ),
        "CartPole-v1" => announced(
            &[
                ("position", "m"),
                ("velocity", "m/s"),
                ("angle", "rad"),
                ("angular velocity", "rad/s"),
            ],
            &[("push left", ""), ("push right", "")],
        ),
        "Acrobot-v1" => announced(
            &[
                ("cos(angle 1)", ""),
                ("sin(angle 1)", ""),
                ("cos(angle 2)", ""),
                ("sin(angle 2)", ""),
                ("angular velocity 1", "rad/s"),
                ("angular velocity 2", "rad/s"),
            ],
            &[("torque -1", ""), ("torque 0", ""), ("torque 1", "")],
        ),
        "MountainCar-v0" => announced(
            CAR,
            &[("accelerate left", ""), ("do not accelerate", ""), ("accelerate right", "")],
        ),
        "MountainCarContinuous-v0" => announced(CAR, &[("force", "")]),
        "HalfCheetah-v5" => planar(HALF_CHEETAH),
        "Hopper-v5" => planar(HOPPER),
        "Walker2d-v5" => planar(WALKER2D),
        _ => Announced::default(),
    }
}

const CAR: Named = &[("position", ""), ("velocity", "")];

fn announced(observations: Named, actions: Named) -> Announced {
    let all = |which: fn(&(&str, &str)) -> String, signals: Named| {
        Some(signals.iter().map(which).collect())
    };
    let (name, unit) = (|it: &(&str, &str)| it.0.into(), |it: &(&str, &str)| it.1.into());
    Announced {
        obs_names: all(name, observations),
        obs_units: all(unit, observations),
        act_names: all(name, actions),
        act_units: all(unit, actions),
        control_period_s: None,
    }
}

/// A robot in the plane: positions of its joints without the first, then velocities of all, two of
/// them slides and the rest hinges; a motor at each joint behind the third.
fn planar(joints: &[&str]) -> Announced {
    let unit = |joint: usize, slide: &str, hinge: &str| {
        if joint < 2 { slide.to_string() } else { hinge.to_string() }
    };
    let positions = joints.iter().skip(1).map(|joint| (*joint).to_string());
    let velocities = joints.iter().map(|joint| format!("{joint} velocity"));
    let units = (1..joints.len()).map(|joint| unit(joint, "m", "rad"));
    let rates = (0..joints.len()).map(|joint| unit(joint, "m/s", "rad/s"));
    Announced {
        obs_names: Some(positions.chain(velocities).collect()),
        obs_units: Some(units.chain(rates).collect()),
        act_names: Some(joints.iter().skip(3).map(|joint| (*joint).to_string()).collect()),
        act_units: None,
        control_period_s: None,
    }
}
