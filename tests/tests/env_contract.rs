//! What every environment promises: seeds, time limits, and an error for each misuse; and the
//! protocol that serves one to another process.

mod env_common;

use env_common::env;
use lacewing::env::serve::serve;
use lacewing::env::{ActionSpace, Env, EnvError, Shift, ids, make};
use serde_json::{Value, json};
use std::time::Duration;

fn first(env: &mut dyn Env, seed: u64) -> Vec<f64> {
    let mut obs = vec![0.0; env.spec().obs_dim];
    env.reset(seed, &mut obs).unwrap();
    obs
}

#[test]
fn names_and_units_are_as_many_as_the_numbers() {
    for id in ids() {
        let env = env(id, "");
        let (spec, signals) = (env.spec(), &env.spec().signals);
        for said in [&signals.obs_names, &signals.obs_units].into_iter().flatten() {
            assert_eq!(said.len(), spec.obs_dim, "{id}");
        }
        for said in [&signals.act_names, &signals.act_units].into_iter().flatten() {
            assert_eq!(said.len(), spec.action_space.outputs(), "{id}");
        }
    }
    // What is shown elsewhere is named there, and fake features are not.
    let plain = make("Hopper-v5", &Shift::default()).unwrap();
    let wrapped = make("Hopper-v5[noise-features=0.5,permute=3]", &Shift::default()).unwrap();
    let names = |env: &dyn Env| env.spec().signals.obs_names.clone().unwrap();
    let (plain, wrapped) = (names(&*plain), names(&*wrapped));
    assert_eq!(
        (plain[0].as_str(), plain[4].as_str(), plain[5].as_str()),
        ("rootz", "foot", "rootx velocity")
    );
    assert_eq!((plain.len(), wrapped.len()), (11, 22));
    let mut shown: Vec<_> = wrapped.iter().filter(|name| !name.is_empty()).collect();
    assert_ne!(shown, plain.iter().collect::<Vec<_>>());
    shown.sort();
    let mut all: Vec<_> = plain.iter().collect();
    all.sort();
    assert_eq!(shown, all);
}

#[test]
fn seeds_decide_the_start() {
    for id in ids() {
        let mut env = env(id, "");
        let starts: Vec<_> = (0..20).map(|seed| first(&mut *env, seed)).collect();
        for seed in 0..20 {
            assert_eq!(first(&mut *env, seed), starts[seed as usize], "{id}");
            assert!(!starts[..seed as usize].contains(&starts[seed as usize]), "{id}");
        }
    }
}

#[test]
fn starts_have_gymnasiums_spread() {
    // (environment, observed value, mean, standard deviation): uniform on ±b has b/√3.
    let uniform = |bound: f64| bound / 3.0_f64.sqrt();
    for (id, at, mean, deviation) in [
        ("Pendulum-v1", 2, 0.0, uniform(1.0)),
        ("CartPole-v1", 0, 0.0, uniform(0.05)),
        ("CartPole-v1", 3, 0.0, uniform(0.05)),
        ("Acrobot-v1", 1, 0.0, uniform(0.1)),
        ("Acrobot-v1", 5, 0.0, uniform(0.1)),
        ("MountainCar-v0", 0, -0.5, uniform(0.1)),
        ("MountainCarContinuous-v0", 0, -0.5, uniform(0.1)),
        ("HalfCheetah-v5", 2, 0.0, uniform(0.1)),
        ("HalfCheetah-v5", 10, 0.0, 0.1),
        ("Hopper-v5", 0, 1.25, uniform(5e-3)),
        ("Hopper-v5", 7, 0.0, uniform(5e-3)),
        ("Walker2d-v5", 0, 1.25, uniform(5e-3)),
        ("Walker2d-v5", 12, 0.0, uniform(5e-3)),
        ("Ant-v5", 0, 0.75, uniform(0.1)),
        ("Ant-v5", 20, 0.0, 0.1),
        ("Humanoid-v5", 0, 1.4, uniform(1e-2)),
        ("Humanoid-v5", 30, 0.0, uniform(1e-2)),
    ] {
        const N: u64 = 1000;
        let mut env = env(id, "");
        let values: Vec<f64> = (0..N).map(|seed| first(&mut *env, seed)[at]).collect();
        let n = N as f64;
        let found = values.iter().sum::<f64>() / n;
        let spread = (values.iter().map(|x| (x - found).powi(2)).sum::<f64>() / n).sqrt();
        // The seeds are fixed: five standard errors of the mean, and of a normal's deviation.
        assert!((found - mean).abs() < 5.0 * deviation / n.sqrt(), "{id}[{at}]: mean {found}");
        assert!((spread / deviation - 1.0).abs() < 5.0 / (2.0 * n).sqrt(), "{id}[{at}]: {spread}");
    }
}

