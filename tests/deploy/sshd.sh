#!/usr/bin/env bash
# `lacewing deploy` to a real sshd on this machine: switch, roll-back, damaged uploads, wrong robots, old
# policies, full disks, cut connections, crash loops, failed health tests, killed installations. Whatever
# happens, what `lacewing-edge start` starts is a whole policy. Needs the debug programs of the workspace and
# Python 3; installs Debian's openssh-server where there is none. Some 30 s.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=$(cd "${CARGO_TARGET_DIR:-target}" && pwd)/debug
lacewing=$target/lacewing
records=$PWD/tests/records/halfcheetah-td3-90
work=$(mktemp -d)
# What ships has no debug information either, and travels faster.
edge=$work/lacewing-edge
strip -o "$edge" "$target/lacewing-edge" 2>/dev/null || cp "$target/lacewing-edge" "$edge"
mounted=
finish() {
  [[ -f $work/sshd.pid ]] && kill "$(cat "$work/sshd.pid")" 2>/dev/null
  [[ -n $mounted ]] && umount "$mounted"
  rm -rf "$work"
}
trap finish EXIT

sshd=$(command -v sshd || echo /usr/sbin/sshd)
[[ -x $sshd ]] || {
  install='apt-get install -y --no-install-recommends openssh-server'
  DEBIAN_FRONTEND=noninteractive $install || { apt-get update && DEBIAN_FRONTEND=noninteractive $install; }
}
[[ $(id -u) != 0 ]] || mkdir -p /run/sshd
sftp=$(ls /usr/lib/openssh/sftp-server /usr/libexec/sftp-server /usr/libexec/openssh/sftp-server 2>/dev/null | head -1 || true)
ssh-keygen -q -t ed25519 -N '' -f "$work/host"
ssh-keygen -q -t ed25519 -N '' -f "$work/user"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >"$work/sshd_config" <<EOF
Port $port
ListenAddress 127.0.0.1
HostKey $work/host
PidFile $work/sshd.pid
AuthorizedKeysFile $work/user.pub
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
MaxStartups 50
Subsystem sftp $sftp
EOF
"$sshd" -f "$work/sshd_config" -E "$work/sshd.log"
cat >"$work/ssh_config" <<EOF
Host rover rover2 cut
  HostName 127.0.0.1
  Port $port
Host gone
  HostName 127.0.0.1
  Port 1
Host *
  User $(id -un)
  IdentityFile $work/user
  IdentitiesOnly yes
  UserKnownHostsFile $work/known_hosts
  StrictHostKeyChecking accept-new
  LogLevel ERROR
EOF

passed=0
step() { printf '== %s (%ss)\n' "$1" "$SECONDS"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; tail -5 "$work/sshd.log" >&2; exit 1; }
# says TEXT COMMAND…: the command succeeds and says it.
says() { local text=$1 out; shift; out=$("$@" 2>&1) || fail "$* failed: $out"
  [[ $out == *"$text"* ]] || fail "$* does not say '$text': $out"; passed=$((passed + 1)); }
# refused TEXT COMMAND…: the command fails, in one line a robot, and says it.
refused() { local text=$1 out; shift; out=$("$@" 2>&1) && fail "$* succeeds: $out"
  [[ $out == *"$text"* ]] || fail "$* does not say '$text': $out"
  [[ $out != *panicked* ]] || fail "$* panics: $out"; passed=$((passed + 1)); }

robot=$work/robot robot2=$work/robot2
deploy() { "$lacewing" deploy --edge "$edge" --ssh-config "$work/ssh_config" "$@"; }
to_rover() { deploy --to "rover:$robot" "$@"; }
observation="[$(printf '0.1,%.0s' {1..16})0.1]"
# Answers 60 observations and ends, as a program that systemd starts again.
run='i=0; while [ $i -lt 60 ]; do i=$((i+1)); echo "'$observation'"; done | "$LACEWING_EDGE" act "$LACEWING_POLICY" --confirm >actions'
start() { "$robot/current/lacewing-edge" start "$robot"; }
# acts_as POLICY: what starts now is this policy, whole.
acts_as() { start 2>/dev/null || true
  [[ $(tail -1 "$robot/actions") == "$("$edge" act "$1" <<<"$observation")" ]] || fail "it does not act as $1"
  passed=$((passed + 1)); }

# Policies for this robot, in the order of their counters.
"$lacewing" keygen "$work/fleet" >/dev/null
"$lacewing" keygen "$work/other" >/dev/null
for n in 1 2 3 4 5; do
  cp "$records/seed$n/policy.lace" "$work/p$n.lace"
  "$lacewing" sign "$work/p$n.lace" --key "$work/fleet.key" --robot rover-1 --counter "$n" >/dev/null
