#!/usr/bin/env bash
# The table of MuJoCo's struct layouts is what its headers say: compiles layout.c against the headers of
# the pinned wheel and compares. `--write` renews the table instead.
set -euo pipefail
cd "$(dirname "$0")/../.."

folder=trainer/src/env/mujoco
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
  --dest "$work" mujoco==3.17.0
python3 -m zipfile -e "$work"/mujoco-*.whl "$work"
cc -I "$work/mujoco/include" $folder/layout.c -o "$work/layout"
"$work/layout" > "$work/layout.rs"
rustfmt --edition 2024 --config-path . "$work/layout.rs"
if [ "${1:-}" = --write ]; then
  cp "$work/layout.rs" $folder/layout.rs
else
  diff $folder/layout.rs "$work/layout.rs" && echo "layouts agree with MuJoCo's headers"
fi
