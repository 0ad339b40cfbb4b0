#!/usr/bin/env bash
# Builds the firmware for Cortex-M4F and Cortex-M7 and runs it on Arm's MPS2 boards under qemu, each policy in
# flash: prints instructions, flash and RAM; fails where an action differs from what this machine computes in
# any bit, for links stored in every way; where a count is not repeatable; where the record takes more than it
# did; or where a damaged policy is not refused.
#   targets/cortex-m/run.sh [POLICY...]
# Without one, the 90 % sparse HalfCheetah record: as it is, and with plain columns as f16 and f32.
set -euo pipefail
policies=()
for policy in "$@"; do policies+=("$(realpath "$policy")"); done
cd "$(dirname "$0")/../.."
. targets/cortex-m/emulator.sh

emulated() { emulate "$1" "$2" "$3" 60 none; }
field() { sed -E "s/.*\"$1\":\"?([^,\"}]*).*/\1/" <<<"$report"; }
# Bytes of the sections whose names match.
size_of() { # FIRMWARE NAMES
    local total=0 bytes
    for bytes in $(readelf -SW "$1" | sed -nE "s/^ *\[ *[0-9]+\] ($2) +[A-Z]+ +[0-9a-f]+ [0-9a-f]+ ([0-9a-f]+).*/\2/p"); do
        total=$((total + 16#$bytes))
    done
    echo "$total"
}

variants=$root/target/cortex-m/policies
record=$root/tests/records/halfcheetah-td3-90/seed1/policy.lace
limits=()
if [ ${#policies[@]} = 0 ]; then
    policies=("$record")
    mkdir -p "$variants"
    for values in f16 f32; do
        workspace -p lacewing -- export "$record" --values $values --index u16 \
            --out "$variants/record-$values-u16.lace" >/dev/null
        policies+=("$variants/record-$values-u16.lace")
    done
    # Instructions a step that these have never taken: what is above is no noise, since kernels are assembly.
    limits=(54000 51000 41000)
fi
workspace -p lacewing-tests --bin act_policies -- "$variants/stored"
expected=$(workspace -p lacewing-tests --bin act_probes -- "$variants"/stored/*.lace "${policies[@]}")
mapfile -t expected <<<"$expected"

# One bit of the byte in the middle.
damaged=$variants/damaged.lace
cp "${policies[0]}" "$damaged"
middle=$(($(stat -c %s "$damaged") / 2))
byte=$(od -An -tu1 -j "$middle" -N1 "$damaged")
printf "\\x$(printf %x $((byte ^ 1)))" |
    dd of="$damaged" bs=1 seek="$middle" conv=notrunc status=none

row='| %-10s | %-20s | %18s | %18s | %14s | %12s | %10s | %10s |\n'
table=$(printf "$row" chip policy 'instructions/step' 'instructions/link' 'program, flash' 'policy, flash' \
    'static RAM' 'stack')
table+=$'\n|---|---|--:|--:|--:|--:|--:|--:|'
for cpu in cortex-m4 cortex-m7; do
    firmware=$(build "$cpu" replay)
    at=0
    for policy in "$variants"/stored/*.lace "${policies[@]}"; do
        report=$(emulated "$cpu" "$firmware" "$policy") || fail "$cpu: $policy does not run"
        [ "$(field actions)" = "${expected[$at]}" ] ||
            fail "$cpu, $policy: actions are $(field actions) and on this machine ${expected[$at]}"
        at=$((at + 1))
        [[ $policy == "$variants"/stored/* ]] && continue
        echo "$cpu: $report"
        [ "$(emulated "$cpu" "$firmware" "$policy")" = "$report" ] || fail "$cpu: a second run says something else"
        step=$(field instructions_per_step)
        limit=${limits[$((at - 1 - (${#expected[@]} - ${#policies[@]})))]:-}
        [ "$step" -le "${limit:-$step}" ] || fail "$cpu, $policy: $step instructions, more than $limit"
        table+=$'\n'$(printf "$row" "$cpu" "$(basename "$policy" .lace)" "$step" "$(field instructions_per_link)" \
            "$(size_of "$firmware" '\.vector_table|\.text|\.rodata|\.data')" "$(field policy_bytes)" \
            "$(size_of "$firmware" '\.data|\.bss|\.uninit')" "$(field stack_bytes)")
    done

    status=0
    said=$(emulated "$cpu" "$firmware" "$damaged" 2>&1) || status=$?
    echo "$cpu, a bit flipped: $said"
    [ "$status" = 1 ] && [[ $said == *checksum* ]] ||
        fail "$cpu: a damaged policy must be refused for its checksum, with status 1 and not $status"
done
echo "$at policies on each chip, all actions to the bit"
echo "$table"
