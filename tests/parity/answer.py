"""Answers the observations of each case in a folder with onnxruntime.

A case is `NAME.onnx` and `NAME.obs` (f32, little-endian, row-major); its answers go to `NAME.out`.
Each model is checked against the ONNX schema first, and asked in one batch and one by one.

    python answer.py FOLDER
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime


def main(folder):
    cases = sorted(folder.glob("*.onnx"))
    if not cases:
        sys.exit(f"no case in {folder}")
    for path in cases:
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        assert [entry.version for entry in model.opset_import] <= [17]
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        (obs,), (action,) = session.get_inputs(), session.get_outputs()
        assert (obs.name, obs.shape[0]) == ("obs", "batch"), (obs.name, obs.shape)
        assert (action.name, action.shape[0]) == ("action", "batch"), (action.name, action.shape)
        rows = np.fromfile(path.with_suffix(".obs"), "<f4").reshape(-1, obs.shape[1])
        batch = session.run(None, {"obs": rows})[0]
        # Discrete actions are a vector of indices.
        dtype = np.float32 if action.shape[1:] else np.int64
        assert batch.shape == (len(rows), *action.shape[1:]) and batch.dtype == dtype
        singly = [session.run(None, {"obs": row[None]})[0][0] for row in rows]
        span = np.maximum(1.0, np.abs(batch))
        assert np.max(np.abs(batch - singly) / span) < 1e-5, "batch and single answers differ"
        batch.astype("<f4").tofile(path.with_suffix(".out"))
    print(f"{len(cases)} models answered by onnxruntime {onnxruntime.__version__}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
