#!/usr/bin/env bash
# Instructions of one control step of a 17-256-256-6 policy on 64-bit ARM, counted under qemu: packed
# as the repacker chooses, in place, and dense. Needs what .ci/aarch64 installs.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=aarch64-unknown-linux-gnu
qemu=$PWD/target/aarch64-tools/qemu-aarch64
[ -x "$qemu" ] || { echo "run .ci/aarch64 first: it unpacks $qemu" >&2; exit 1; }
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
# At addresses that are known beforehand.
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS=-Crelocation-model=static
export CARGO_TARGET_DIR=target/instructions
cargo build --quiet --locked --release --target "$target" -p lacewing-tests --example act_steps
program=$CARGO_TARGET_DIR/$target/release/examples/act_steps

# Only what a step runs is traced: the kernels and the policy around them.
ranges=$(nm -C -S "$program" | awk '
    /lacewing_runtime::(kernels::act::(neon::|Kernel::)|act::policy::|guard::)/ && NF > 3 {
        printf "%s0x%s+0x%s", separator, $1, $2; separator = ","
    }')
[ -n "$ranges" ] || { echo "none of the functions of a step is in $program" >&2; exit 1; }

# One line a translated block, and a block is one instruction. Two steps less one.
count() {
    "$qemu" -cpu cortex-a76 -L /usr/aarch64-linux-gnu -singlestep -d exec,nochain -dfilter "$ranges" \
        -D /dev/fd/3 "$program" "$@" 3>&1 >/dev/null | grep -c '^Trace'
}
step() {
    local one two
    one=$(count "$@" 1) && two=$(count "$@" 2) && [ "$two" -gt "$one" ] ||
        { echo "a step of $* failed, or none of its instructions was traced" >&2; return 1; }
    echo $((two - one))
}

printf '%-14s%9s%10s%10s%10s\n' '' sparsity packed 'in place' dense
for structure in unstructured k-per-32 blocks-16x1 blocks-4x1; do
    for sparsity in 0.9 0.95; do
        printf '%-14s%9s' "$structure" "$sparsity"
        for layout in packed in-place dense; do
            instructions=$(step "$structure" "$sparsity" "$layout")
            printf '%10s' "$instructions"
        done
        echo
    done
done
