//! What a shift changes in each environment, what it leaves alone, and what is refused.

mod env_common;

use env_common::env;
use lacewing::env::{ActionSpace, Env, EnvError, SettingError, Shift, ids, make};

const DISCRETE: [&str; 3] = ["CartPole-v1", "Acrobot-v1", "MountainCar-v0"];

fn error(id: &str, shift: &str) -> EnvError {
    env(id, "");
    make(id, &shift.parse().unwrap()).err().unwrap()
}

/// Observations and rewards of `actions` from the same seed.
fn run(env: &mut dyn Env, actions: &[Vec<f32>]) -> Vec<(Vec<f64>, f64)> {
    let mut obs = vec![0.0; env.spec().obs_dim];
    env.reset(3, &mut obs).unwrap();
    let mut steps = vec![(obs.clone(), 0.0)];
    for action in actions {
        let step = env.step(action, &mut obs).unwrap();
        steps.push((obs.clone(), step.reward));
        if step.terminated || step.truncated {
            break;
        }
    }
    steps
}

fn observations(steps: &[(Vec<f64>, f64)]) -> Vec<&Vec<f64>> {
    steps.iter().map(|(obs, _)| obs).collect()
}

/// The environments with continuous actions.
fn continuous_ids() -> impl Iterator<Item = &'static str> {
    ids().filter(|id| matches!(env(id, "").spec().action_space, ActionSpace::Box { .. }))
}

/// The same wave on every actuator, `factor` high.
fn wave(env: &dyn Env, factor: f32) -> Vec<Vec<f32>> {
    let ActionSpace::Box { high: bounds, .. } = &env.spec().action_space else {
        panic!("{} has no actuators", env.spec().id)
    };
    (0..40)
        .map(|n| bounds.iter().map(|bound| bound * factor * (n as f32 * 0.7).sin()).collect())
        .collect()
}

#[test]
fn half_the_gear_is_half_the_command() {
    for id in continuous_ids() {
        let mut weak = env(id, "gear=0.5");
        let mut plain = env(id, "");
        let (full, half) = (wave(&*plain, 1.0), wave(&*plain, 0.5));
        let weak_steps = run(&mut *weak, &full);
        let half_steps = run(&mut *plain, &half);
        assert_eq!(observations(&weak_steps), observations(&half_steps), "{id}");
        let full_steps = run(&mut *plain, &full);
        assert_ne!(observations(&weak_steps), observations(&full_steps), "{id}");
    }
}

#[test]
fn twice_the_mass_halves_what_a_torque_does() {
    // Gravity accelerates these two whatever their mass.
    for id in ["Pendulum-v1", "MountainCarContinuous-v0"] {
        let mut heavy = env(id, "mass=2");
        let mut weak = env(id, "gear=0.5");
        let actions = wave(&*heavy, 1.0);
        assert_eq!(run(&mut *heavy, &actions), run(&mut *weak, &actions), "{id}");
    }
}

/// The last observation after some steps from a state.
fn after(id: &str, shift: &str, state: &[f64], choice: f32, steps: usize) -> Vec<f64> {
    let mut env = env(id, shift);
    let mut obs = vec![0.0; env.spec().obs_dim];
    env.set_state(state, &mut obs).unwrap();
    for _ in 0..steps {
        env.step(&[choice], &mut obs).unwrap();
    }
    obs
}

#[test]
fn gear_scales_the_push_of_a_choice() {
    // From rest where gravity does nothing, a speed grows with the force.
    let cart_pole = |shift| after("CartPole-v1", shift, &[0.0; 4], 1.0, 1)[1];
    assert!((cart_pole("gear=0.5") / cart_pole("") - 0.5).abs() < 1e-6);
    // What the engine adds is the difference to coasting.
    let car = |shift, choice| after("MountainCar-v0", shift, &[-0.5, 0.0], choice, 1)[1];
    let engine = |shift| car(shift, 2.0) - car(shift, 1.0);
    assert!((engine("gear=3") / engine("") - 3.0).abs() < 1e-4);
    assert!((engine("mass=2") / engine("") - 0.5).abs() < 1e-4);
    let acrobot = |shift| after("Acrobot-v1", shift, &[0.0; 4], 2.0, 1)[5];
    assert!((acrobot("gear=0.1") / acrobot("") - 0.1).abs() < 1e-2);
    // Twice the torque moves links of twice the mass and inertia alike.
    let both = |shift| after("Acrobot-v1", shift, &[1.0, 0.5, 0.0, 0.0], 2.0, 5);
    for (heavy, plain) in both("gear=2,mass=2").into_iter().zip(both("")) {
        assert!((heavy - plain).abs() < 1e-5, "{heavy} {plain}");
    }
}

#[test]
fn a_heavier_pole_moves_the_cart_more() {
    // Falling to the right with the cart free, the pole throws the cart to the left; the left push
    // and the right push cancel in the mean of the two.
    let mean = |shift| {
        let state = [0.0, 0.0, 0.1, 0.0];
        let speed = |choice| after("CartPole-v1", shift, &state, choice, 1)[1];
        (speed(0.0) + speed(1.0)) / 2.0
    };
    assert!(mean("mass=5") < 2.0 * mean("") && mean("") < 0.0);
}

#[test]
fn mass_reaches_every_body() {
    let mut plain = env("Humanoid-v5", "");
    let mut heavy = env("Humanoid-v5", "mass=1.5");
    let plain = &run(&mut *plain, &[])[0].0;
    let heavy = &run(&mut *heavy, &[])[0].0;
    // 22 positions and 23 velocities, then ten numbers of inertia for each of 13 bodies, the last
    // of which is its mass.
    assert_eq!(plain[..45], heavy[..45]);
    for body in 0..13 {
        for number in 0..10 {
            let at = 45 + 10 * body + number;
            let expected = 1.5 * plain[at];
            assert!((heavy[at] - expected).abs() <= 1e-12 * (1.0 + expected.abs()), "value {at}");
        }
        assert!(plain[45 + 10 * body + 9] > 0.0);
    }
}

