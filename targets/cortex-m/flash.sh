#!/usr/bin/env bash
# Builds the firmware of a board and writes it with a policy into the board's flash, by probe-rs.
#   targets/cortex-m/flash.sh stm32f4|stm32h7 POLICY [CHIP]
# CHIP is probe-rs's name of the part, where it is another than STM32F405RGTx or STM32H743ZITx: see BOARDS.md.
set -euo pipefail
fail() { echo "$*" >&2; exit 1; }
case $1 in
    stm32f4) cpu=cortex-m4 chip=STM32F405RGTx ;;
    stm32h7) cpu=cortex-m7 chip=STM32H743ZITx ;;
    *) fail "there is no firmware for a board $1: take stm32f4 or stm32h7, or see targets/cortex-m/BOARDS.md" ;;
esac
chip=${3:-$chip}
command -v probe-rs >/dev/null ||
    fail 'no probe-rs, which writes flash: install it as https://probe.rs/docs/getting-started/installation says'
policy=$(realpath "$2")
cd "$(dirname "$0")"
rust=thumbv7em-none-eabihf
rustup target add "$rust"
out=../../target/cortex-m/$cpu
RUSTFLAGS="-Ctarget-cpu=$cpu" CARGO_TARGET_DIR=$out \
    cargo build --locked --release --target "$rust" --features "$1" --bin "$1"
start=$(sed -nE 's/.*POLICY *: *ORIGIN *= *(0x[0-9A-F]+).*/\1/p' "memory/$1.x")
probe-rs download --chip "$chip" "$out/$rust/release/$1"
probe-rs download --chip "$chip" --binary-format bin --base-address "$start" "$policy"
probe-rs reset --chip "$chip"
