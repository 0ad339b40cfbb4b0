#!/bin/sh
# Holds exported ONNX models to onnxruntime: answers of the policy file and of onnxruntime must
# agree to 1e-5. Needs Python 3 and pip; keeps its packages in target/parity-python.
set -eu
cd "$(dirname "$0")/../.."
venv=${CARGO_TARGET_DIR:-target}/parity-python
if ! [ -x "$venv/bin/pip" ]; then python3 -m venv "$venv"; fi
"$venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 onnx==1.23.2 onnxruntime==1.31.1
LACEWING_PARITY_PYTHON=$(cd "$venv" && pwd)/bin/python
export LACEWING_PARITY_PYTHON
exec cargo test --workspace --exclude lacewing-burn --test onnx_parity -- --ignored --nocapture "$@"
