#!/usr/bin/env bash
# The example driver (targets/edge/examples/gymnasium_driver.py) as a new user tries it: policies trained here are
# fine-tuned on Gymnasium's own environments, which wait for an action, and on one that does not. Installs what it
# needs; keeps its packages in target/gymnasium.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
venv=${CARGO_TARGET_DIR:-target}/gymnasium
[[ -x $venv/bin/pip ]] || python3 -m venv "$venv"
"$venv/bin/pip" install -q --disable-pip-version-check gymnasium==1.4.0 numpy==2.4.6
driver="exec $venv/bin/python targets/edge/examples/gymnasium_driver.py"

cargo build -q --locked --workspace --exclude lacewing-burn --bin lacewing --bin lacewing-edge
lacewing=${CARGO_TARGET_DIR:-target}/debug/lacewing edge=${CARGO_TARGET_DIR:-target}/debug/lacewing-edge

for env in Pendulum-v1 CartPole-v1; do
  "$lacewing" train "$env" --sparsity 0.9 --hidden 64,64 --steps 3000 --seed 1 --out "$work/$env" 2>/dev/null
  "$edge" finetune "$work/$env/policy.lace" --env-command "$driver $env" --steps 2000 --episodes 5 \
    --evaluate-every 500 --out "$work/$env.lace" | tee "$work/report"
  grep -q '^after: ' "$work/report"
  "$lacewing" eval "$work/$env.lace" --episodes 5
done

# As a robot, which does not wait.
"$edge" finetune "$work/Pendulum-v1/policy.lace" --learning slack --steps 800 --warm-up 100 \
  --out "$work/live.lace" --env-command "$driver Pendulum-v1 --period 0.003" | tee "$work/report"
grep -q '^learned: [1-9]' "$work/report"