#[test]
fn the_time_limit_truncates() {
    for (id, still) in [
        ("Pendulum-v1", 0.0),
        ("Acrobot-v1", 1.0),
        ("MountainCar-v0", 1.0),
        ("MountainCarContinuous-v0", 0.0),
        ("HalfCheetah-v5", 0.0),
    ] {
        let mut env = env(id, "");
        let mut obs = first(&mut *env, 1);
        let still = vec![still; env.spec().action_space.len()];
        let limit = env.spec().max_episode_steps;
        for n in 1..=limit {
            let step = env.step(&still, &mut obs).unwrap();
            assert!(!step.terminated, "{id} step {n}");
            assert_eq!(step.truncated, n == limit, "{id} step {n}");
        }
        assert!(matches!(env.step(&still, &mut obs), Err(EnvError::NeedsReset)), "{id}");
        env.reset(2, &mut obs).unwrap();
        env.step(&still, &mut obs).unwrap();
    }
}

#[test]
fn misuse_is_an_error_and_changes_nothing() {
    for id in ids() {
        let mut env = env(id, "");
        let (actions, room) = (env.spec().action_space.len(), env.spec().obs_dim);
        let (value, off) = match env.spec().action_space {
            ActionSpace::Box { .. } => (0.1, None),
            ActionSpace::Discrete { n } => (1.0, Some([-1.0, 0.5, n as f32])),
        };
        let action = vec![value; actions];
        let mut obs = vec![0.0; room];
        assert!(matches!(env.step(&action, &mut obs), Err(EnvError::NeedsReset)), "{id}");

        let mut twin = make(id, &Shift::default()).unwrap();
        let mut expected = first(&mut *twin, 5);
        env.reset(5, &mut obs).unwrap();
        let mut short = vec![0.0; room - 1];
        let long_action = vec![value; actions + 1];
        assert!(matches!(env.step(&action, &mut short), Err(EnvError::ObsLength { .. })), "{id}");
        assert!(matches!(env.step(&[], &mut obs), Err(EnvError::ActionLength { .. })), "{id}");
        let error = env.step(&long_action, &mut obs);
        assert!(matches!(error, Err(EnvError::ActionLength { .. })), "{id}");
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut action = action.clone();
            action[actions - 1] = bad;
            let error = env.step(&action, &mut obs);
            assert!(matches!(error, Err(EnvError::NonFinite { what: "action", .. })), "{id}");
        }
        for off in off.into_iter().flatten() {
            let error = env.step(&[off], &mut obs).unwrap_err();
            assert!(matches!(error, EnvError::Choice { value, .. } if value == off), "{id}");
            assert!(error.to_string().contains("whole number from 0 to"), "{error}");
        }
        assert!(matches!(env.reset(1, &mut short), Err(EnvError::ObsLength { .. })), "{id}");
        assert!(matches!(env.set_state(&[1.0], &mut obs), Err(EnvError::StateLength { .. })));
        assert_eq!(obs, expected, "{id}");
        assert_eq!(
            env.step(&action, &mut obs).unwrap(),
            twin.step(&action, &mut expected).unwrap(),
            "{id}"
        );
        assert_eq!(obs, expected, "{id}");
    }
}

#[test]
fn a_state_must_be_finite() {
    let mut obs = [0.0; 3];
    let error = env("Pendulum-v1", "").set_state(&[0.0, f64::NAN], &mut obs);
    assert!(matches!(error, Err(EnvError::NonFinite { what: "state", index: 1, .. })));
}

#[test]
fn an_angle_of_many_turns_ends_a_step() {
    let mut env = env("Acrobot-v1", "");
    let mut obs = [0.0; 6];
    env.set_state(&[1e300, -1e300, 0.0, 0.0], &mut obs).unwrap();
    env.step(&[0.0], &mut obs).unwrap();
    assert!(obs[..4].iter().all(|value| value.abs() <= 1.0), "{obs:?}");
}

#[test]
fn a_discrete_action_is_one_number_and_a_policy_has_an_output_a_choice() {
    let env = env("CartPole-v1", "");
    assert_eq!((env.spec().action_space.len(), env.spec().action_space.outputs()), (1, 2));
}

#[test]
fn an_unknown_name_gets_the_closest() {
    for (id, expected) in [
        ("halfcheetah", "HalfCheetah-v5"),
        ("Pendulum-v0", "Pendulum-v1"),
        ("Walker-v5", "Walker2d-v5"),
        ("MountainCar-v1", "MountainCar-v0"),
        ("MountainCarContinuous-v1", "MountainCarContinuous-v0"),
        ("cartpole", "CartPole-v1"),
    ] {
        let error = make(id, &Shift::default()).err().unwrap();
        let message = error.to_string();
        assert!(matches!(error, EnvError::Unknown { closest, .. } if closest == Some(expected)));
        assert!(ids().all(|known| message.contains(known)), "{message}");
    }
    for far in ["", "xyz"] {
        let error = make(far, &Shift::default()).err().unwrap();
        assert!(matches!(error, EnvError::Unknown { closest: None, .. }), "{error}");
    }
}

