#!/bin/sh
# A sweep of four points on a real HyperQueue: `lacewing sweep submit --engine hq` hands it to a server and a
# worker on this machine. The package has no `hq`, which tests/sweep/hq.py plays. Needs Python 3 and pip; keeps
# the package in target/hyperqueue-python.
set -eu
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-target}
venv=$target/hyperqueue-python
if ! [ -x "$venv/bin/pip" ]; then python3 -m venv "$venv"; fi
"$venv/bin/pip" install --quiet --disable-pip-version-check hyperqueue==0.27.0
cargo build --quiet --locked --workspace --exclude lacewing-burn --bin lacewing
exec "$venv/bin/python" tests/sweep/on_hyperqueue.py "$target/debug/lacewing"
