#!/usr/bin/env bash
# A Pendulum policy goes on learning on the emulated chips, the plant beside it with 0.4 of its motor: prints returns before
# and after, on episodes that nothing was learned from or chosen by, counted instructions and memory; fails where it
# has not become better, where the learner takes more than 64 KiB, where the two chips differ in what they learn, or where
# the README's figures are off by more than one part in a hundred.
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

# The README tells what the Cortex-M4F does.
told=$(grep -A 4 '^It learns there too' README.md | tr '\n' ' ')
readme() { # FIELD, WORDS in which the README's figure is in brackets, UNIT
    local was
    was=$(sed -nE "s/.*$2.*/\1/p" <<<"$told" | tr -d ,)
    awk -v was="${was:-nothing}" -v is="$(field "$1" cortex-m4)" -v unit="$3" \
        'BEGIN { was *= unit; off = is - was; if (off < 0) off = -off; exit !(off < 0.01 * (was < 0 ? -was : was)) }' ||
        fail "the README says ${was:-nothing} of $1, and it is $(field "$1" cortex-m4): put that there, and say what changed it"
}
readme after 'returns −([0-9]+)' -1
readme before 'returned −([0-9]+)' -1
readme instructions_per_step 'step takes ([0-9,]+) instructions' 1
readme instructions_per_update 'update ([0-9.]+) million' 1000000
readme longest_slice 'at most ([0-9.]+) million' 1000000
readme learner_bytes 'learner has ([0-9,]+) bytes' 1
readme replay_bytes 'transitions ([0-9,]+)' 1
readme stack_bytes 'stack ([0-9,]+)' 1
