#!/usr/bin/env bash
# Control steps and batches of Lacewing beside LiteRT, ONNX Runtime, OpenVINO, PyTorch, MKL and tract:
# the same random policies in all of them, in turns in one process on one core, medians.
#
#   tests/benches/peers.sh [ROUNDS] [normalised]
#
# `normalised` times only the policies with layer normalisation, beside LiteRT, ONNX Runtime and
# OpenVINO, whose packages are small; to target/peers/normalised/.
#
# Everyone is called through its C or C++ interface (tract: Rust), inputs and outputs bound once, so
# no interpreter's overhead counts. The tables, the ratios and two plots go to target/peers/. On a
# machine with anything else to do, run it with `nice -n -15` and more ROUNDS.
#
# The peers are installed by pip (PyTorch: some GB) into target/torch-venv, or LACEWING_TORCH_VENV;
# with PIP_INDEX_URL at PyTorch's own index of CPU wheels PyTorch takes a tenth of that. tract takes
# some minutes to build. PEERS_CORES (default 1,0 or 0) names the cores: the first is for one thread.
set -euo pipefail
cd "$(dirname "$0")/../.."

rounds=${1:-3}
part=${2:-all}
if ! [[ $rounds =~ ^[1-9][0-9]*$ && $part =~ ^(all|normalised)$ ]]; then
  echo "usage: $0 [ROUNDS] [normalised]" >&2
  exit 2
fi
for tool in taskset c++ python3; do
  if ! command -v $tool >/dev/null; then
    echo "$tool is missing: install util-linux (taskset), g++ and python3 with its venv" >&2
    exit 1
  fi
done
if [ "$(uname -m)" != x86_64 ]; then
  echo 'MKL and the pinned wheels of the peers are for x86-64 Linux' >&2
  exit 1
fi

venv=${LACEWING_TORCH_VENV:-target/torch-venv}
packages=(ai-edge-litert==2.3.0 flatbuffers==25.12.19 numpy==2.4.6 onnx==1.23.2
  onnxruntime==1.31.1 openvino==2026.4.1)
tract=()
if [ $part = all ]; then
  packages+=(mkl==2026.2.0 torch==2.15.0)
  tract=(--features onnx)
fi
if ! [ -x "$venv/bin/pip" ]; then python3 -m venv "$venv"; fi
echo "looking for the peers in $venv, else installing them ..." >&2
"$venv/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}"
packages_of() { "$venv/bin/python" -c "import $1, os; print(os.path.dirname($1.__file__))"; }
litert=$(packages_of ai_edge_litert)/libLiteRt.so
ort=$(ls "$(packages_of onnxruntime)"/capi/libonnxruntime.so.*)
openvino=$(ls "$(packages_of openvino)"/libs/libopenvino_c.so.*)
interpreters=(--litert "$litert" --ort "$ort" --openvino "$openvino")

out=target/peers
libraries=()
if [ $part = normalised ]; then out=$out/normalised; fi
mkdir -p $out/models
if [ $part = all ]; then
  torch=$(packages_of torch)
  mkl=$(cd "$venv/lib" && pwd)/libmkl_rt.so.3
  # Built anew for another version of PyTorch.
  torch_so=$PWD/$out/torch-$("$venv/bin/python" -c 'import torch; print(torch.__version__)').so
  if [ tests/benches/peers/torch.cpp -nt "$torch_so" ]; then
    c++ -std=c++20 -O2 -shared -fPIC "-I$torch/include" "-I$torch/include/torch/csrc/api/include" \
      tests/benches/peers/torch.cpp "-L$torch/lib" -ltorch_cpu -lc10 "-Wl,-rpath,$torch/lib" \
      -o "$torch_so"
  fi
  libraries=(--torch "$torch_so" --mkl "$mkl")
fi
bench=$(cargo bench -q -p lacewing-tests --bench peers "${tract[@]}" --no-run \
  --message-format=json | sed -n 's/.*"executable":"\([^"]*peers-[^"]*\)".*/\1/p' | tail -n 1)

"$bench" export $out/models
"$venv/bin/python" -W ignore tests/benches/peers/prepare.py $out/models ${libraries[0]:-}

cores=${PEERS_CORES:-$([ "$(nproc)" -gt 1 ] && echo 1,0 || echo 0)}
# PyTorch's own threads and MKL's would otherwise be one for each core.
export OMP_NUM_THREADS=1 MKL_THREADING_LAYER=SEQUENTIAL LD_LIBRARY_PATH="$venv/lib"
# measure CORES OPTIONS...: lines of CSV; what the peers have to say only where that goes wrong
measure() {
  taskset -c "$1" "$bench" "${@:2}" >> $out/peers.csv 2> $out/stderr ||
    { cat $out/stderr >&2; exit 1; }
}
: > $out/peers.csv
for ((round = 1; round <= rounds; round++)); do
  echo "round $round of $rounds ..." >&2
  if [ $part = all ]; then
    measure "${cores%%,*}" steps $out/models "${interpreters[@]}" "${libraries[@]}"
  fi
  measure "${cores%%,*}" normalised $out/models "${interpreters[@]}" "${libraries[@]}"
  if [ $part = normalised ]; then continue; fi
  measure "${cores%%,*}" batch "${libraries[@]}"
  if [ "$cores" != "${cores%%,*}" ]; then
    # Helper threads wait awake, so ours and theirs would be in each other's way in one process.
    measure "$cores" batch --threads 2
    OMP_NUM_THREADS=2 MKL_THREADING_LAYER=GNU measure "$cores" batch --threads 2 "${libraries[@]}"
  fi
done

{
  cat <<'TEXT'
# Lacewing beside other runtimes

Random policies, the same weights for everyone, everyone's answers checked; batch 1, f32, one thread on
one pinned core, steps of all runtimes in turns in one process, inputs and outputs bound once. Warm:
64 steps one after the other, the clock read before and after. After other data: 8 MiB streamed through
the caches before each step, which runtimes that spread over more code and memory feel more. With two
threads our batches run in a process of their own, since everyone's helper threads wait awake. "K per 32
columns" and "16×1 blocks" are policies of (nearly) the same number of links in that structure, on which the dense
peers take as long as on the others.

TEXT
  printf '%s, %s, medians of %s rounds of `tests/benches/peers.sh%s`, lacewing %s, %s,\n' \
    "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(date +%Y-%m-%d)" "$rounds" \
    "$([ $part = all ] || echo " $rounds $part")" \
    "$(git rev-parse --short HEAD)" "$(rustc --version)"
  printf '%s, ' "${packages[@]/==/ }"
  if [ $part = all ]; then
    printf 'tract-onnx %s, ' "$(cargo tree -q -p lacewing --features onnx --depth 1 | sed -n 's/.*tract-onnx v//p')"
  fi
  printf 'all in one run.\n\n'
  "$bench" report $out < $out/peers.csv
  for plot in $out/*.svg; do
    [ -e "$plot" ] || continue
    printf '\n![%s](%s)\n' "$(basename "$plot" .svg)" "$(basename "$plot")"
  done
} > $out/README.md
cat $out/README.md
