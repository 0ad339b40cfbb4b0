//! What wraps put around an environment: a time limit, fake features, a permutation.

mod env_common;

use env_common::env;
use lacewing::env::{Env, EnvError, SettingError, Shift, Wrap, make_wrapped};

fn wrapped(id: &str, wrap: &str) -> Box<dyn Env> {
    env(id, "");
    make_wrapped(id, &Shift::default(), &wrap.parse().unwrap()).unwrap()
}

/// The observations of an episode of at most 50 steps.
fn observations(env: &mut dyn Env, seed: u64) -> Vec<Vec<f64>> {
    let mut obs = vec![0.0; env.spec().obs_dim];
    env.reset(seed, &mut obs).unwrap();
    let mut all = vec![obs.clone()];
    for n in 0..50 {
        let action = vec![(n / 10 % 2) as f32; env.spec().action_space.len()];
        let step = env.step(&action, &mut obs).unwrap();
        all.push(obs.clone());
        if step.terminated || step.truncated {
            break;
        }
    }
    all
}

#[test]
fn no_wrap_changes_nothing() {
    let (mut plain, mut bare) = (env("CartPole-v1", ""), wrapped("CartPole-v1", ""));
    assert_eq!(bare.spec(), plain.spec());
    assert_eq!(observations(&mut *bare, 1), observations(&mut *plain, 1));
}

#[test]
fn a_time_limit_truncates_earlier() {
    let mut env = wrapped("Pendulum-v1", "time-limit=7");
    assert_eq!(env.spec().max_episode_steps, 7);
    let mut obs = [0.0; 3];
    assert!(matches!(env.step(&[0.0], &mut obs), Err(EnvError::NeedsReset)));
    for start in 0..3 {
        match start {
            0 => env.set_state(&[1.0, 0.0], &mut obs).unwrap(),
            seed => env.reset(seed, &mut obs).unwrap(),
        }
        for n in 1..=7 {
            let step = env.step(&[0.0], &mut obs).unwrap();
            assert_eq!((step.terminated, step.truncated), (false, n == 7), "step {n}");
        }
        assert!(matches!(env.step(&[0.0], &mut obs), Err(EnvError::NeedsReset)));
    }
}

#[test]
fn the_environments_own_end_stays() {
    let mut env = wrapped("CartPole-v1", "time-limit=300");
    let mut obs = [0.0; 4];
    env.reset(1, &mut obs).unwrap();
    let mut steps = (1..).map(|n| (n, env.step(&[1.0], &mut obs).unwrap()));
    let (n, last) = steps.find(|(_, step)| step.terminated || step.truncated).unwrap();
    assert!(n < 20 && last.terminated && !last.truncated, "{n} {last:?}");
    drop(steps);
    assert!(matches!(env.step(&[1.0], &mut obs), Err(EnvError::NeedsReset)));
    let longer = "time-limit=501".parse().unwrap();
    let error = make_wrapped("CartPole-v1", &Shift::default(), &longer).err().unwrap();
    assert!(matches!(error, EnvError::TimeLimit { own: 500, .. }), "{error}");
}

#[test]
fn fakes_fill_their_fraction() {
    for (id, fraction, expected) in [
        ("Pendulum-v1", "0", 3),
        ("Pendulum-v1", "0.5", 6),
        ("Pendulum-v1", "0.1", 4),
        ("CartPole-v1", "0.95", 80),
        ("HalfCheetah-v5", "0.9", 170),
        ("Humanoid-v5", "0.98", 17_400),
    ] {
        let env = wrapped(id, &format!("noise-features={fraction}"));
        assert_eq!(env.spec().obs_dim, expected, "{id} {fraction}");
    }
}

#[test]
fn fakes_are_standard_normal_behind_the_real_features() {
    let mut plain = env("Pendulum-v1", "");
    let mut noisy = wrapped("Pendulum-v1", "noise-features=0.9");
    let (mut sum, mut squares, mut start_products, mut n, mut starts) = (0.0, 0.0, 0.0, 0.0, 0.0);
    let mut seen = Vec::new();
    for seed in 0..200 {
        let (real, all) = (observations(&mut *plain, seed), observations(&mut *noisy, seed));
        assert_eq!(real.len(), all.len());
        for (real, all) in real.iter().zip(&all) {
            assert_eq!(real[..], all[..3]);
            for fake in &all[3..] {
                sum += fake;
                squares += fake * fake;
                n += 1.0;
            }
            seen.push(all[3]);
        }
        // The first fake tells nothing of the state that the same seed drew.
        start_products += all[0][2] * all[0][3];
        starts += 1.0;
    }
    let n: f64 = n;
    let starts: f64 = starts;
    // Five standard errors, and the seeds are fixed; the start's speed is uniform on ±1.
    assert!((sum / n).abs() < 5.0 / n.sqrt(), "mean {}", sum / n);
    assert!((squares / n - 1.0).abs() < 5.0 * (2.0 / n).sqrt(), "variance {}", squares / n);
    let bound = 5.0 * (1.0 / 3.0 / starts).sqrt();
    assert!((start_products / starts).abs() < bound, "{}", start_products / starts);
    seen.sort_by(f64::total_cmp);
    seen.dedup();
    assert_eq!(seen.len(), 200 * 51, "each observation has fakes of its own");
}

