"""What a learner in Python must do, run by python.sh: learn, go on from what it saved, tell what is wrong."""

import re
import sys

import numpy

import lacewing

path, tuned, told = sys.argv[1:]
frozen, best = (float(re.search(f"{word}: ([-0-9.]+)", open(told).read())[1]) for word in ("frozen", "best"))
assert best > frozen + 50, (frozen, best)

before, after = (lacewing.Policy(file).inspect() for file in (path, tuned))
assert after["steps"] > before["steps"] and after["links"] == before["links"], (before, after)
learner = lacewing.Learner(tuned, warm_up=10, replay=200, replay_values="f16", lean=True)
small, large = (sum(it.memory().values()) for it in (learner, lacewing.Learner(tuned, replay=200)))
assert small < large / 2, (small, large)


def refused(word, call, error=ValueError):
    try:
        call()
    except error as raised:
        assert word in str(raised), raised
        return
    raise AssertionError(f"no {error.__name__} with {word!r}")


refused("reset", learner.act)
observation = numpy.array([1, 0, 0], numpy.float32)
refused("3", lambda: learner.reset(observation[:2].copy()))
learner.reset(observation)
refused("act before learn", lambda: learner.learn(observation, 0.0, False, False))
updates, losses = learner.updates, None
for step in range(40):
    action = learner.act()
    assert action.shape == (1,) and abs(action[0]) <= 2, action
    losses = learner.learn(observation, -1.0, False, step % 20 == 19)
    if step % 20 == 19:
        refused("reset", learner.act)
        learner.reset(observation)
assert (learner.steps, learner.updates - updates, learner.rejected) == (40, 30, 0), learner.updates
assert losses["critic_loss"] > 0, losses
learner.act()
refused("NaN", lambda: learner.learn(observation, float("nan"), False, False))
learner.act()
nan = numpy.array([numpy.nan, 0, 0], numpy.float32)
refused("sensor", lambda: learner.learn(nan, 0.0, False, False))
refused("teacher", lambda: (learner.act(), learner.learn(observation, 0.0, False, False, observation[:1])))
refused("imitate", lambda: lacewing.Learner(tuned, adapt="everything"))
refused("nowhere", lambda: lacewing.Learner("/nowhere/policy.lace"), OSError)
refused("nowhere", lambda: learner.save("/nowhere/policy.lace"), OSError)

pupil = lacewing.Learner(tuned, adapt="imitate", warm_up=0)
pupil.reset(observation)
distances = []
for _ in range(400):
    pupil.act()
    figures = pupil.learn(observation, 0.0, False, False, numpy.array([1.5], numpy.float32))
    distances += [figures["actor_loss"]] if figures["actor_loss"] is not None else []
assert distances[-1] < 0.1 * distances[0], (distances[0], distances[-1])
assert abs(pupil.act(explore=False)[0] - 1.5) < 0.2
print(f"a learner in Python: frozen {frozen}, tuned {best}; {small} bytes lean, {large} else")
