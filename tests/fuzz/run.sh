#!/usr/bin/env bash
# Fuzzes what reads other people's bytes: libFuzzer, on stable Rust.
#
#   tests/fuzz/run.sh [-n RUNS | -t SECONDS] [TARGET...]
#
# TARGETs are policy, resume, config, grid, driver, line and onnx, which takes minutes to build; without any,
# all but onnx. A million inputs each, unless -n or -t says otherwise. Inputs that find something new
# are kept in target/fuzz/corpus/TARGET, beside the seeds of the repository; one that fails in
# target/fuzz/TARGET-crash-…, and it is run again by target/fuzz/…/release/TARGET FILE.
set -euo pipefail
cd "$(dirname "$0")/../.."

limit=-runs=1000000
while getopts n:t: option; do
  case $option in
    n) limit=-runs=$OPTARG ;;
    t) limit=-max_total_time=$OPTARG ;;
    *) echo "usage: $0 [-n RUNS | -t SECONDS] [TARGET...]" >&2; exit 2 ;;
  esac
done
shift $((OPTIND - 1))
targets=("$@")
if [ $# = 0 ]; then targets=(policy resume config grid driver line); fi

# As cargo-fuzz sets them, but for the sanitizer, which needs nightly: .ci/miri and .ci/sanitize look for
# what that would find.
host=$(rustc -vV | sed -n 's/^host: //p')
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares"
export CARGO_TARGET_DIR=$PWD/target/fuzz
features=() bins=()
for target in "${targets[@]}"; do
  if [ "$target" = onnx ]; then features=(--features onnx); fi
  bins+=(--bin "$target")
done
# The workspace's versions, to which cargo adds libFuzzer.
cp Cargo.lock tests/fuzz/Cargo.lock
# Host and target are named apart, lest build scripts get the flags too.
cargo build -q --release --manifest-path tests/fuzz/Cargo.toml --target "$host" \
  "${features[@]}" "${bins[@]}"

for target in "${targets[@]}"; do
  corpus=target/fuzz/corpus/$target
  mkdir -p "$corpus"
  case $target in
    policy) cp tests/goldens/*.lace "$corpus" ;;
    onnx) cp tests/parity/fixtures/*.onnx "$corpus" ;;
    *) cp "tests/fuzz/seeds/$target"/* "$corpus" ;;
  esac
  # Texts are interesting where they are short.
  longest=20000
  case $target in config | grid | line) longest=1500 ;; esac
  start=$SECONDS
  "target/fuzz/$host/release/$target" "$corpus" "$limit" -seed=1 \
    -max_len=$longest -timeout=20 -rss_limit_mb=4096 -print_final_stats=1 -verbosity=0 \
    -artifact_prefix="target/fuzz/$target-" >"target/fuzz/$target.log" 2>&1 ||
    { tail -n 30 "target/fuzz/$target.log" >&2; exit 1; }
  echo "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "target/fuzz/$target.log") inputs in" \
    "$((SECONDS - start)) s"
done