#[test]
fn a_permutation_shows_every_feature_once_and_stays() {
    let mut plain = wrapped("HalfCheetah-v5", "noise-features=0.5");
    let mut mixed = wrapped("HalfCheetah-v5", "noise-features=0.5,permute=3");
    let (before, after) = (observations(&mut *plain, 4), observations(&mut *mixed, 4));
    let order: Vec<usize> = after[0]
        .iter()
        .map(|value| before[0].iter().position(|other| other == value).unwrap())
        .collect();
    let mut sorted = order.clone();
    sorted.sort_unstable();
    assert!(sorted.into_iter().eq(0..34));
    assert!(!order.iter().copied().eq(0..34));
    for (before, after) in before.iter().zip(&after) {
        let permuted: Vec<f64> = order.iter().map(|&feature| before[feature]).collect();
        assert_eq!(permuted, *after);
    }
    let mut other = wrapped("HalfCheetah-v5", "noise-features=0.5,permute=4");
    assert_ne!(observations(&mut *other, 4)[0], after[0]);
}

#[test]
fn the_seed_decides_the_whole_episode() {
    let wrap = "time-limit=30,noise-features=0.8,permute=1";
    let mut env = wrapped("Acrobot-v1", wrap);
    let first = observations(&mut *env, 5);
    assert_eq!(first.len(), 31);
    assert_ne!(observations(&mut *env, 6), first);
    assert_eq!(observations(&mut *env, 5), first);
    assert_eq!(observations(&mut *wrapped("Acrobot-v1", wrap), 5), first);
}

#[test]
fn misuse_is_an_error_and_changes_nothing() {
    let wrap = "noise-features=0.5";
    let (mut env, mut twin) = (wrapped("CartPole-v1", wrap), wrapped("CartPole-v1", wrap));
    let (mut obs, mut expected) = ([0.0; 8], [0.0; 8]);
    env.reset(1, &mut obs).unwrap();
    twin.reset(1, &mut expected).unwrap();
    let mut short = [0.0; 4];
    assert!(matches!(env.reset(2, &mut short), Err(EnvError::ObsLength { expected: 8, .. })));
    assert!(matches!(env.step(&[1.0], &mut short), Err(EnvError::ObsLength { expected: 8, .. })));
    assert!(matches!(env.set_state(&[0.0; 4], &mut short), Err(EnvError::ObsLength { .. })));
    assert!(matches!(env.set_state(&[0.0; 3], &mut obs), Err(EnvError::StateLength { .. })));
    assert!(matches!(env.step(&[2.0], &mut obs), Err(EnvError::Choice { .. })));
    assert_eq!(obs, expected);
    assert_eq!(env.step(&[1.0], &mut obs).unwrap(), twin.step(&[1.0], &mut expected).unwrap());
    assert_eq!(obs, expected);
}

#[test]
fn text_and_back() {
    for text in ["", "permute=3", "time-limit=200,noise-features=0.9,permute=18446744073709551615"]
    {
        let wrap: Wrap = text.parse().unwrap();
        assert_eq!(wrap.to_string(), text);
        let json = serde_json::to_string(&wrap).unwrap();
        assert_eq!(json, format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<Wrap>(&json).unwrap(), wrap);
    }
    let spaced: Wrap = " permute = 1 , time-limit = 5 ".parse().unwrap();
    assert_eq!(spaced, Wrap { permute: Some(1), time_limit: Some(5), ..Wrap::default() });
}

#[test]
fn unreadable_text_is_refused() {
    let refused = |text: &str| text.parse::<Wrap>().unwrap_err();
    let message = refused("permutate=1").to_string();
    let told = "unknown wrap `permutate`; did you mean `permute`? known: time-limit, noise-features, \
                permute";
    assert_eq!(message, told);
    assert!(matches!(refused("permute"), SettingError::Syntax { of: "wrap", .. }));
    assert!(matches!(refused("permute=1,permute=1"), SettingError::Twice { .. }));
    for text in [
        "time-limit=0",
        "time-limit=1.5",
        "time-limit=-3",
        "noise-features=1",
        "noise-features=-0.1",
        "noise-features=NaN",
        "noise-features=inf",
        "permute=-1",
        "permute=x",
    ] {
        let error = refused(text);
        assert!(matches!(error, SettingError::Value { .. }), "{text}: {error}");
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[test]
fn real_features_are_told_wherever_they_are() {
    for (wrap, fakes) in [("noise-features=0.5", 3), ("noise-features=0.5,permute=3", 3)] {
        let wrap: Wrap = wrap.parse().unwrap();
        let mut env = make_wrapped("Pendulum-v1", &Shift::default(), &wrap).unwrap();
        let real = wrap.real_features(6).unwrap();
        assert_eq!(real.iter().filter(|real| !**real).count(), fakes);
        // From the same state only what is fake differs.
        let mut seen = [[0.0; 6]; 2];
        for (seed, seen) in seen.iter_mut().enumerate() {
            env.reset(seed as u64, seen).unwrap();
            env.set_state(&[0.3, -0.2], seen).unwrap();
        }
        let same: Vec<_> = seen[0].iter().zip(&seen[1]).map(|(one, other)| one == other).collect();
        assert_eq!(same, real, "{wrap}");
    }
    assert_eq!(Wrap::default().real_features(6), None);
}
