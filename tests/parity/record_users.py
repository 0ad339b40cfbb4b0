"""Records what onnxruntime answers for `fixtures/user_*.onnx`, models as users of RL libraries export them.

    pip install numpy onnxruntime
    python record_users.py
"""

import json
from pathlib import Path

import numpy as np
import onnxruntime

FIXTURES = Path(__file__).parent / "fixtures"
# What the library does after the network: scales [-1, 1] to the limits, or clips to them.
LIMITS = {"user_sac_guide": ([-2.0], [2.0], "scale"), "user_ppo_guide": ([-2.0], [2.0], "clip")}


def main():
    for path in sorted(FIXTURES.glob("user_*.onnx")):
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        (port,) = session.get_inputs()
        double = port.type == "tensor(double)"
        observations = np.random.default_rng(3).normal(0, 1.5, (64, *port.shape[1:]))
        observations = observations.astype(np.float32)
        answer = lambda row: session.run(None, {port.name: row[None].astype(float) if double else row[None]})[0]
        actions = np.concatenate([answer(row) for row in observations])
        low, high, how = LIMITS.get(path.stem, (None, None, None))
        if how == "scale":
            actions = np.float32(low) + (actions + 1) / 2 * (np.float32(high) - np.float32(low))
        if how == "clip":
            actions = np.clip(actions, low, high)
        golden = {"low": low, "high": high, "observations": observations.reshape(64, -1).tolist()}
        golden |= {"actions": np.asarray(actions, np.float32).tolist()}
        path.with_suffix(".json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
