#!/usr/bin/env bash
# Exports policies with other people's tools and libraries and imports them: tests/parity/exporters.sh [GROUP...]
# prints a row for each, and fails where one is refused or answers otherwise than onnxruntime. Needs Python 3
# and pip; keeps some GB of packages in target/exporters-python and takes their installation's time.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=${CARGO_TARGET_DIR:-target}
groups=("$@")
if [ $# = 0 ]; then groups=(sb3 tianshou skrl rsl_rl d3rlpy godot rl_games rllib converters jax); fi

for group in "${groups[@]}"; do
  venv=$root/exporters-python
  # JAX and PyTorch want versions of their own of what they share.
  if [ "$group" = jax ]; then venv=$root/exporters-jax; fi
  if ! [ -x "$venv/bin/pip" ]; then python3 -m venv "$venv"; fi
  pip() { "$venv/bin/pip" install --quiet --disable-pip-version-check "$@"; }
  if [ "$group" = jax ]; then
    pip onnx==1.23.2 onnxruntime==1.31.1 jax==0.10.2 flax==0.12.8 jax2onnx==0.17.1
  else
    pip numpy==2.4.6 onnx==1.23.2 onnxruntime==1.31.1 torch==2.15.0 onnxscript==0.7.2 gymnasium
  fi
  # Where one wants older versions of others than it needs, it comes alone.
  alone() { pip --no-deps "$@"; }
  case $group in
    sb3) pip stable-baselines3==2.9.2 sb3-contrib==2.9.2 ;;
    tianshou) pip sensai-utils overrides deepdiff h5py matplotlib numba "pandas<3" pettingzoo tensorboard tqdm
      alone tianshou==2.0.1 ;;
    skrl) pip skrl==2.1.1 ;;
    rsl_rl) pip rsl-rl-lib==5.5.1 ;;
    d3rlpy) pip structlog dataclasses-json colorama click h5py gym scikit-learn tqdm
      alone d3rlpy==2.8.1 ;;
    godot) pip stable-baselines3==2.9.2
      alone godot-rl==0.8.2 ;;
    rl_games) pip pyyaml psutil setproctitle tensorboard tensorboardX watchdog
      alone rl-games==1.6.5 ;;
    rllib) pip "ray[rllib]==2.60.0" ;;
    converters) pip stable-baselines3==2.9.2 onnxconverter-common==1.16.0 onnxslim==0.1.98 ;;
    jax) pip mujoco mujoco-mjx jaxopt ml_collections optax etils tensorboardX orbax-checkpoint gym
      alone brax==0.14.2 ;;
  esac
  LACEWING_PARITY_PYTHON=$(cd "$venv" && pwd)/bin/python
  export LACEWING_PARITY_PYTHON LACEWING_PARITY_GROUPS=$group
  cargo test -q --workspace --exclude lacewing-burn --features lacewing/onnx,lacewing-tests/onnx --test onnx_matrix -- --ignored --nocapture \
    exports_of_other_tools_are_imported
done
