#!/usr/bin/env bash
# The C library as its users have it: the header is what the source says, the examples build by compiler and by
# CMake, act as `lacewing-edge act` does in every digit, and misuse is told without a leak (valgrind).
# Installs gcc, valgrind and CMake where they are missing.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=$(cd "${CARGO_TARGET_DIR:-target}" 2>/dev/null && pwd || { mkdir -p "${CARGO_TARGET_DIR:-target}" && cd "${CARGO_TARGET_DIR:-target}" && pwd; })
policy=${1:-tests/records/halfcheetah-td3-90/seed1/policy.lace}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for program in gcc g++ valgrind; do
  command -v "$program" >/dev/null || {
    install="apt-get install -y --no-install-recommends gcc g++ libc6-dev valgrind"
    $install || { apt-get update && $install; }
  }
done

targets/c/header.sh --check
cargo build -q --locked --workspace --exclude lacewing-burn
flags=(-Wall -Wextra -Wpedantic -Werror -O1 -g -Itargets/c/include)
gcc -std=c11 "${flags[@]}" targets/c/examples/act.c -o "$work/act-static" "$target/debug/liblacewing_c.a" -lpthread -ldl -lm
gcc -std=c11 "${flags[@]}" targets/c/examples/act.c -o "$work/act-shared" -L"$target/debug" -llacewing_c "-Wl,-rpath,$target/debug"
g++ -std=c++17 "${flags[@]}" targets/c/examples/node.cpp -o "$work/node" "$target/debug/liblacewing_c.a" -lpthread -ldl -lm
gcc -std=c11 "${flags[@]}" tests/ffi/misuse.c -o "$work/misuse" "$target/debug/liblacewing_c.a" -lpthread -ldl -lm

python3 - "$work" <<'PY'
import random, sys
random.seed(1)
with open(f"{sys.argv[1]}/json", "w") as lines, open(f"{sys.argv[1]}/plain", "w") as plain:
    for _ in range(500):
        observation = [f"{random.gauss(0, 1.5):.5f}" for _ in range(17)]
        print("[" + ",".join(observation) + "]", file=lines)
        print(" ".join(observation), file=plain)
PY
"$target/debug/lacewing-edge" act "$policy" <"$work/json" >"$work/edge"
for program in act-static act-shared node; do
  "$work/$program" "$policy" <"$work/plain" >"$work/out"
  python3 - "$work/edge" "$work/out" "$program" <<'PY'
import json, struct, sys
edge, out, program = sys.argv[1:]
single = lambda numbers: [struct.pack("f", float(number)) for number in numbers]
edge = [single(json.loads(line)) for line in open(edge)]
out = [single(line.split()) for line in open(out)]
assert len(edge) == 500 and edge == out, f"{program} acts otherwise than lacewing-edge"
print(f"{program}: 500 actions as lacewing-edge's, to the bit")
PY
done

valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite "$work/misuse" "$policy"
head -20 "$work/plain" | valgrind -q --error-exitcode=9 --leak-check=full "$work/act-static" "$policy" >/dev/null
head -20 "$work/plain" | valgrind -q --error-exitcode=9 --leak-check=full "$work/node" "$policy" >/dev/null
echo 'misuse: every call answers, nothing leaks'

command -v cmake >/dev/null || {
  [[ -x $target/cmake/bin/pip ]] || python3 -m venv "$target/cmake"
  "$target/cmake/bin/pip" install -q --disable-pip-version-check cmake==3.31.6
  PATH=$PATH:$target/cmake/bin
}
cmake -S targets/c -B "$work/build" -DLACEWING_TARGET="$target" >/dev/null
cmake --build "$work/build" >/dev/null
"$work/build/node" "$policy" <"$work/plain" | cmp - "$work/out"
echo 'CMake: the examples build and act'
