#!/usr/bin/env bash
# Builds and links the firmware of every board, and prints what it takes of the board's memory.
#   targets/cortex-m/boards.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
. targets/cortex-m/emulator.sh

for board in stm32f4 stm32h7; do
    cpu=cortex-m4
    [ "$board" = stm32h7 ] && cpu=cortex-m7
    firmware=$(build "$cpu" "$board" "$board")
    echo "$board: $(thousands "$(size_of "$firmware" '\.vector_table|\.text|\.rodata|\.data')") bytes of flash," \
        "$(thousands "$(size_of "$firmware" '\.data|\.bss|\.uninit')") of static RAM"
done
