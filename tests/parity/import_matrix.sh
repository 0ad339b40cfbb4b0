#!/bin/sh
# Imports actors as many exporters spell them and compares 1,000 actions of each with onnxruntime, to
# 1e-5. Needs Python 3 and pip; keeps its packages in target/parity-python. With `torch` PyTorch's own
# exporters too, which takes some GB and minutes.
set -eu
cd "$(dirname "$0")/../.."
venv=${CARGO_TARGET_DIR:-target}/parity-python
if ! [ -x "$venv/bin/pip" ]; then python3 -m venv "$venv"; fi
pip() { "$venv/bin/pip" install --quiet --disable-pip-version-check "$@"; }
pip numpy==2.4.6 onnx==1.23.2 onnxruntime==1.31.1
if [ "${1:-}" = torch ]; then
  pip torch==2.15.0 onnxscript==0.7.2
  export LACEWING_PARITY_TORCH=1
fi
LACEWING_PARITY_PYTHON=$(cd "$venv" && pwd)/bin/python
export LACEWING_PARITY_PYTHON
exec cargo test --workspace --exclude lacewing-burn --features lacewing/onnx,lacewing-tests/onnx --test onnx_matrix -- --ignored --nocapture \
  imports_answer_as_onnxruntime_does
