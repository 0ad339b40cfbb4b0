//! Every algorithm learns its task with 90 % of the links pruned, by SET; and without a gradient none does.

use std::path::Path;
use std::process::Command;

use lacewing_tests::program::lacewing;
use lacewing_tests::runs::{succeed, train};

/// A task that a short run solves, with the settings of that run.
struct Task {
    steps: u32,
    arguments: &'static [&'static str],
    /// The setting that makes its optimiser stand still.
    standstill: &'static str,
    /// Mean return, over 20 episodes, that its best policy must reach.
    wanted: f64,
}

const CART_POLE_BY_DQN: Task = Task {
    steps: 25_000,
    arguments: &[
        "CartPole-v1",
        "--hidden=128,128",
        "--set=dqn.batch=64",
        "--set=dqn.target-every=200",
        "--set=dqn.double=true",
        "--set=dqn.loss=\"huber\"",
        "--set=dqn.epsilon-steps=3000",
        "--set=evaluate-every=500",
    ],
    standstill: "--set=dqn.learning-rate=1e-30",
    wanted: 475.0,
};

const CART_POLE_BY_PPO: Task = Task {
    steps: 40_000,
    arguments: &[
        "CartPole-v1",
        "--algorithm=ppo",
        "--hidden=64,64",
        "--set=ppo.learning-rate=1e-3",
        "--set=evaluate-every=2000",
    ],
    standstill: "--set=ppo.learning-rate=1e-30",
    wanted: 475.0,
};

const ACROBOT_BY_DQN: Task = Task {
    steps: 20_000,
    arguments: &[
        "Acrobot-v1",
        "--hidden=128,128",
        "--set=dqn.batch=64",
        "--set=dqn.double=true",
        "--set=dqn.loss=\"huber\"",
        "--set=dqn.epsilon-steps=3000",
        "--set=evaluate-every=500",
    ],
    standstill: "--set=dqn.learning-rate=1e-30",
    wanted: -100.0,
};

/// Of TD3 `quick_learning` asks the same.
const PENDULUM_BY_SAC: Task = Task {
    steps: 9_000,
    arguments: &["Pendulum-v1", "--algorithm=sac", "--hidden=128,128", "--set=sac.batch=64"],
    standstill: "--set=sac.learning-rate=1e-30",
    wanted: -200.0,
};

/// Of so many seeds one must get there: what is short enough for a test sometimes ends too early.
const SEEDS: std::ops::RangeInclusive<u32> = 1..=3;

impl Task {
    /// The mean return of a run's best policy, on episodes that the run has not seen.
    fn reach(&self, seed: u32, steps: u32, more: &[&str]) -> f64 {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        let (seed, steps) = (format!("--seed={seed}"), format!("--steps={steps}"));
        let common = ["--sparsity=0.9", "--method=set", &seed, &steps];
        succeed(&mut train(&[self.arguments, &common, more].concat(), &run));
        evaluate(&run.join("best.lace"))
    }

    fn check(&self) {
        let mut reached = Vec::new();
        let solved = SEEDS.into_iter().any(|seed| {
            reached.push(self.reach(seed, self.steps, &[]));
            reached.last().is_some_and(|&earned| earned >= self.wanted)
        });
        assert!(solved, "{} earns {reached:?}", self.arguments[0]);
        // The same without steps of the optimiser, as if gradients were zero.
        let still = self.reach(1, self.steps / 4, &[self.standstill]);
        assert!(still < self.wanted, "{} earns {still} without learning", self.arguments[0]);
    }
}

fn evaluate(policy: &Path) -> f64 {
    let mut command = Command::new(lacewing());
    command.arg("eval").arg(policy).args(["--episodes=20", "--seed=99", "--json"]);
    let output = succeed(&mut command);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    json["mean"].as_f64().unwrap()
}

#[test]
fn dqn_balances_the_pole() {
    CART_POLE_BY_DQN.check();
}

#[test]
fn ppo_balances_the_pole() {
    CART_POLE_BY_PPO.check();
}

#[test]
fn dqn_swings_the_acrobot_up() {
    ACROBOT_BY_DQN.check();
}

#[test]
fn sac_swings_the_pendulum_up() {
    PENDULUM_BY_SAC.check();
}
