"""A driver for `lacewing-edge`: JSON lines on standard input and output, Gymnasium as the robot.

    pip install gymnasium
    lacewing-edge finetune policy.lace --out tuned.lace --env-command 'python gymnasium_driver.py Pendulum-v1'

Write your robot's driver in its place: announce yourself, then answer every request by one line.
Standard output is for answers only; log to standard error. Where a line may be lost or come twice, as on a serial
cable, add `"request": N` to each answer, N being how many requests have come so far.
"""

import argparse
import json
import sys
import time

import gymnasium


def say(answer):
    """Writes one line at once: the other side waits for it."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def announcement(env):
    """What the robot is: lengths, limits, and how long an episode lasts at the most."""
    spec = {"id": env.spec.id, "obs_dim": env.observation_space.shape[0]}
    if isinstance(env.action_space, gymnasium.spaces.Discrete):
        spec["actions"] = int(env.action_space.n)
    else:
        spec["act_low"] = env.action_space.low.tolist()
        spec["act_high"] = env.action_space.high.tolist()
    if env.spec.max_episode_steps:
        spec["max_episode_steps"] = env.spec.max_episode_steps
    return {"spec": spec}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("env", help="name of a Gymnasium environment, such as Pendulum-v1")
    parser.add_argument("--period", type=float, default=0.0, help="seconds of a control step, as a robot has them")
    options = parser.parse_args()

    env = gymnasium.make(options.env)
    discrete = isinstance(env.action_space, gymnasium.spaces.Discrete)
    say(announcement(env))
    for line in sys.stdin:
        came = time.monotonic()
        request = json.loads(line)
        if "reset" in request:
            # Gymnasium takes seeds of 32 bits or more, but no negative ones.
            observation, _ = env.reset(seed=request["reset"])
            say({"obs": observation.tolist()})
            continue
        action = request["action"]
        action = int(action[0]) if discrete else env.action_space.dtype.type(action)
        observation, reward, terminated, truncated, _ = env.step(action)
        time.sleep(max(0.0, options.period - (time.monotonic() - came)))
        say(
            {
                "obs": observation.tolist(),
                "reward": float(reward),
                "terminated": bool(terminated),
                "truncated": bool(truncated),
            }
        )


if __name__ == "__main__":
    main()