#[test]
fn a_simulation_that_blows_up_ends_its_episode() {
    let mut env = env("HalfCheetah-v5", "");
    let mut obs = [0.0; 17];
    let mut state = [0.0; 18];
    state[9..].fill(1e9);
    env.set_state(&state, &mut obs).unwrap();
    let step = env.step(&[1.0; 6], &mut obs).unwrap();
    assert!(step.terminated && step.reward == 0.0, "{step:?}");
    assert!(obs.iter().all(|value| value.is_finite()));
    env.reset(1, &mut obs).unwrap();
    assert!(!env.step(&[1.0; 6], &mut obs).unwrap().terminated);
}

/// Serves a Pendulum to `input` and returns the lines of its output.
fn served(input: &[u8]) -> Vec<Value> {
    serve_to("Pendulum-v1", input)
}

fn serve_to(id: &str, input: &[u8]) -> Vec<Value> {
    let mut output = Vec::new();
    serve(&mut *env(id, ""), Duration::ZERO, input, &mut output).unwrap();
    let text = String::from_utf8(output).unwrap();
    assert!(text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn serving_speaks_first() {
    let spec = json!({
        "id": "Pendulum-v1", "obs_dim": 3, "act_low": [-2.0], "act_high": [2.0],
        "max_episode_steps": 200, "control_period_s": 0.05,
        "obs_names": ["cos(angle)", "sin(angle)", "angular velocity"], "obs_units": ["", "", "rad/s"],
        "act_names": ["torque"], "act_units": ["N m"],
    });
    assert_eq!(served(b""), [json!({ "spec": spec })]);
}

#[test]
fn serving_choices() {
    let input = br#"{"reset":9}
        {"action":1}
        {"action":[0]}
        {"action":2}
        {"action":[0.5]}
        {"action":0}"#;
    let lines = serve_to("CartPole-v1", input);
    let spec = json!({
        "id": "CartPole-v1", "obs_dim": 4, "actions": 2,
        "max_episode_steps": 500, "control_period_s": 0.02,
        "obs_names": ["position", "velocity", "angle", "angular velocity"],
        "obs_units": ["m", "m/s", "rad", "rad/s"],
        "act_names": ["push left", "push right"], "act_units": ["", ""],
    });
    assert_eq!(lines[0], json!({ "spec": spec }));
    let mut env = env("CartPole-v1", "");
    let mut obs = first(&mut *env, 9);
    assert_eq!(lines[1], json!({ "obs": obs }));
    for (line, action) in [(2, 1.0), (3, 0.0), (6, 0.0)] {
        env.step(&[action], &mut obs).unwrap();
        let expected =
            json!({ "obs": obs, "reward": 1.0, "terminated": false, "truncated": false });
        assert_eq!(lines[line], expected);
    }
    for line in [4, 5] {
        let error = lines[line]["error"].as_str().unwrap();
        assert!(error.contains("a whole number from 0 to 1"), "{error}");
    }
}

#[test]
fn serving_steps_as_the_environment_does() {
    let mut input = b"{\"reset\":9}\n".to_vec();
    for _ in 0..200 {
        input.extend(b"{\"action\":[0.3]}\n");
    }
    let lines = served(&input);
    let mut env = env("Pendulum-v1", "");
    let mut obs = first(&mut *env, 9);
    assert_eq!(lines[1], json!({ "obs": obs }));
    for (n, line) in lines[2..].iter().enumerate() {
        let step = env.step(&[0.3], &mut obs).unwrap();
        let expected = json!({
            "obs": obs, "reward": step.reward, "terminated": false, "truncated": n == 199,
        });
        assert_eq!(*line, expected);
    }
    assert_eq!(lines.len(), 202);
}

#[test]
fn serving_answers_nonsense_and_goes_on() {
    let nonsense: [&[u8]; 10] = [
        b"",
        b"{",
        b"{\"reset\":-1}",
        b"{\"reset\":1.5}",
        b"{\"jump\":1}",
        b"{\"action\":[1e99]}",
        b"{\"action\":[0.1,0.2]}",
        b"{\"action\":\"left\"}",
        b"\xff\xfe",
        b"[[[[[[",
    ];
    let mut input = b"{\"action\":[0.3]}\n{\"reset\":9}\n".to_vec();
    for line in nonsense {
        input.extend(line);
        input.push(b'\n');
    }
    input.extend(b"{\"action\":[0.3]}");
    let lines = served(&input);
    assert_eq!(lines.len(), nonsense.len() + 4);
    let before_reset = lines[1]["error"].as_str().unwrap();
    assert!(before_reset.contains("call reset"), "{before_reset}");
    for (line, answer) in nonsense.iter().zip(&lines[3..]) {
        assert!(answer["error"].is_string(), "{line:?}: {answer}");
    }
    let clean = served(b"{\"reset\":9}\n{\"action\":[0.3]}\n");
    assert_eq!(lines.last(), clean.last());
}
