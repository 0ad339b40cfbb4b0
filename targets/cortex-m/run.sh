#!/usr/bin/env bash
# Builds the firmware for Cortex-M4F and Cortex-M7 and runs it on Arm's MPS2 boards under qemu, each policy in
# flash: prints instructions, flash and RAM; fails where an action differs from what this machine computes in
# any bit, for links stored in every way; where a count is not repeatable; where the README's table of the record is
# off by more than one part in a hundred; or where a damaged policy is not refused.
#   targets/cortex-m/run.sh [POLICY...]
# Without one, the 90 % sparse HalfCheetah record: as it is, and with plain columns as f16 and f32.
set -euo pipefail
policies=()
for policy in "$@"; do policies+=("$(realpath "$policy")"); done
cd "$(dirname "$0")/../.."
. targets/cortex-m/emulator.sh

emulated() { emulate "$1" "$2" "$3" 60 none; }
variants=$root/target/cortex-m/policies
record=$root/tests/records/halfcheetah-td3-90/seed1/policy.lace
labels=()
if [ ${#policies[@]} = 0 ]; then
    policies=("$record")
    labels=('f16, gaps' 'f16, u16' 'f32, u16')
    mkdir -p "$variants"
    for values in f16 f32; do
        workspace lacewing export "$record" --values $values --index u16 --force \
            --out "$variants/record-$values-u16.lace" >/dev/null
        policies+=("$variants/record-$values-u16.lace")
    done
fi
workspace act_policies "$variants/stored"
expected=$(workspace act_probes "$variants"/stored/*.lace "${policies[@]}")
mapfile -t expected <<<"$expected"

# One bit of the byte in the middle.
damaged=$variants/damaged.lace
cp "${policies[0]}" "$damaged"
middle=$(($(stat -c %s "$damaged") / 2))
byte=$(od -An -tu1 -j "$middle" -N1 "$damaged")
printf "\\x$(printf %x $((byte ^ 1)))" |
    dd of="$damaged" bs=1 seek="$middle" conv=notrunc status=none

table=$(table_head)
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
        label=${labels[$((at - 1 - (${#expected[@]} - ${#policies[@]})))]:-$(basename "$policy" .lace)}
        table+=$'\n'$(table_row "$cpu" "$firmware" "$label")
    done

    status=0
    said=$(emulated "$cpu" "$firmware" "$damaged" 2>&1) || status=$?
    echo "$cpu, a bit flipped: $said"
    [ "$status" = 1 ] && [[ $said == *checksum* ]] ||
        fail "$cpu: a damaged policy must be refused for its checksum, with status 1 and not $status"
done
echo "$at policies on each chip, all actions to the bit"
echo "$table"

# What is not in assembly depends a little on the folder that it is built in: one part in a hundred.
[ ${#labels[@]} = 0 ] || paste -d'|' <(grep '^| cortex-m' README.md) <(grep '^| cortex-m' <<<"$table") |
    awk -F '|' '{
        for (at = 2; at < 10; at++) {
            was = $at; is = $(at + 10); gsub(/[ ,]/, "", was); gsub(/[ ,]/, "", is)
            if (at < 4 ? was != is : is > 1.01 * was || is < 0.99 * was) exit 1
        }
        rows++
    } END { if (rows != 6) exit 1 }' || fail 'the README has another table: put this one there, and say what changed it'