done
p1=$work/p1.lace p2=$work/p2.lace p3=$work/p3.lace p4=$work/p4.lace p5=$work/p5.lace

step 'keys and signatures'
[[ $(stat -c %a "$work/fleet.key") == 600 ]] || fail 'a secret key that others can read'
refused 'is there already' "$lacewing" keygen "$work/fleet"
says 'robot rover-1, counter 2' "$lacewing" verify "$p2" --key "$work/fleet.pub"
refused 'not by the trusted key' "$lacewing" verify "$p2" --key "$work/other.pub"
refused 'secret key' "$lacewing" verify "$p2" --key "$work/fleet.key"
refused 'not `rover-9`' "$lacewing" verify "$p2" --key "$work/fleet.pub" --robot rover-9
trust=(--trust "$work/fleet.pub" --robot rover-1 --newest "$work/newest")
says '[' "$edge" act "$p2" "${trust[@]}" <<<"$observation"
refused 'older than the 2' "$edge" act "$p1" "${trust[@]}"
refused 'is not signed' "$edge" measure "$records/seed1/policy.lace" "${trust[@]}"
refused 'signed for robot `rover-1`' "$edge" finetune "$p3" --trust "$work/fleet.pub" --robot rover-2 --out "$work/x" --env-command false
refused 'go together' "$edge" act "$p2" --trust "$work/fleet.pub"
refused 'leave them out' "$edge" status "$robot" --robot rover-1

step 'the first policy'
refused 'deploy one' to_rover --status
refused 'is not signed' to_rover "$records/seed1/policy.lace" --robot rover-1 --trust "$work/fleet.pub" --run "$run"
refused 'needs the name' to_rover "$p1" --trust "$work/fleet.pub" --run "$run"
[[ ! -e $robot/trust.pem && ! -e $robot/current ]] || fail 'a refused policy leaves something'
says 'version 1 is installed; there is no systemd here' \
  to_rover "$p1" --robot rover-1 --trust "$work/fleet.pub" --run "$run" --good-steps 50
says 'trying' to_rover --status
acts_as "$p1"
says 'confirmed' to_rover --status
says 'is this one already' to_rover "$p1" --good-steps 50

step 'a switch, and back'
says 'version 2 is installed' to_rover "$p2" --good-steps 50
(sleep 1; start) & waiter=$!
says 'confirmed' to_rover "$p2" --good-steps 50 --wait 20
wait "$waiter"
acts_as "$p2"
says 'version 2 is left for version 1' to_rover --rollback
acts_as "$p1"
refused 'version 1 is the only one that can run' to_rover --rollback
says 'version 3 is installed' to_rover "$p2" --good-steps 50
acts_as "$p2"

step 'what is refused'
refused 'older than the 2' to_rover "$p1"
cp "$p3" "$work/altered.lace"; cp "$p4.sig" "$work/altered.lace.sig"
refused 'not the one that was signed' to_rover "$work/altered.lace"
cp "$p3" "$work/foreign.lace"
"$lacewing" sign "$work/foreign.lace" --key "$work/fleet.key" --robot rover-2 >/dev/null
refused 'signed for robot `rover-2`' to_rover "$work/foreign.lace"
"$lacewing" sign "$work/foreign.lace" --key "$work/other.key" --robot rover-1 >/dev/null
refused 'not by the trusted key' to_rover "$work/foreign.lace"
"$lacewing" sign "$work/foreign.lace" --key "$work/fleet.key" --robot rover-1 --counter 2 >/dev/null
refused 'another policy with counter 2' to_rover "$work/foreign.lace"
refused 'this robot is `rover-1`' to_rover "$p3" --robot rover-2
refused 'trusts another key already' to_rover "$p3" --trust "$work/other.pub"
cp tests/goldens/v2_example.lace "$work/small.lace"
"$lacewing" sign "$work/small.lace" --key "$work/fleet.key" --robot rover-1 --counter 9 >/dev/null
refused 'takes 3 observations, the one that runs 17' to_rover "$work/small.lace"
acts_as "$p2"

step 'damaged on the way'
mkdir "$work/bin"
cat >"$work/bin/scp" <<EOF
#!/usr/bin/env bash
for file; do
  [[ \$file != */"\$SPOILED" || ! -f \$file ]] ||
    printf X | dd of="\$file" bs=1 seek=\$((\$(stat -c %s "\$file") - 100)) conv=notrunc status=none
done
exec $(command -v scp) "\$@"
EOF
chmod +x "$work/bin/scp"
for file in policy.lace lacewing-edge; do
  refused 'damaged' env SPOILED=$file PATH="$work/bin:$PATH" "$lacewing" deploy --edge "$edge" --ssh-config "$work/ssh_config" --to "rover:$robot" "$p3"
