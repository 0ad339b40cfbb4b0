# For the scripts beside it: builds programs of the firmware and runs them on Arm's MPS2 boards under qemu.
# Installs what is missing: Rust's target by rustup, qemu by apt, on Debian or Ubuntu, into target/.
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
build() { # CPU PROGRAM [FEATURE]
    local out=$root/target/cortex-m/$1
    (cd targets/cortex-m && RUSTFLAGS="-Ctarget-cpu=$1" CARGO_TARGET_DIR=$out \
        cargo build --quiet --locked --release --target "$rust" --bin "$2" ${3:+--features "$3"})
    echo "$out/$rust/release/$2"
}
# As in memory/mps2.x.
policy_address=0x00100000

# Every instruction takes 64 ns of the emulated time: the firmware counts them by a clock.
# Takes the place of the shell it is called in: its signals end the emulator.
emulate() { # CPU FIRMWARE POLICY SECONDS LINE
    local board=mps2-an386
    [ "$1" = cortex-m7 ] && board=mps2-an500
    # In a shell of its own: timeout starts programs, not functions.
    export -f qemu
    export tools
    exec timeout "$4" bash -c 'qemu "$@"' qemu -M "$board" -cpu "$1" -nographic -monitor none \
        -serial "$5" -semihosting-config enable=on,target=native \
        -icount shift=6,align=off,sleep=off -kernel "$2" \
        -device "loader,file=$3,addr=$policy_address,force-raw=on"
}
workspace() { # PROGRAM ARGUMENTS...
    cargo build --quiet --locked --workspace --exclude lacewing-burn --bin "$1"
    "${CARGO_TARGET_DIR:-$root/target}/debug/$1" "${@:2}"
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
thousands() { sed -E ':a; s/([0-9])([0-9]{3})($|,)/\1,\2\3/; ta' <<<"$1"; }
# The table of what `replay` reports, and a row of it.
table_head() {
    echo '| chip | policy | instructions/step | instructions/link | program, flash | policy, flash | static RAM | stack |'
    echo '|---|---|--:|--:|--:|--:|--:|--:|'
}
table_row() { # CPU FIRMWARE LABEL
    local number
    printf '| %s | %s' "$1" "$3"
    for number in "$(field instructions_per_step)" "$(field instructions_per_link)" \
        "$(size_of "$2" '\.vector_table|\.text|\.rodata|\.data')" "$(field policy_bytes)" \
        "$(size_of "$2" '\.data|\.bss|\.uninit')" "$(field stack_bytes)"; do
        printf ' | %s' "$(thousands "$number")"
    done
    echo ' |'
}
