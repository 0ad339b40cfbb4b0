"""Fine-tunes a policy file in Gymnasium and keeps the best: python finetune.py policy.lace Pendulum-v1 tuned.lace.

Change the environment to what your robot has become; --gravity does so for Pendulum-v1.
"""

import argparse
from typing import Any

import gymnasium
import numpy

import lacewing


def action_of(numbers: Any, discrete: bool) -> Any:
    return int(numbers[0]) if discrete else numbers


def evaluate(learner: lacewing.Learner, env: Any, discrete: bool, episodes: int = 10) -> float:
    """Mean return without exploration, in episodes that nothing is learned from."""
    total = 0.0
    for seed in range(episodes):
        observation, _ = env.reset(seed=seed)
        ended = False
        while not ended:
            learner.reset(observation.astype(numpy.float32))
            step = env.step(action_of(learner.act(explore=False), discrete))
            observation, total, ended = step[0], total + float(step[1]), step[2] or step[3]
    return total / episodes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("policy")
    parser.add_argument("env")
    parser.add_argument("out")
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--gravity", type=float)
    options = parser.parse_args()

    changed = {} if options.gravity is None else {"g": options.gravity}
    env, judged = (gymnasium.make(options.env, **changed) for _ in range(2))
    discrete = lacewing.Policy(options.policy).discrete
    learner = lacewing.Learner(options.policy)
    best = evaluate(learner, judged, discrete)
    learner.save(options.out)
    print(f"frozen: {best:.1f}; {sum(learner.memory().values())} bytes")
    ended = True
    for step in range(1, options.steps + 1):
        if ended:
            observation, _ = env.reset(seed=1000 + step)
            learner.reset(observation.astype(numpy.float32))
        observation, reward, terminated, truncated, _ = env.step(action_of(learner.act(), discrete))
        learner.learn(observation.astype(numpy.float32), float(reward), terminated, truncated)
        ended = terminated or truncated
        if step % 1000 == 0:
            now = evaluate(learner, judged, discrete)
            print(f"step {step}: {now:.1f}")
            if now > best:
                best = now
                learner.save(options.out)
            ended = True
    print(f"best: {best:.1f}")


if __name__ == "__main__":
    main()
