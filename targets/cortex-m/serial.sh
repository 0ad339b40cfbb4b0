#!/usr/bin/env bash
# Talks to the firmware on the emulated boards' serial line: a policy is sent, tried, confirmed; goes where it is not
# confirmed; is refused where it is damaged; and noise on the line changes nothing.
#   targets/cortex-m/serial.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
. targets/cortex-m/emulator.sh

cargo build --quiet --locked -p lacewing-serial
work=$(mktemp -d)
emulator=
stop() {
    [ -z "$emulator" ] || kill "$emulator" 2>/dev/null || true
    rm -r "$work"
}
trap stop EXIT
line=$work/line

talk() { timeout 60 target/debug/lacewing-serial "$line" "$@"; }
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
damaged=$work/damaged.lace
cp "$better" "$damaged"
printf 'x' | dd of="$damaged" bs=1 seek=9000 conv=notrunc status=none

for cpu in cortex-m4 cortex-m7; do
    firmware=$(build "$cpu" serial)
    emulate "$cpu" "$firmware" "$factory" 300 "unix:$line,server=on,wait=off" </dev/null &
    emulator=$!
    for _ in $(seq 50); do [ -S "$line" ] && break || sleep 0.1; done

    expect 'factory policy' talk info
    expect 'instructions a control step' talk measure
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
    talk send "$better"
    talk restart
    talk confirm
    talk restart
    expect 'confirmed policy' talk info
    noise 20000
    expect 'confirmed policy' talk info
    expect 'every bit as here' talk check "$better"
    kill "$emulator"
    wait "$emulator" 2>/dev/null || true
    emulator=
    rm -f "$line"
done
