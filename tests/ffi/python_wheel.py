"""What the wheel must do, run by python.sh: acts as lacewing-edge does, tells what is wrong."""

import json
import subprocess
import sys
from pathlib import Path

import numpy

import lacewing

path, edge = sys.argv[1:]
policy = lacewing.Policy(path)
assert (policy.observations, policy.actions, policy.discrete) == (17, 6, False), policy
assert policy.period == 0.05
assert "90.0 % sparse" in repr(policy)

rng = numpy.random.default_rng(1)
observations = rng.normal(0, 1.5, (500, 17)).astype(numpy.float32)
lines = "\n".join(json.dumps([float(x) for x in row]) for row in observations) + "\n"
answers = subprocess.run([edge, "act", path], input=lines, capture_output=True, text=True, check=True).stdout
expected = numpy.array([json.loads(line) for line in answers.splitlines()], dtype=numpy.float32)
assert expected.shape == (500, 6)
single = numpy.array([policy.act(row) for row in observations])
assert (single == expected).all(), "other actions than lacewing-edge's"
assert (policy.act(observations) == expected).all(), "a batch acts otherwise"
out = numpy.empty(6, numpy.float32)
assert policy.act(observations[3], out) is out and (out == expected[3]).all()
batch = numpy.empty((500, 6), numpy.float32)
assert policy.act(observations, out=batch) is batch and (batch == expected).all()
assert (lacewing.Policy.from_bytes(Path(path).read_bytes()).act(observations[0]) == expected[0]).all()


def refused(error, word, call):
    try:
        call()
    except error as raised:
        assert word in str(raised), raised
        return
    raise AssertionError(f"no {error.__name__} with {word!r}")


refused(TypeError, "float32", lambda: policy.act(observations[0].astype(numpy.float64)))
refused(TypeError, "float32", lambda: policy.act([0.0] * 17))
refused(ValueError, "17 numbers", lambda: policy.act(observations[0][:16]))
refused(ValueError, "contiguous", lambda: policy.act(numpy.asfortranarray(observations)))
refused(ValueError, "dimension", lambda: policy.act(observations.reshape(1, 500, 17)))
refused(ValueError, "out must be", lambda: policy.act(observations[0], numpy.empty(7, numpy.float32)))
refused(ValueError, "out must be", lambda: policy.act(observations[0], numpy.empty(6)))
refused(ValueError, "out must be", lambda: policy.act(observations, numpy.asfortranarray(batch)))
frozen = numpy.empty(6, numpy.float32)
frozen.flags.writeable = False
refused(ValueError, "out must be", lambda: policy.act(observations[0], frozen))
nan = observations[0].copy()
nan[4] = numpy.nan
refused(ValueError, "4", lambda: policy.act(nan))
refused(OSError, "nowhere", lambda: lacewing.Policy("/nowhere/policy.lace"))
damaged = bytearray(Path(path).read_bytes())
damaged[5000] ^= 1
refused(ValueError, "", lambda: lacewing.Policy.from_bytes(bytes(damaged)))

told = policy.inspect()
assert told["links"] == 7143 and len(told["layers"]) == 3 and told["environment"] == "HalfCheetah-v5", told
print("500 actions as lacewing-edge's, to the bit")
