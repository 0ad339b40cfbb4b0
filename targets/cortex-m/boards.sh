#!/usr/bin/env bash
# Builds and links the firmware of every board, and prints what it takes of the board's memory.
#   targets/cortex-m/boards.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
. targets/cortex-m/emulator.sh
. targets/cortex-m/teensy.sh

for board in stm32f4 stm32h7 teensy41; do
    cpu=cortex-m7
    [ "$board" = stm32f4 ] && cpu=cortex-m4
    firmware=$(build "$cpu" "$board" "$board")
    echo "$board: $(thousands "$(size_of "$firmware" '\.boot|\.vector_table|\.text|\.rodata|\.data')") bytes of flash," \
        "$(thousands "$(size_of "$firmware" '\.data|\.bss|\.uninit')") of static RAM"
done
# As in memory/teensy41.x.
teensy_hex "$firmware" targets/cortex-m/pendulum.lace 0x60080000 "$firmware.hex"
