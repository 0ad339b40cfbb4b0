"""Records the Stable-Baselines3 fixtures of the import tests, in `fixtures/`.

For each agent: a few hundred steps of training, the actor exported as the Stable-Baselines3 guide
does it (https://stable-baselines3.readthedocs.io/en/master/guide/export.html), and beside it what
`model.predict(deterministic=True)` answers, in the environment's units, to random observations.

    pip install stable-baselines3 onnx onnxscript
    python sb3_export.py
"""

import json
from pathlib import Path

import gymnasium as gym
import numpy as np
import onnx
import torch as th
from stable_baselines3 import PPO, SAC, TD3

FIXTURES = Path(__file__).parent / "fixtures"
SEED = 7


class HalfCheetahShaped(gym.Env):
    """17 observations, 6 actions with unequal limits; enough of an environment to train in."""

    observation_space = gym.spaces.Box(-np.inf, np.inf, (17,), np.float32)
    action_space = gym.spaces.Box(
        np.array([-1, -2, -1, 0, -1, -0.5], np.float32), np.array([1, 2, 3, 1, 1, 0.5], np.float32)
    )

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.np_random.normal(size=17).astype(np.float32), {}

    def step(self, action):
        observation = self.np_random.normal(size=17).astype(np.float32)
        return observation, float(-np.square(action).sum()), False, False, {}


class PpoPolicy(th.nn.Module):
    """Observation to action, value, log-probability: the guide's `OnnxableSB3Policy`."""

    def __init__(self, policy):
        super().__init__()
        self.policy = policy

    def forward(self, observation):
        return self.policy(observation, deterministic=True)


def agent():
    """What the three agents share."""
    kwargs = {"net_arch": [32, 24]}
    return {"policy": "MlpPolicy", "policy_kwargs": kwargs, "seed": SEED, "device": "cpu"}


def export(name, actor, dynamo, outputs):
    path = FIXTURES / f"{name}.onnx"
    th.onnx.export(
        actor.eval(),
        (th.zeros(2, 17),),
        path,
        input_names=["input"],
        output_names=list(outputs),
        dynamo=dynamo,
        **({} if dynamo else {"opset_version": 17, "dynamic_axes": {"input": {0: "batch"}}}),
        **({"dynamic_shapes": ({0: th.export.Dim("batch")},)} if dynamo else {}),
    )
    # The stack traces of the new exporter name files of the recording machine.
    exported = onnx.load(path, load_external_data=False)
    for node in exported.graph.node:
        del node.metadata_props[:]
    onnx.save(exported, path)


def record(name, model, actor, dynamo):
    export(name, actor, dynamo, ("action",))
    observations = np.random.default_rng(SEED).normal(0, 3, (64, 17)).astype(np.float32)
    actions, _ = model.predict(observations, deterministic=True)
    golden = {
        "low": model.action_space.low.tolist(),
        "high": model.action_space.high.tolist(),
        "observations": observations.tolist(),
        "actions": np.asarray(actions, np.float32).tolist(),
    }
    (FIXTURES / f"{name}.json").write_text(json.dumps(golden) + "\n")


def main():
    FIXTURES.mkdir(exist_ok=True)
    th.set_num_threads(1)
    env = HalfCheetahShaped()
    env = gym.wrappers.TimeLimit(env, 100)
    td3 = TD3(env=env, learning_starts=100, **agent())
    td3.learn(300)
    record("sb3_td3", td3, td3.actor, dynamo=False)
    record("sb3_td3_dynamo", td3, td3.actor, dynamo=True)
    sac = SAC(env=env, learning_starts=100, **agent())
    sac.learn(300)
    squashed = th.nn.Sequential(sac.actor.latent_pi, sac.actor.mu, th.nn.Tanh())
    record("sb3_sac", sac, squashed, dynamo=False)
    ppo = PPO(env=env, n_steps=256, **agent())
    ppo.learn(512)
    actor = th.nn.Sequential(ppo.policy.mlp_extractor.policy_net, ppo.policy.action_net)
    record("sb3_ppo", ppo, actor, dynamo=False)
    # Not a chain: the import must say so, by node.
    outputs = ("action", "value", "log_prob")
    export("sb3_ppo_whole", PpoPolicy(ppo.policy), False, outputs)


if __name__ == "__main__":
    main()
