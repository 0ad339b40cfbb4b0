#!/usr/bin/env bash
# Builds the firmware for Cortex-M4F and Cortex-M7 with a policy in it and runs it on Arm's MPS2 boards
# under qemu: prints instructions, flash and RAM; fails where an action differs from the scalar kernel's
# on this machine in any bit, where a count is not repeatable, or where a damaged policy is not refused.
#   targets/cortex-m/run.sh [POLICY]
# Installs what is missing: Rust's target by rustup, qemu by apt, on Debian or Ubuntu, into target/.
set -euo pipefail
policy=$(realpath "${1:-$(dirname "$0")/../../tests/records/halfcheetah-td3-90/seed1/policy.lace}")
cd "$(dirname "$0")/../.."
root=$PWD
tools=$root/target/cortex-m-tools
rust=thumbv7em-none-eabihf
mkdir -p "$tools"

fail() { echo "$*" >&2; exit 1; }

rustup target add "$rust"

# With what it needs of libraries, and unpacked privately: installing it can replace a newer qemu of
# the machine.
unpack_qemu() {
    local packages package
    packages=$(apt-cache depends --important --recurse qemu-system-arm) || return 1
    for package in $(grep -E '^(lib|qemu-system)[a-z0-9.+-]*$' <<<"$packages" | sort -u); do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed && continue
        # apt's sandbox user may not write here, and need not. A package that is only named has
        # another in its place.
        (cd "$tools" && apt-get -qq -o APT::Sandbox::User=root download "$package") || continue
        dpkg -x "$tools/$package"_*.deb "$tools"
        rm "$tools/$package"_*.deb
    done
    runs
}
qemu() {
    LD_LIBRARY_PATH=$(printf '%s:' "$tools"/{usr/,}lib/*-linux-gnu) \
        "$tools/usr/bin/qemu-system-arm" -L "$tools/usr/share/qemu" "$@"
}
runs() { qemu --version >/dev/null 2>&1; }
if command -v qemu-system-arm >/dev/null; then
    qemu() { qemu-system-arm "$@"; }
fi
runs || unpack_qemu || { apt-get -qq update && unpack_qemu; } ||
    fail 'no qemu-system-arm that runs: install it, or run this as root, which apt-get update needs'

# Prints the firmware's path.
build() { # CPU POLICY NAME
    local out=$root/target/cortex-m/$1
    (cd targets/cortex-m && LACEWING_POLICY=$2 RUSTFLAGS="-Ctarget-cpu=$1" CARGO_TARGET_DIR=$out \
        cargo build --quiet --locked --release --target "$rust")
    cp "$out/$rust/release/lacewing-cortex-m" "$out/$3"
    echo "$out/$3"
}
# Every instruction takes 64 ns of the emulated time: the firmware counts them by a clock.
emulate() { # CPU FIRMWARE
    local board=mps2-an386
    [ "$1" = cortex-m7 ] && board=mps2-an500
    # In a shell of its own: timeout starts programs, not functions.
    export -f qemu
    tools=$tools timeout 60 bash -c 'qemu "$@"' qemu -M "$board" -cpu "$1" -nographic -monitor none \
        -serial none -semihosting-config enable=on,target=native \
        -icount shift=6,align=off,sleep=off -kernel "$2"
}
field() { sed -E "s/.*\"$1\":\"?([^,\"}]*).*/\1/" <<<"$report"; }
# Bytes of the sections whose names match.
size_of() { # FIRMWARE NAMES
    local total=0 bytes
    for bytes in $(readelf -SW "$1" | sed -nE "s/^ *\[ *[0-9]+\] ($2) +[A-Z]+ +[0-9a-f]+ [0-9a-f]+ ([0-9a-f]+).*/\2/p"); do
        total=$((total + 16#$bytes))
    done
    echo "$total"
}

expected=$(cargo run --quiet --locked -p lacewing-tests --bin act_probes -- "$policy")

# One bit of the byte in the middle.
damaged=$root/target/cortex-m/damaged.lace
mkdir -p "$(dirname "$damaged")"
cp "$policy" "$damaged"
middle=$(($(stat -c %s "$policy") / 2))
byte=$(od -An -tu1 -j "$middle" -N1 "$policy")
printf "\\x$(printf %x $((byte ^ 1)))" |
    dd of="$damaged" bs=1 seek="$middle" conv=notrunc status=none

row='| %-10s | %18s | %18s | %14s | %12s | %10s |\n'
table=$(printf "$row" chip 'instructions/step' 'instructions/link' 'program, flash' 'policy, flash' 'static RAM')
table+=$'\n|---|--:|--:|--:|--:|--:|'
for cpu in cortex-m4 cortex-m7; do
    firmware=$(build "$cpu" "$policy" good)
    report=$(emulate "$cpu" "$firmware") || fail "$cpu: the policy does not run"
    echo "$cpu: $report"
    [ "$(emulate "$cpu" "$firmware")" = "$report" ] || fail "$cpu: a second run says something else"
    [ "$(field actions)" = "$expected" ] ||
        fail "$cpu: actions differ from the scalar kernel's on this machine: $expected"

    refused=$(build "$cpu" "$damaged" refused)
    status=0
    said=$(emulate "$cpu" "$refused" 2>&1) || status=$?
    echo "$cpu, a bit flipped: $said"
    [ "$status" = 1 ] && [[ $said == *checksum* ]] ||
        fail "$cpu: a damaged policy must be refused for its checksum, with status 1 and not $status"

    program=$(($(size_of "$firmware" '\.vector_table|\.text|\.rodata|\.data') - $(field policy_bytes)))
    table+=$'\n'$(printf "$row" "$cpu" "$(field instructions_per_step)" \
        "$(field instructions_per_link)" "$program" "$(field policy_bytes)" \
        "$(size_of "$firmware" '\.data|\.bss|\.uninit')")
done
echo "$table"
