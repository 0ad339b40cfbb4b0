#!/usr/bin/env bash
# Runs a policy in the firmware on an emulated chip: replays its probes, and prints what it takes as a row of a table.
#   targets/cortex-m/emulate.sh cortex-m4|cortex-m7 POLICY
set -euo pipefail
# Before anything is installed.
case $1 in cortex-m4 | cortex-m7) ;; *) echo "$1 is not emulated: take cortex-m4 or cortex-m7" >&2; exit 1 ;; esac
policy=$(realpath "$2")
cd "$(dirname "$0")/../.."
. targets/cortex-m/emulator.sh
firmware=$(build "$1" replay)
report=$(emulate "$1" "$firmware" "$policy" 60 none </dev/null) || fail "the policy does not run on the emulated $1"
table_head
table_row "$1" "$firmware" "$(basename "$policy")"
