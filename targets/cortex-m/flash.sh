#!/usr/bin/env bash
# Builds the firmware of a board and writes it with a policy into the board's flash, by probe-rs or Teensy's loader.
#   targets/cortex-m/flash.sh stm32f4|stm32h7|teensy41 POLICY [CHIP]
# CHIP is the part as the one or the other names it, where it is another than STM32F405RGTx, STM32H743ZITx or TEENSY41: see BOARDS.md.
set -euo pipefail
fail() { echo "$*" >&2; exit 1; }
case $1 in
    stm32f4) cpu=cortex-m4 chip=STM32F405RGTx ;;
    stm32h7) cpu=cortex-m7 chip=STM32H743ZITx ;;
    teensy41) cpu=cortex-m7 chip=TEENSY41 ;;
    *) fail "there is no firmware for a board $1: take stm32f4, stm32h7, teensy41 or see targets/cortex-m/BOARDS.md" ;;
esac
chip=${3:-$chip}
if [ "$1" = teensy41 ]; then
    writer=teensy_loader_cli how='apt-get install teensy-loader-cli, or see https://www.pjrc.com/teensy/loader_cli.html'
else
    writer=probe-rs how='install it as https://probe.rs/docs/getting-started/installation says'
fi
command -v "$writer" >/dev/null || fail "no $writer, which writes flash: $how"
policy=$(realpath "$2")
cd "$(dirname "$0")"
. ./teensy.sh
read -r start room < <(sed -nE 's/.*POLICY *: *ORIGIN *= *(0x[0-9A-F]+), *LENGTH *= *([0-9]+)K.*/\1 \2/p' "memory/$1.x")
size=$(wc -c <"$policy")
((size <= room << 10)) || fail "$2 has $size bytes, and there is room for $room KB"
rust=thumbv7em-none-eabihf
rustup target add "$rust"
out=../../target/cortex-m/$cpu
RUSTFLAGS="-Ctarget-cpu=$cpu" CARGO_TARGET_DIR=$out \
    cargo build --locked --release --target "$rust" --features "$1" --bin "$1"
firmware=$out/$rust/release/$1
if [ "$1" = teensy41 ]; then
    teensy_hex "$firmware" "$policy" "$start" "$firmware.hex"
    teensy_loader_cli "--mcu=$chip" -w -v "$firmware.hex"
else
    probe-rs download --chip "$chip" "$firmware"
    probe-rs download --chip "$chip" --binary-format bin --base-address "$start" "$policy"
    probe-rs reset --chip "$chip"
fi
