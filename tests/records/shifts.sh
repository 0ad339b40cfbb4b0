#!/usr/bin/env bash
# Fine-tunes trained robots whose dynamics have changed, and writes the return of the learner on the way (not of the
# best so far; step 0 is the frozen policy), 10 episodes each: run, shift, links, step, return. The row `unchanged` is
# the return before the shift. tests/records/shifts.py makes the table of it.
#
#   tests/records/shifts.sh OUT.csv RUN…        # RUN: folders of `lacewing train`, whose name is what the table has
#
# A row that is there already is not made again, so what was cut goes on. LACEWING names another program,
# STEPS another length, SHIFTS and LINKS some of them, MORE further options of `lacewing finetune`.
set -euo pipefail
out=$1
shift
lacewing=${LACEWING:-target/release/lacewing} steps=${STEPS:-100000}
[[ -e $out ]] || echo 'run,shift,links,step,return' >"$out"
log=$(mktemp)
trap 'rm -f "$log" "$log.lace"' EXIT
for run in "$@"; do
  name=$(basename "$run")
  if ! grep -q "^$name,unchanged," "$out"; then
    mean=$("$lacewing" eval "$run/policy.lace" --seed 1 --json | sed -n 's/.*"mean":\([-0-9.]*\).*/\1/p')
    printf '%s,unchanged,,0,%.1f\n' "$name" "$mean" >>"$out"
  fi
  # Nothing can move where every link is.
  kinds=${LINKS:-frozen set rigl}
  if grep -q '^method = "dense"' "$run/config.toml"; then kinds=dense; fi
  for change in ${SHIFTS:-gear=0.6 mass=1.5 friction=0.5 dead-actuator=0 sensor-noise=0.05}; do
    for links in $kinds; do
      grep -q "^$name,$change,$links,$steps," "$out" && continue
      "$lacewing" finetune "$run/policy.lace" --shift "$change" --topology "${links/dense/frozen}" --steps "$steps" \
        --evaluate-every $((steps / 10)) --warm-up 1000 --replay "$steps" --seed 1 --out "$log.lace" --force \
        ${MORE:-} 2>&1 |
        tr '\r' '\n' >"$log"
      sed -n 's/^step \([0-9]*\): return \([-0-9.]*\).*/\1 \2/p' "$log" | while read -r step return; do
        echo "$name,$change,$links,$step,$return"
      done >>"$out"
    done
  done
done
