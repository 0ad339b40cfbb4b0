//! Trajectories against those Gymnasium 1.4.0 recorded (`tests/goldens/record.py`): every
//! observation and reward equal to the last bit.

mod env_common;

use env_common::env;
use lacewing::env::ActionSpace;
use serde_json::Value;

/// The recorder's action generator: xorshift64, the top 24 bits.
struct Actions(u64);

impl Actions {
    fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 40
    }

    /// An action: each value in [-1, 1) times its bound, or one of the choices.
    fn next(&mut self, golden: &Value, obs: &[f64]) -> Vec<f32> {
        if let Some(n) = golden["actions"].as_u64() {
            let lean = golden["lean"] == true;
            let drawn = (self.bits() * if lean { 16 } else { n }) >> 24;
            let choice = if drawn < n { drawn } else { u64::from(obs[2] + obs[3] > 0.0) };
            return vec![choice as f32];
        }
        let unit = |bits: u64| (bits as f64 * 2.0_f64.powi(-23) - 1.0) as f32;
        singles(&golden["bound"]).into_iter().map(|bound| unit(self.bits()) * bound).collect()
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn singles(value: &Value) -> Vec<f32> {
    numbers(value).into_iter().map(|number| number as f32).collect()
}

/// Replays a golden; `steps` is how many it must hold, so that none is skipped unseen.
fn replay(golden: &str, steps: u64) {
    let golden: Value = serde_json::from_str(golden).unwrap();
    let id = golden["id"].as_str().unwrap();
    let mut env = env(id, "");
    let space = match golden["actions"].as_u64() {
        Some(n) => ActionSpace::Discrete { n: n as u32 },
        None => ActionSpace::Box {
            low: singles(&golden["act_low"]),
            high: singles(&golden["act_high"]),
        },
    };
    assert_eq!(env.spec().action_space, space);
    assert_eq!(u64::from(env.spec().max_episode_steps), golden["max_episode_steps"]);

    let mut actions = Actions(golden["action_seed"].as_u64().unwrap());
    let hold = golden["hold"].as_u64().unwrap();
    let mut obs = vec![0.0; env.spec().obs_dim];
    let mut replayed = 0;
    for (which, episode) in golden["episodes"].as_array().unwrap().iter().enumerate() {
        env.set_state(&numbers(&episode["state"]), &mut obs).unwrap();
        assert_eq!(obs, numbers(&episode["first"]), "{id}, episode {which}: after the reset");
        let length = episode["length"].as_u64().unwrap();
        let mut records = episode["steps"].as_array().unwrap().iter().peekable();
        let mut action = Vec::new();
        for n in 1..=length {
            if (n - 1) % hold == 0 {
                action = actions.next(&golden, &obs);
            }
            let step = env.step(&action, &mut obs).unwrap();
            if let Some(record) = records.next_if(|record| record[0] == n) {
                let place = format!("{id}, episode {which}, step {n}");
                assert_eq!(obs, numbers(&record[1]), "{place}: observation");
                assert_eq!(step.reward, record[2].as_f64().unwrap(), "{place}: reward");
            }
            let last = n == length;
            assert_eq!(step.terminated, last && episode["terminated"] == true, "{id} step {n}");
            assert_eq!(step.truncated, last && episode["truncated"] == true, "{id} step {n}");
        }
        assert!(records.next().is_none(), "{id}, episode {which}: records left over");
        replayed += length;
    }
    assert_eq!(replayed, steps);
}

#[test]
fn pendulum() {
    replay(include_str!("../goldens/Pendulum-v1.json"), 10_000);
}

#[test]
fn cart_pole() {
    replay(include_str!("../goldens/CartPole-v1.json"), 10_000);
}

#[test]
fn acrobot() {
    replay(include_str!("../goldens/Acrobot-v1.json"), 15_000);
}

#[test]
fn mountain_car() {
    replay(include_str!("../goldens/MountainCar-v0.json"), 15_000);
}

#[test]
fn continuous_mountain_car() {
    replay(include_str!("../goldens/MountainCarContinuous-v0.json"), 10_000);
}

#[test]
fn half_cheetah() {
    replay(include_str!("../goldens/HalfCheetah-v5.json"), 2000);
}

#[test]
fn hopper() {
    replay(include_str!("../goldens/Hopper-v5.json"), 2000);
}

#[test]
fn walker2d() {
    replay(include_str!("../goldens/Walker2d-v5.json"), 2000);
}

#[test]
fn ant() {
    replay(include_str!("../goldens/Ant-v5.json"), 1000);
}

#[test]
fn humanoid() {
    replay(include_str!("../goldens/Humanoid-v5.json"), 600);
}
