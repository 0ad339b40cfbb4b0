"""Plays a policy file in Gymnasium: pip install gymnasium, then python example.py policy.lace Pendulum-v1."""

import sys

import gymnasium
import numpy

import lacewing


def main(path: str, name: str) -> None:
    policy = lacewing.Policy(path)
    print(policy)
    env = gymnasium.make(name)
    returns = []
    for seed in range(5):
        observation, _ = env.reset(seed=seed)
        policy.reset()
        total, ended = 0.0, False
        while not ended:
            action = policy.act(observation.astype(numpy.float32))
            step = env.step(int(action[0]) if policy.discrete else action)
            observation, total, ended = step[0], total + float(step[1]), step[2] or step[3]
        returns.append(total)
    print(f"return {numpy.mean(returns):.1f} ± {numpy.std(returns):.1f} over {len(returns)} episodes")
    step = policy.measure()["warm"][0]
    print(f"a control step takes {step['p50_ns']} ns")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
