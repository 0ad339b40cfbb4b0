#!/usr/bin/env bash
# Fuzzes what reads other people's bytes: libFuzzer, on stable Rust.
#
#   tests/fuzz/run.sh [-n RUNS | -t SECONDS | -p] [-k] [TARGET...]
#
# TARGETs are policy, resume, config, grid, driver, act, line and onnx, which takes minutes to build; without
# any, all but onnx. A million inputs each, unless -n or -t says otherwise; -p plants a fault in each and fails
# where it is not found. Each begins from the repository's seeds and corpus (tests/fuzz/corpora) and keeps inputs that
# find something new in target/fuzz/corpus/TARGET; -k then puts as few of those into the repository's as find all that
# they do, none beyond 4 kB. One that fails is target/fuzz/TARGET-crash-…, and
# is run again by target/fuzz/…/release/TARGET FILE.
set -euo pipefail
cd "$(dirname "$0")/../.."

limit=-runs=1000000
planted= keep=
while getopts n:t:pk option; do
  case $option in
    n) limit=-runs=$OPTARG ;;
    t) limit=-max_total_time=$OPTARG ;;
    p) planted=yes ;;
    k) keep=yes ;;
    *) echo "usage: $0 [-n RUNS | -t SECONDS | -p] [-k] [TARGET...]" >&2; exit 2 ;;
  esac
done
shift $((OPTIND - 1))
targets=("$@")
if [ $# = 0 ]; then targets=(policy resume config grid driver act line); fi

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
  corpus=target/fuzz/corpus/$target prefix=target/fuzz/$target
  if [ $planted ]; then
    # From the seeds alone: what was found before would be the fault at once.
    corpus=target/fuzz/planted/$target prefix=target/fuzz/planted/$target
    rm -rf "$corpus"
  fi
  mkdir -p "$corpus"
  case $target in
    policy) cp tests/goldens/*.lace "$corpus" ;;
    onnx) cp tests/parity/fixtures/*.onnx "$corpus" ;;
    *) cp "tests/fuzz/seeds/$target"/* "$corpus" ;;
  esac
  kept=tests/fuzz/corpora/$target.tar.gz
  if [ -e "$kept" ] && [ ! $planted ]; then tar -xzf "$kept" -C "$corpus"; fi
  # Texts are interesting where they are short.
  longest=20000
  case $target in config | grid | act | line) longest=1500 ;; esac
  fuzz() {
    "target/fuzz/$host/release/$target" "$corpus" "$limit" -seed=1 \
      -max_len=$longest -timeout=20 -rss_limit_mb=4096 -print_final_stats=1 -verbosity=0 \
      -artifact_prefix="$prefix-" >"$prefix.log" 2>&1
  }
  executed() { sed -n 's/^stat::number_of_executed_units: *//p' "$prefix.log"; }
  start=$SECONDS
  if [ $planted ]; then
    seeds=$(mktemp -d)
    cp "$corpus"/* "$seeds"
    if LACEWING_FUZZ_PLANTED=$seeds fuzz || ! grep -q 'the planted fault' "$prefix.log"; then
      echo "$target does not find a planted fault: $prefix.log" >&2
      exit 1
    fi
    rm -r "$seeds"
    echo "$target: the planted fault found after $(executed) inputs"
    continue
  fi
  fuzz || { tail -n 30 "$prefix.log" >&2; exit 1; }
  echo "$target: $(executed) inputs in $((SECONDS - start)) s"
  if [ $keep ]; then
    small=$(mktemp -d) fewest=$(mktemp -d)
    find "$corpus" -type f -size -9 -exec cp -t "$small" {} +
    "target/fuzz/$host/release/$target" -merge=1 "$fewest" "$small" >>"$prefix.log" 2>&1
    mkdir -p tests/fuzz/corpora
    tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$fewest" -c . | gzip -9n >"$kept"
    echo "$target: $(find "$fewest" -type f | wc -l) of $(find "$corpus" -type f | wc -l) inputs kept in $kept"
    rm -r "$small" "$fewest"
  fi
done
