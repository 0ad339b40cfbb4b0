#!/usr/bin/env bash
# The Python wheel as its users have it: built by maturin, installed into a clean environment, tried there, and the
# stubs checked by mypy, against what they describe too. Keeps its packages in target/python.
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p "${CARGO_TARGET_DIR:-target}"
target=$(cd "${CARGO_TARGET_DIR:-target}" && pwd)
policy=${1:-tests/records/halfcheetah-td3-90/seed1/policy.lace}

[[ -x $target/python/build/bin/pip ]] || python3 -m venv "$target/python/build"
"$target/python/build/bin/pip" install -q --disable-pip-version-check maturin==1.9.6
cargo fmt --manifest-path targets/python/Cargo.toml --check
rm -rf "$target/python/wheels"
(
  # Cargo's own place, not that of the suite that calls.
  export CARGO_TARGET_DIR=$target/python/cargo
  cargo clippy -q --locked --release --manifest-path targets/python/Cargo.toml -- -D warnings
  PATH=$target/python/build/bin:$PATH maturin build -q --locked --release --manifest-path targets/python/Cargo.toml \
    --out "$target/python/wheels"
)

python3 -m venv --clear "$target/python/clean"
"$target/python/clean/bin/pip" install -q --disable-pip-version-check "$target"/python/wheels/*.whl gymnasium==1.4.0 \
  mypy==1.18.2
cargo build -q --locked --workspace --exclude lacewing-burn --bin lacewing --bin lacewing-edge
"$target/python/clean/bin/python" tests/ffi/python_wheel.py "$policy" "$target/debug/lacewing-edge"
"$target/python/clean/bin/python" tests/ffi/python_speed.py "$policy"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$target/debug/lacewing" train CartPole-v1 --sparsity 0.9 --hidden 64,64 --steps 2000 --seed 1 --out "$work/run" 2>"$work/log"
"$target/python/clean/bin/python" targets/python/example.py "$work/run/policy.lace" CartPole-v1
# A pendulum that falls harder: what is learned must be worth more, and go on being learned from.
"$target/debug/lacewing" train Pendulum-v1 --sparsity 0.9 --steps 8000 --seed 2 --out "$work/pendulum" 2>"$work/log"
"$target/python/clean/bin/python" targets/python/finetune.py "$work/pendulum/policy.lace" Pendulum-v1 "$work/tuned.lace" \
  --gravity 14 --steps 3000 | tee "$work/told"
"$target/python/clean/bin/python" tests/ffi/python_learner.py "$work/pendulum/policy.lace" "$work/tuned.lace" "$work/told"

# The same once more under valgrind: what is ours reads, writes and frees nothing else, and loses nothing. Of Python, numpy
# and the loader nothing is asked, and numpy's crate keeps one capsule. Undefined values are looked for in C (c.sh), where
# code is not optimised: optimised, it may compare what it then does not use.
command -v valgrind >/dev/null || {
  install="apt-get install -y --no-install-recommends valgrind"
  $install || { apt-get update && $install; }
}
memory() {
  # lacewing-edge too, which takes another kernel where valgrind has no AVX-512.
  PYTHONMALLOC=malloc valgrind -q --num-callers=12 --undef-value-errors=no --leak-check=full --show-leak-kinds=definite \
    --trace-children=yes --log-file="$work/valgrind.%p" "$target/python/clean/bin/python" "$@"
  sed -s 's/^==[0-9]*== *//; $s/$/\n/' "$work"/valgrind.* |
    awk -v RS='' '/lacewing/ && !/PyCapsule_New/ { print; found = 1 } END { exit found }'
  rm "$work"/valgrind.*
}
memory tests/ffi/python_wheel.py "$policy" "$target/debug/lacewing-edge"
memory tests/ffi/python_learner.py "$work/pendulum/policy.lace" "$work/tuned.lace" "$work/told"
echo 'valgrind: nothing is read or written that must not be, and nothing lost'
for program in example finetune; do
  "$target/python/clean/bin/python" -m mypy --strict "targets/python/$program.py"
done
# maturin puts the built module into the package that has the stubs.
echo 'lacewing\.lacewing' >"$target/python/allowed"
"$target/python/clean/bin/python" -m mypy.stubtest lacewing --allowlist "$target/python/allowed"
