#!/usr/bin/env bash
# Talks to the firmware on the emulated boards' serial line: a policy is sent, tried, confirmed; goes where it is not
# confirmed; is refused where it is damaged; and noise on the line changes nothing. Fails where a panic would format text.
#   targets/cortex-m/serial.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
. targets/cortex-m/emulator.sh

cargo build --quiet --locked --workspace --exclude lacewing-burn --bin lacewing-serial --bin lacewing-edge
work=$(mktemp -d)
emulator=
stop() {
    [ -z "$emulator" ] || kill "$emulator" 2>/dev/null || true
    rm -r "$work"
}
trap stop EXIT
line=$work/line

talk() { timeout 300 target/debug/lacewing-serial "$line" "$@"; }
expect() { # WORDS COMMAND...
    local words=$1 said
    shift
    said=$("$@" 2>&1) || true
    [[ $said == *"$words"* ]] || fail "$cpu: expected $words and not: $said"
    echo "$cpu: $said"
}
noise() { # BYTES
    head -c "$1" /dev/urandom |
        perl -MIO::Socket::UNIX -e 'my $line = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die; local $/;
            print $line <STDIN>; shutdown($line, 1); 1 while <$line>' "$line" >/dev/null
}

factory=$root/tests/records/halfcheetah-td3-90/seed1/policy.lace
better=$root/tests/records/halfcheetah-td3-90/seed2/policy.lace
pendulum=$root/targets/cortex-m/pendulum.lace
damaged=$work/damaged.lace
cp "$better" "$damaged"
printf 'x' | dd of="$damaged" bs=1 seek=9000 conv=notrunc status=none

start() { # PROGRAM POLICY
    local firmware
    firmware=$(build "$cpu" "$1")
    emulate "$cpu" "$firmware" "$2" 900 "unix:$line,server=on,wait=off" </dev/null &
    emulator=$!
    for _ in $(seq 50); do [ -S "$line" ] && break || sleep 0.1; done
}
end() {
    kill "$emulator"
    wait "$emulator" 2>/dev/null || true
    emulator=
    rm -f "$line"
}

for cpu in cortex-m4 cortex-m7; do
    symbols=$(readelf -sW "$(build "$cpu" serial)")
    [[ $symbols == *9panicking* ]] || fail "$cpu: the firmware has no symbols to look through"
    ! grep 4core3fmt <<<"$symbols" || fail "$cpu: the firmware formats text"
    start serial "$factory"
    expect 'factory policy' talk info
    expect 'instructions a control step' talk measure
    expect '/dev/nowhere: No such file' target/debug/lacewing-serial /dev/nowhere info
    expect "cannot read $work/nothing.lace" talk send "$work/nothing.lace"
    expect 'every bit as here' talk check "$factory"
    expect 'the chip refuses: that policy did not come by the line' talk confirm
    expect 'the chip refuses: the policy file is damaged' talk send "$damaged"
    talk send "$better"
    expect 'factory policy' talk info
    for starts in 2 1 0; do
        talk restart
        expect "on trial, $starts starts left" talk info
        expect 'every bit as here' talk check "$better"
    done
    # It was never confirmed.
    talk restart
    expect 'factory policy' talk info
    expect 'not on trial' talk revert
    talk send "$better"
    talk restart
    expect 'confirm or revert it' talk send "$better"
    talk revert
    expect 'factory policy' talk info
    talk send "$better"
    talk restart
    talk confirm
    talk restart
    expect 'confirmed policy' talk info
    noise 20000
    expect 'confirmed policy' talk info
    expect 'every bit as here' talk check "$better"
    expect 'the chip refuses: this firmware has no plant' talk tune 1
    end

    start robot "$pendulum"
    expect 'the chip refuses: nothing was learned' talk save
    expect '600 steps, 200 updates, 3 episodes' talk tune 600
    talk save
    talk log "$work/$cpu.log"
    expect '"updates"' target/debug/lacewing-edge log "$work/$cpu.log" --json
    expect 'factory policy' talk info
    talk restart
    expect 'on trial, 2 starts left' talk info
    talk fetch "$work/$cpu.lace"
    expect 'every bit as here' talk check "$work/$cpu.lace"
    expect 'differ' cmp "$work/$cpu.lace" "$pendulum"
    # As the workstation reads it, its probes included.
    target/debug/lacewing-edge measure "$work/$cpu.lace" >/dev/null
    talk confirm
    talk restart
    expect 'confirmed policy' talk info
    # What it is now can be learned on with.
    expect '420 steps, 20 updates' talk tune 420
    end
done
cmp "$work/cortex-m4.lace" "$work/cortex-m7.lace" || fail 'the chips differ in what they learn'