/// How far the cheetah's root slides in a second, thrown forward with limp joints.
fn slide(shift: &str) -> f64 {
    let mut cheetah = env("HalfCheetah-v5", shift);
    let mut obs = vec![0.0; 17];
    let mut state = [0.0; 18];
    state[9] = 3.0;
    cheetah.set_state(&state, &mut obs).unwrap();
    // The reward is the forward speed: nothing is paid for no command.
    (0..20).map(|_| cheetah.step(&[0.0; 6], &mut obs).unwrap().reward * 0.05).sum()
}

#[test]
fn less_friction_slides_farther() {
    let (rough, plain, smooth) = (slide("friction=3"), slide(""), slide("friction=0.05"));
    assert!(rough < plain && plain + 0.1 < smooth, "{rough} {plain} {smooth}");
}

#[test]
fn noise_is_on_the_sensors_only() {
    const SIGMA: f64 = 0.05;
    let mut plain = env("Pendulum-v1", "");
    let mut noisy = env("Pendulum-v1", "sensor-noise=0.05");
    let (mut clean, mut blurred) = ([0.0; 3], [0.0; 3]);
    let (mut sum, mut squares, mut count) = (0.0, 0.0, 0.0);
    for seed in 0..50 {
        plain.reset(seed, &mut clean).unwrap();
        noisy.reset(seed, &mut blurred).unwrap();
        for n in 0..200 {
            for (clean, blurred) in clean.iter().zip(&blurred) {
                let noise = blurred - clean;
                sum += noise;
                squares += noise * noise;
                count += 1.0;
            }
            let action = [(n as f32 * 0.1).sin()];
            let reward = plain.step(&action, &mut clean).unwrap().reward;
            assert_eq!(noisy.step(&action, &mut blurred).unwrap().reward, reward);
        }
    }
    // Five standard errors, and the seeds are fixed.
    let n: f64 = count;
    assert!((sum / n).abs() < 5.0 * SIGMA / n.sqrt(), "mean {}", sum / n);
    let deviation = (squares / n).sqrt();
    assert!((deviation / SIGMA - 1.0).abs() < 5.0 / (2.0 * n).sqrt(), "deviation {deviation}");
}

#[test]
fn a_dead_actuator_gets_no_command() {
    for id in continuous_ids() {
        let mut plain = env(id, "");
        let last = plain.spec().action_space.len() - 1;
        let mut broken = env(id, &format!("dead-actuator={last}"));
        let actions = wave(&*plain, 1.0);
        let mut without = actions.clone();
        for action in &mut without {
            action[last] = 0.0;
        }
        let broken_steps = run(&mut *broken, &actions);
        assert_eq!(broken_steps, run(&mut *plain, &without), "{id}");
        assert_ne!(broken_steps, run(&mut *plain, &actions), "{id}");
    }
}

#[test]
fn what_does_not_exist_is_refused() {
    for id in continuous_ids() {
        let actuators = env(id, "").spec().action_space.len();
        let refused = error(id, &format!("dead-actuator={actuators}"));
        assert!(
            matches!(refused, EnvError::DeadActuator { index, count, .. }
                if index == actuators && count == actuators),
            "{refused}"
        );
    }
    for id in DISCRETE {
        let refused = error(id, "dead-actuator=0");
        let what = "dead-actuator";
        assert!(
            matches!(refused, EnvError::NotApplicable { what: found, .. } if found == what),
            "{refused}"
        );
    }
    for id in ["Pendulum-v1", "MountainCarContinuous-v0"].into_iter().chain(DISCRETE) {
        let refused = error(id, "friction=0.5");
        assert!(matches!(refused, EnvError::NotApplicable { what: "friction", .. }), "{refused}");
    }
}

#[test]
fn text_and_back() {
    for text in ["", "gear=0.5", "gear=0.5,mass=1.3,friction=0.7,sensor-noise=0.05,dead-actuator=2"]
    {
        let shift: Shift = text.parse().unwrap();
        assert_eq!(shift.to_string(), text);
        let json = serde_json::to_string(&shift).unwrap();
        assert_eq!(json, format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<Shift>(&json).unwrap(), shift);
    }
    let spaced: Shift = " mass = 1.5 , dead-actuator = 0 ".parse().unwrap();
    assert_eq!(spaced, Shift { mass: 1.5, dead_actuator: Some(0), ..Shift::default() });
    assert!(serde_json::from_str::<Shift>("\"gear=0\"").is_err());
}

#[test]
fn unreadable_text_is_refused() {
    let refused = |text: &str| text.parse::<Shift>().unwrap_err();
    let (of, example) = ("shift", "gear=0.5,mass=1.3");
    let known = "gear, mass, friction, sensor-noise, dead-actuator";
    assert_eq!(refused("gear"), SettingError::Syntax { of, part: "gear".into(), example });
    assert_eq!(refused("grear=2"), SettingError::Key { of, key: "grear".into(), known });
    assert_eq!(refused("gear=2,gear=3"), SettingError::Twice { of, key: "gear".into() });
    for text in [
        "gear=0",
        "gear=-1",
        "mass=NaN",
        "mass=inf",
        "friction=1e9",
        "gear=",
        "sensor-noise=-0.1",
        "sensor-noise=inf",
        "dead-actuator=-1",
        "dead-actuator=1.5",
    ] {
        let error = refused(text);
        assert!(matches!(error, SettingError::Value { .. }), "{text}: {error}");
        assert!(error.to_string().contains(text), "{error}");
    }
}
