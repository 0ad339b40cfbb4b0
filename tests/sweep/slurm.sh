#!/bin/bash
# A sweep of four points on a real Slurm of one machine: `lacewing sweep submit --engine slurm`, cancelled
# under way and submitted again. Needs a Debian or Ubuntu with apt; its packages are unpacked under
# target/slurm, nothing is installed. Runs as root or as a user: jobs are the user's own.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=$(realpath "${CARGO_TARGET_DIR:-target}")
root=$target/slurm/root
if ! [ -x "$root/usr/bin/sbatch" ]; then
  mkdir -p "$target/slurm/packages" "$root"
  (cd "$target/slurm/packages" &&
    apt-get download slurmctld slurmd slurm-client slurm-wlm-basic-plugins libmunge2 libhwloc15 &&
    for package in *.deb; do dpkg -x "$package" "$root"; done)
fi
cargo build --quiet --locked --workspace --exclude lacewing-burn --bin lacewing
lacewing=$target/debug/lacewing

libraries=$(find "$root/usr/lib" -name libmunge.so.2 -printf '%h')
export LD_LIBRARY_PATH=$libraries:$libraries/slurm-wlm PATH=$root/usr/bin:$PATH
work=$(mktemp -d)
export SLURM_CONF=$work/slurm.conf
host=$(hostname -s) user=$(id -un)
cat > "$SLURM_CONF" <<CONF
ClusterName=one
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
AuthType=auth/none
CredType=cred/none
SlurmUser=$user
SlurmdUser=$user
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
PluginDir=$libraries/slurm-wlm
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
mkdir "$work/state" "$work/spool"
"$root/usr/sbin/slurmctld-wlm" -D -c > "$work/slurmctld.log" 2>&1 &
controller=$!
"$root/usr/sbin/slurmd-wlm" -D -d "$root/usr/sbin/slurmstepd-wlm" > "$work/slurmd.log" 2>&1 &
daemon=$!
trap 'kill $controller $daemon; wait; rm -rf "$work"' EXIT

fail() { echo "$1" >&2; tail -n 20 "$work"/*.log "$work"/sweep/log/* >&2; exit 1; }
# await SECONDS COMMAND...: until it succeeds
await() {
  for _ in $(seq $(($1 * 5))); do if "${@:2}" >/dev/null 2>&1; then return; fi; sleep 0.2; done
  fail "never: ${*:2}"
}
status() { "$lacewing" sweep status "$work/sweep"; }
idle() { sinfo -h -o %t | grep -qx idle; }
begun() { status | grep -q ' running  *[1-9]'; }
nothing_queued() { squeue -h > "$work/queue" && ! [ -s "$work/queue" ]; }

await 60 idle
cat > "$work/grid.toml" <<'GRID'
[base]
env = "Pendulum-v1"
sparsity = 0.8
hidden = [32, 32]
steps = 6000
evaluate-episodes = 1
checkpoint-every = 400
td3.start-steps = 400
td3.batch = 32
[axes]
method = ["static", "set"]
seed = [1, 2]
GRID
"$lacewing" sweep plan "$work/grid.toml" --no-estimate -o "$work/sweep"
"$lacewing" sweep submit "$work/sweep" --engine slurm --jobs 1
await 60 begun
scancel --user="$user"
await 60 nothing_queued
status | grep -q ' 1 stopped, 3 waiting$' || fail 'scancel left no checkpoint'
"$lacewing" sweep submit "$work/sweep" --engine slurm -- --time=1:00:00
await 300 nothing_queued
status
status | grep -q '^4 points: 4 done' || fail 'not all points are done'