done
acts_as "$p2"

step 'a connection that is cut'
cat >"$work/relay.py" <<'EOF'
import os, select, socket, sys
port, left = int(sys.argv[1]), int(sys.argv[2])
peer = socket.create_connection(("127.0.0.1", port))
while left > 0:
    for ready in select.select([0, peer], [], [])[0]:
        data = os.read(0, min(left, 32768)) if ready == 0 else peer.recv(32768)
        if not data:
            sys.exit()
        if ready == 0:
            peer.sendall(data)
            left -= len(data)
        else:
            os.write(1, data)
EOF
size=$(stat -c %s "$edge")
for bytes in 100 2500 8000 40000 $((size / 2)) $((size + 20000)); do
  refused '' deploy --to "cut:$robot" --ssh-option "ProxyCommand=python3 $work/relay.py $port $bytes" "$p3"
  acts_as "$p2"
done

step 'a full disk'
full=$work/full; mkdir "$full"
if mount -t tmpfs -o "size=$((size * 3 / 2))" none "$full" 2>/dev/null; then
  mounted=$full
  says 'version 1 is installed' deploy --to "rover:$full/robot" "$p1" --run "$run" --good-steps 50
  robot=$full/robot; acts_as "$p1"
  refused 'cannot copy' to_rover "$p2"
  acts_as "$p1"
  [[ -z $(ls "$robot/uploads") ]] || fail 'a broken upload keeps its room'
  robot=$work/robot
else
  echo 'left out: no right to mount a small disk (tests/tests/deploy_power.rs fills one in memory)'
fi

step 'crash loops and health tests'
says 'version 4 is installed' to_rover "$p3" --run 'exit 7' --tries 2
start && fail 'it does not crash'
start && fail 'it does not crash'
acts_as "$p2"
says 'again and again without a confirmation' to_rover --status
says 'is installed' to_rover "$p4" --health 'test -e sensors-are-fine' --good-steps 50
start 2>"$work/said" && true
grep -q 'health test `test -e sensors-are-fine` ended with' "$work/said" || fail "no health test: $(cat "$work/said")"
acts_as "$p2"
says 'failed its health test' to_rover --status
touch "$robot/sensors-are-fine"
says 'is installed' to_rover "$p4" --health 'test -e sensors-are-fine' --good-steps 50
acts_as "$p4"
says 'confirmed' to_rover --status

step 'installations that are killed'
for round in $(seq 20); do
  mkdir -p "$robot/uploads/kill"
  cp "$p5" "$robot/uploads/kill/policy.lace"; cp "$p5.sig" "$robot/uploads/kill/policy.lace.sig"
  cp "$edge" "$robot/uploads/kill/"
  hash() { sha256sum "$1" | cut -d' ' -f1; }
  "$edge" install "$robot" --upload kill --policy "$(hash "$p5")" --program "$(hash "$edge")" --good-steps 50 >/dev/null 2>&1 &
  sleep "0.0$((RANDOM % 10))"
  kill -9 $! 2>/dev/null && true
  wait $! 2>/dev/null && true
  start 2>/dev/null || true
  action=$(tail -1 "$robot/actions")
  [[ $action == "$("$edge" act "$p4" <<<"$observation")" || $action == "$("$edge" act "$p5" <<<"$observation")" ]] ||
    fail "after a kill something else acts: $action"
done
says 'version' to_rover "$p5" --good-steps 50
acts_as "$p5"

step 'several robots'
refused '1 of 3 failed, 1 not begun' deploy --jobs 1 --to "rover:$robot,gone,rover2:$robot2" "$p5" --good-steps 50
[[ ! -e $robot2/current ]] || fail 'a robot was begun after one had failed'
refused '1 of 3 failed, 0 not begun' deploy --jobs 2 --may-fail 1 --to "rover:$robot,gone,rover2:$robot2" "$p5" --good-steps 50 --run "$run"
[[ -e $robot2/current ]] || fail 'a robot that may be reached was left out'

step 'an image'
image() { "$lacewing" deploy --edge "$edge" --to "$work/image/opt" "$@"; }
says 'version 1 is installed; let its systemd' image "$p5" --robot rover-1 --trust "$work/fleet.pub" --run "$run" --good-steps 50
robot=$work/image/opt; acts_as "$p5"
says 'confirmed' image --status
refused 'version 1 is the only one' image --rollback
refused 'no lacewing-edge for armv7l' image "$p5" --machine armv7l
says 'nothing starts it' "$lacewing" deploy "$p5" --edge "$edge" --to "$work/image/idle"
refused 'no policy is installed in' "$lacewing" deploy --to "$work/image/nowhere" --status

echo "deploy: $passed checks passed in $SECONDS s"
