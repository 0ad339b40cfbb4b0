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
    pip numpy==2.4.6 onnx==1.23.2 onnxruntime==1.31.1 torch==2.15.0 onnxscript==0.7.2 gymnasium==1.4.0
  fi
  # Where one wants older versions of others than it needs, it comes alone.
  alone() { pip --no-deps "$@"; }
  case $group in
    sb3) pip stable-baselines3==2.9.2 sb3-contrib==2.9.2 ;;
    tianshou) pip sensai-utils==1.6.0 overrides==7.7.0 deepdiff==9.1.0 h5py==3.16.0 matplotlib==3.11.2 numba==0.68.1 \
      pandas==2.3.3 pettingzoo==1.27.0 tensorboard==2.21.0 tqdm==4.70.1
      alone tianshou==2.0.1 ;;
    skrl) pip skrl==2.1.1 ;;
    rsl_rl) pip rsl-rl-lib==5.5.1 ;;
    d3rlpy) pip structlog==26.1.0 dataclasses-json==0.6.7 colorama==0.4.6 click==8.5.1 h5py==3.16.0 gym==0.26.2 \
      scikit-learn==1.9.1 tqdm==4.70.1
      alone d3rlpy==2.8.1 ;;
    godot) pip stable-baselines3==2.9.2
      alone godot-rl==0.8.2 ;;
    rl_games) pip pyyaml==6.0.4 psutil==7.2.2 setproctitle==1.3.8 tensorboard==2.21.0 tensorboardX==2.6.5 watchdog==7.1.0
      alone rl-games==1.6.5 ;;
    rllib) pip "ray[rllib]==2.60.0" ;;
    converters) pip stable-baselines3==2.9.2 onnxconverter-common==1.16.0 onnxslim==0.1.98 ;;
    jax) pip mujoco==4.0.0 mujoco-mjx==3.17.0 jaxopt==0.8.5 ml_collections==1.1.0 optax==0.2.8 etils==1.15.0 \
      tensorboardX==2.6.5 orbax-checkpoint==0.11.36 gym==0.26.2
      alone brax==0.14.2 ;;
  esac
  LACEWING_PARITY_PYTHON=$(cd "$venv" && pwd)/bin/python
  export LACEWING_PARITY_PYTHON LACEWING_PARITY_GROUPS=$group
  cargo test -q --workspace --exclude lacewing-burn --features lacewing/onnx,lacewing-tests/onnx --test onnx_matrix -- --ignored --nocapture \
    exports_of_other_tools_are_imported
done
