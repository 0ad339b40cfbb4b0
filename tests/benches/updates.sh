#!/usr/bin/env bash
# TD3 updates a second: an engine of Lacewing beside masked dense PyTorch, on the same shapes and
# batch (17-256-256-6 actor, two 23-256-256-1 critics, batch 256), in turns, medians.
#
#   tests/benches/updates.sh [ROUNDS]         the sparse engine and PyTorch, on one core and on two
#   tests/benches/updates.sh --cuda [ROUNDS]  burn on CUDA, PyTorch on the same GPU
#
# PyTorch is installed by pip (some GB) into target/torch-venv, or LACEWING_TORCH_VENV; with
# PIP_INDEX_URL at PyTorch's own index of CPU wheels it takes a tenth of that.
set -euo pipefail
cd "$(dirname "$0")/../.."

device=cpu
if [ "${1:-}" = --cuda ]; then device=cuda; shift; fi
rounds=${1:-5}
case $rounds in ''|*[!0-9]*|0) echo "usage: $0 [--cuda] [ROUNDS]" >&2; exit 2 ;; esac
if [ $device = cuda ] && ! nvidia-smi -L >/dev/null 2>&1; then
  echo "no NVIDIA GPU or driver here (nvidia-smi finds none): leave --cuda out" >&2
  exit 1
fi
if ! command -v taskset >/dev/null; then
  echo 'taskset is missing, which pins runs to cores: install util-linux' >&2
  exit 1
fi

venv=${LACEWING_TORCH_VENV:-target/torch-venv}
if ! "$venv/bin/python" -c 'import torch' 2>/dev/null; then
  echo "installing PyTorch into $venv ..." >&2
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet torch numpy
fi

features=()
if [ $device = cuda ]; then features=(--features cuda); fi
bench=$(cargo bench -q -p lacewing-tests --bench updates "${features[@]}" --no-run --message-format=json |
  sed -n 's/.*"executable":"\([^"]*updates-[^"]*\)".*/\1/p' | tail -n 1)

table=$(mktemp)
trap 'rm -f "$table"' EXIT

# record NAME COMMAND...: the rate that the command prints
record() {
  local rate
  rate=$("${@:2}")
  printf '%s\t%s\n' "$1" "$rate" | tee -a "$table"
}
# torch CORES OPTIONS..., lacewing CORES OPTIONS...: one rate
torch() { taskset -c "$1" "$venv/bin/python" tests/benches/torch_td3.py --device $device "${@:2}"; }
lacewing() { taskset -c "$1" "$bench" "${@:2}" | sed 's/.*: *\([0-9]*\) updates.*/\1/'; }

for ((round = 0; round < rounds; round++)); do
  if [ $device = cuda ]; then
    # All cores: the driver has threads of its own.
    cores=0-$(($(nproc) - 1))
    record 'PyTorch, CUDA' torch "$cores"
    for sparsity in 0.5 0.9; do
      record "burn, CUDA, $sparsity sparse" \
        lacewing "$cores" --engine burn-cuda --sparsity $sparsity
    done
  else
    record 'PyTorch, 1 thread' torch 0
    for sparsity in 0.5 0.9; do
      record "sparse engine, 1 thread, $sparsity sparse" lacewing 0 --sparsity $sparsity
    done
    record 'PyTorch, 2 threads' torch 0,1 --threads 2
    for sparsity in 0.5 0.9; do
      record "sparse engine, 2 threads, $sparsity sparse" \
        lacewing 0,1 --sparsity $sparsity --threads 2
    done
  fi
done

printf '\nmedian of %s rounds, updates/s, and times PyTorch of the first line\n' "$rounds"
sort -t "$(printf '\t')" -k1,1 -k2,2n "$table" | awk -F '\t' '
  { if ($1 != name) { count = 0; name = $1 } ; values[$1, count++] = $2; counts[$1] = count }
  END {
    for (name in counts) {
      n = counts[name]; median[name] = (values[name, int((n - 1) / 2)] + values[name, int(n / 2)]) / 2
      if (name ~ /^PyTorch, (1 thread|CUDA)$/) yardstick = median[name]
    }
    for (name in counts) printf "%-40s %8.1f %6.2fx\n", name, median[name], median[name] / yardstick
  }' | sort
