#!/usr/bin/env bash
# Builds the firmware for Cortex-M4F and Cortex-M7 and runs it on Arm's MPS2 boards under qemu, each policy in
# flash: prints instructions, flash and RAM; fails where an action differs from what this machine computes in
# any bit, for links stored in every way; where a count is not repeatable; where the record takes more than it
# did; or where a damaged policy is not refused.
#   targets/cortex-m/run.sh [POLICY...]
# Without one, the 90 % sparse HalfCheetah record: as it is, and with plain columns as f16 and f32.
# Installs what is missing: Rust's target by rustup, qemu by apt, on Debian or Ubuntu, into target/.
set -euo pipefail
policies=()
for policy in "$@"; do policies+=("$(realpath "$policy")"); done
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
build() { # CPU
    local out=$root/target/cortex-m/$1
    (cd targets/cortex-m && RUSTFLAGS="-Ctarget-cpu=$1" CARGO_TARGET_DIR=$out \
        cargo build --quiet --locked --release --target "$rust")
    echo "$out/$rust/release/lacewing-cortex-m"
}
# As in memory.x.
policy_address=0x00100000

# Every instruction takes 64 ns of the emulated time: the firmware counts them by a clock.
emulate() { # CPU FIRMWARE POLICY
    local board=mps2-an386
    [ "$1" = cortex-m7 ] && board=mps2-an500
    # In a shell of its own: timeout starts programs, not functions.
    export -f qemu
    tools=$tools timeout 60 bash -c 'qemu "$@"' qemu -M "$board" -cpu "$1" -nographic -monitor none \
        -serial none -semihosting-config enable=on,target=native \
        -icount shift=6,align=off,sleep=off -kernel "$2" \
        -device "loader,file=$3,addr=$policy_address,force-raw=on"
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

workspace() { cargo run --quiet --locked "$@"; }
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
    limits=(62500 58000 47500)
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
    firmware=$(build "$cpu")
    at=0
    for policy in "$variants"/stored/*.lace "${policies[@]}"; do
        report=$(emulate "$cpu" "$firmware" "$policy") || fail "$cpu: $policy does not run"
        [ "$(field actions)" = "${expected[$at]}" ] ||
            fail "$cpu, $policy: actions are $(field actions) and on this machine ${expected[$at]}"
        at=$((at + 1))
        [[ $policy == "$variants"/stored/* ]] && continue
        echo "$cpu: $report"
        [ "$(emulate "$cpu" "$firmware" "$policy")" = "$report" ] || fail "$cpu: a second run says something else"
        step=$(field instructions_per_step)
        limit=${limits[$((at - 1 - (${#expected[@]} - ${#policies[@]})))]:-}
        [ "$step" -le "${limit:-$step}" ] || fail "$cpu, $policy: $step instructions, more than $limit"
        table+=$'\n'$(printf "$row" "$cpu" "$(basename "$policy" .lace)" "$step" "$(field instructions_per_link)" \
            "$(size_of "$firmware" '\.vector_table|\.text|\.rodata|\.data')" "$(field policy_bytes)" \
            "$(size_of "$firmware" '\.data|\.bss|\.uninit')" "$(field stack_bytes)")
    done

    status=0
    said=$(emulate "$cpu" "$firmware" "$damaged" 2>&1) || status=$?
    echo "$cpu, a bit flipped: $said"
    [ "$status" = 1 ] && [[ $said == *checksum* ]] ||
        fail "$cpu: a damaged policy must be refused for its checksum, with status 1 and not $status"
done
echo "$at policies on each chip, all actions to the bit"
echo "$table"
