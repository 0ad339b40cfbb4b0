"""Records what Gymnasium does, for tests/tests/env_goldens.rs to hold our environments to.

    python3 -m venv /tmp/goldens && . /tmp/goldens/bin/activate
    pip install "gymnasium[mujoco]==1.4.0" mujoco==3.17.0 numpy==2.4.6
    python tests/goldens/record.py        # writes ENVIRONMENT.json beside this file

Each file holds episodes: the state after the reset, and for every `every`-th step (the first and
the last always among them) the observation and the reward. Actions are not stored: both sides draw
them from the same xorshift generator, whose top 24 bits u make a value u / 2^23 - 1 in [-1, 1) for a
continuous action, and the choice u n / 2^24, rounded down, for one of n discrete ones. Every step is held in effect, for an error at one step would
show in all that follow. Floats are written so that they read back exactly.
"""

import json
from pathlib import Path

import gymnasium
import mujoco
import numpy as np

MASK = (1 << 64) - 1


class Actions:
    """xorshift64, the top 24 bits of each number."""

    def __init__(self, seed):
        self.state = seed

    def bits(self):
        x = self.state
        x ^= (x << 13) & MASK
        x ^= x >> 7
        x ^= (x << 17) & MASK
        self.state = x
        return x >> 40

    def next(self):
        """A single-precision value in [-1, 1)."""
        return np.float32(self.bits() * 2.0**-23 - 1.0)

    def choice(self, n):
        return (self.bits() * n) >> 24


def state_of(env):
    if hasattr(env, "data"):
        return np.concatenate([env.data.qpos, env.data.qvel])
    return np.asarray(env.state, dtype=np.float64)


def record(name, steps, every, hold, seed, scale=1.0, lean=False):
    """Continuous actions go up to `scale` times their bound (above 1 the actuators saturate), and
    each action is held for `hold` steps (so that the mountain cars reach their goal). With `lean`
    the choice is drawn from 16, and those that do not exist push to where the pole leans and turns
    (so that it stays up)."""
    env = gymnasium.make(name)
    actions = Actions(seed)
    if isinstance(env.action_space, gymnasium.spaces.Discrete):
        n_choices = int(env.action_space.n)
        space = {"actions": n_choices, "lean": lean}

        def draw(obs):
            drawn = actions.choice(16 if lean else n_choices)
            return drawn if drawn < n_choices else int(float(obs[2]) + float(obs[3]) > 0)

    else:
        bound = env.action_space.high * np.float32(scale)
        space = {
            "bound": bound.tolist(),
            "act_low": env.action_space.low.tolist(),
            "act_high": env.action_space.high.tolist(),
        }

        def draw(obs):
            return np.array([actions.next() for _ in bound], dtype=np.float32) * bound

    episodes, left = [], steps
    while left > 0:
        obs, _ = env.reset(seed=seed + len(episodes))
        episode = {"state": state_of(env.unwrapped).tolist(), "first": obs.tolist(), "steps": []}
        done = False
        n = 0
        while left > 0 and not done:
            if n % hold == 0:
                action = draw(obs)
            obs, reward, terminated, truncated, _ = env.step(action)
            done = bool(terminated or truncated)
            n += 1
            left -= 1
            if n == 1 or n % every == 0 or done or left == 0:
                episode["steps"].append([n, obs.tolist(), float(reward)])
        episode["length"] = n
        episode["terminated"], episode["truncated"] = bool(terminated), bool(truncated)
        episodes.append(episode)
    golden = {
        "id": name,
        "gymnasium": gymnasium.__version__,
        "mujoco": mujoco.__version__,
        "numpy": np.__version__,
        "action_seed": seed,
        "hold": hold,
        **space,
        "max_episode_steps": env.spec.max_episode_steps,
        "episodes": episodes,
    }
    path = Path(__file__).parent / f"{name}.json"
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    print(f"{path.name}: {len(episodes)} episodes, {path.stat().st_size} bytes")


record("Pendulum-v1", steps=10000, every=10, scale=1.25, hold=1, seed=11)
record("MountainCarContinuous-v0", steps=10000, every=10, scale=1.25, hold=30, seed=12)
record("HalfCheetah-v5", steps=2000, every=10, hold=1, seed=13)
record("Hopper-v5", steps=2000, every=10, hold=1, seed=14)
record("Walker2d-v5", steps=2000, every=10, hold=1, seed=15)
record("Ant-v5", steps=1000, every=10, hold=1, seed=16)
record("Humanoid-v5", steps=600, every=20, hold=1, seed=17)
record("CartPole-v1", steps=10000, every=20, hold=1, seed=18, lean=True)
record("Acrobot-v1", steps=15000, every=20, hold=5, seed=19)
record("MountainCar-v0", steps=15000, every=20, hold=30, seed=20)
