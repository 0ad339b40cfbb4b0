#!/usr/bin/env bash
# Updates a second: an engine of Lacewing beside masked dense PyTorch, on the same shapes and batch, in
# turns, medians.
#
#   tests/benches/updates.sh [ROUNDS]               TD3 on the sparse engine, on one core and on two
#   tests/benches/updates.sh --algorithms [ROUNDS]  SAC, DQN, PPO, and TD3 by RigL and by pruning, on one
#   tests/benches/updates.sh --cuda [ROUNDS]        TD3 by burn on CUDA, PyTorch on the same GPU
#
# The table goes to target/updates/cpu.md, algorithms.md or cuda.md, each row beside PyTorch on as many
# threads.
#
# PyTorch is installed by pip (some GB) into target/torch-venv, or LACEWING_TORCH_VENV; with
# PIP_INDEX_URL at PyTorch's own index of CPU wheels it takes a tenth of that.
set -euo pipefail
cd "$(dirname "$0")/../.."

device=cpu what=cpu
if [ "${1:-}" = --cuda ]; then device=cuda what=cuda; shift; fi
if [ "${1:-}" = --algorithms ]; then what=algorithms; shift; fi
rounds=${1:-5}
case $rounds in ''|*[!0-9]*|0) echo "usage: $0 [--cuda | --algorithms] [ROUNDS]" >&2; exit 2 ;; esac
if [ $device = cuda ] && ! nvidia-smi -L >/dev/null 2>&1; then
  echo "no NVIDIA GPU or driver here (nvidia-smi finds none): leave --cuda out" >&2
  exit 1
fi
if ! command -v taskset >/dev/null; then
  echo 'taskset is missing, which pins runs to cores: install util-linux' >&2
  exit 1
fi

venv=${LACEWING_TORCH_VENV:-target/torch-venv}
if ! [ -x "$venv/bin/pip" ]; then python3 -m venv "$venv"; fi
echo "looking for PyTorch in $venv, else installing it ..." >&2
"$venv/bin/pip" install --quiet --disable-pip-version-check torch==2.15.0 numpy==2.4.6

features=()
if [ $device = cuda ]; then features=(--features cuda); fi
bench=$(cargo bench -q -p lacewing-tests --bench updates "${features[@]}" --no-run --message-format=json |
  sed -n 's/.*"executable":"\([^"]*updates-[^"]*\)".*/\1/p' | tail -n 1)

table=$(mktemp)
trap 'rm -f "$table"' EXIT

# record WHERE WHO COMMAND...: the rate that the command prints
record() {
  local rate
  rate=$("${@:3}")
  printf '%s\t%s\t%s\n' "$1" "$2" "$rate" | tee -a "$table"
}
# torch CORES OPTIONS..., lacewing CORES OPTIONS...: one rate
torch() { taskset -c "$1" "$venv/bin/python" tests/benches/torch_updates.py --device $device "${@:2}"; }
lacewing() { taskset -c "$1" "$bench" "${@:2}" | sed 's/.*: *\([0-9]*\) updates.*/\1/'; }

for ((round = 0; round < rounds; round++)); do
  if [ $device = cuda ]; then
    # All cores: the driver has threads of its own.
    cores=0-$(($(nproc) - 1))
    record CUDA PyTorch torch "$cores"
    for sparsity in 0.5 0.9; do
      record CUDA "burn, $sparsity sparse" lacewing "$cores" --engine burn-cuda --sparsity $sparsity
    done
  elif [ $what = algorithms ]; then
    for algorithm in sac dqn ppo; do
      record "$algorithm, one thread" PyTorch torch 0 --algorithm $algorithm
      record "$algorithm, one thread" 'sparse engine, 0.9 sparse' \
        lacewing 0 --algorithm $algorithm --sparsity 0.9
    done
    record 'td3 by RigL every 100 updates, one thread' PyTorch torch 0 --method rigl
    record 'td3 by RigL every 100 updates, one thread' 'sparse engine, 0.9 sparse' \
      lacewing 0 --method rigl --sparsity 0.9
    # Masks cost the same however many links they leave.
    record 'td3 by pruning from dense, over the schedule, one thread' PyTorch torch 0
    record 'td3 by pruning from dense, over the schedule, one thread' \
      'sparse engine, to 0.9 sparse' lacewing 0 --method prune --sparsity 0.9
  else
    for threads in 1 2; do
      cores=0-$((threads - 1))
      record "threads: $threads" PyTorch torch $cores --threads $threads
      for sparsity in 0.5 0.9; do
        record "threads: $threads" "sparse engine, $sparsity sparse" \
          lacewing $cores --sparsity $sparsity --threads $threads
      done
    done
  fi
done

if [ $device = cuda ]; then
  processor=$(nvidia-smi --query-gpu=name --format=csv,noheader | head -n 1)
else
  processor=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
fi
mkdir -p target/updates
{
  printf '# Updates a second\n\n'
  printf 'TD3 and SAC: 17-256-256, batch 256; DQN: 8-512-512-4, batch 128; PPO: 17-64-64-6, batch 64.\n'
  printf 'PyTorch trains masked dense networks.\n'
  printf '%s, %s, medians of %s rounds of `tests/benches/updates.sh`, lacewing %s, %s, torch %s.\n\n' \
    "$processor" "$(date +%Y-%m-%d)" "$rounds" "$(git rev-parse --short HEAD)" "$(rustc --version)" \
    "$("$venv/bin/python" -c 'import torch; print(torch.__version__)')"
  printf '| | | updates/s | times PyTorch |\n|---|---|---|---|\n'
  # PyTorch is the first of each place.
  LC_ALL=C sort -t "$(printf '\t')" -k1,1 -k2,2 -k3,3n "$table" | awk -F '\t' '
    function row() {
      median = (rates[int((count - 1) / 2)] + rates[int(count / 2)]) / 2
      if (who == "PyTorch") yardstick = median
      printf "| %s | %s | %.0f | %.2f |\n", place, who, median, median / yardstick
      count = 0
    }
    count && ($1 != place || $2 != who) { row() }
    { place = $1; who = $2; rates[count++] = $3 }
    END { row() }'
} > target/updates/$what.md
cat target/updates/$what.md
