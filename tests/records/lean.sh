#!/usr/bin/env bash
# What --lean costs in return: Pendulum policies at 90 %, whose motor then has 30 % of its strength, fine-tuned for 4,000
# steps with and without it, links as they are: seed, memory, return of the frozen policy and of the tuned one.
#
#   tests/records/lean.sh OUT.csv [SEEDS]       # about a minute a seed
#
# A row that is there already is not made again. LACEWING names another program.
set -euo pipefail
out=$1 seeds=${2:-5}
lacewing=${LACEWING:-target/release/lacewing}
[[ -e $out ]] || echo 'seed,memory,frozen,tuned' >"$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for ((seed = 0; seed < seeds; seed++)); do
  for memory in full lean; do
    grep -q "^$seed,$memory," "$out" && continue
    [[ -e $work/$seed ]] ||
      "$lacewing" train Pendulum-v1 --sparsity 0.9 --seed "$seed" --out "$work/$seed" >"$work/log" 2>&1
    lean=$([[ $memory = lean ]] && echo --lean || true)
    # shellcheck disable=SC2086 # nothing, or one word
    "$lacewing" finetune "$work/$seed/policy.lace" --shift gear=0.3 --topology frozen --replay-values f16 \
      --steps 4000 --seed "$seed" --out "$work/tuned.lace" --force $lean >"$work/log" 2>&1
    score() { sed -n "s/.*, $1 policy: *return \([-0-9.]*\).*/\1/p" "$work/log"; }
    echo "$seed,$memory,$(score frozen),$(score tuned)" >>"$out"
  done
done
