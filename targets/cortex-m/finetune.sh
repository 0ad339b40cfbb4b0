#!/usr/bin/env bash
# A Pendulum policy goes on learning on the emulated chips, the plant beside it with 0.4 of its motor: prints returns before
# and after, on episodes that nothing was learned from or chosen by, counted instructions and memory; fails where it
# has not become better, where the learner takes more than 64 KiB, or where the two chips differ in what they learn.
#   targets/cortex-m/finetune.sh
# The policy is of `lacewing train Pendulum-v1 --hidden 64,64 --sparsity 0.85 --steps 10000 --set td3.batch=64 --seed 1`.
set -euo pipefail
cd "$(dirname "$0")/../.."
. targets/cortex-m/emulator.sh

policy=$root/targets/cortex-m/pendulum.lace
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
chips=(cortex-m4 cortex-m7)
jobs=()
for cpu in "${chips[@]}"; do
    firmware=$(build "$cpu" finetune)
    emulate "$cpu" "$firmware" "$policy" 900 none </dev/null >"$work/$cpu" &
    jobs+=($!)
done
for job in "${jobs[@]}"; do wait "$job" || fail 'the policy does not learn'; done

field() { sed -E "s/.*\"$1\":(-?[0-9]+).*/\1/" "$work/$2"; }
for cpu in "${chips[@]}"; do
    echo "$cpu: $(cat "$work/$cpu")"
    [ "$(field after "$cpu")" -ge $(($(field before "$cpu") + 50)) ] || fail "$cpu: it has not become better"
    [ "$(field learner_bytes "$cpu")" -le 65536 ] || fail "$cpu: the learner takes more than 64 KiB"
    for what in before after updates learner_bytes; do
        [ "$(field $what "$cpu")" = "$(field $what cortex-m4)" ] || fail "the chips differ in $what"
    done
done
