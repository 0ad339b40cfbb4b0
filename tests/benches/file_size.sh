#!/usr/bin/env bash
# Bytes of one policy in our encodings and in other formats, smallest first.
#
#   tests/benches/file_size.sh [POLICY]   default: the 90 % sparse record of HalfCheetah, 17-256-256-6
#
# The Python packages (onnx, safetensors, zstandard, tensorflow-cpu) are installed by pip, a GB, into
# target/size-venv, or LACEWING_SIZE_VENV.
set -euo pipefail
cd "$(dirname "$0")/../.."
policy=${1:-tests/records/halfcheetah-set-90-seed1/policy.lace}

venv=${LACEWING_SIZE_VENV:-target/size-venv}
if ! [ -x "$venv/bin/pip" ]; then python3 -m venv "$venv"; fi
echo "looking for Python packages in $venv, else installing them ..." >&2
"$venv/bin/pip" install --quiet --disable-pip-version-check \
  onnx==1.23.2 safetensors==0.8.0 tensorflow-cpu==2.21.0 zstandard==0.25.0

cargo build -q --release -p lacewing
lacewing=${CARGO_TARGET_DIR:-target}/release/lacewing
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# ours NAME OPTIONS...: the policy's bytes in an encoding
ours() {
  "$lacewing" export "$policy" --no-resume-section --force --out "$out/ours.lace" "${@:2}" >/dev/null
  printf '%s\t%s\n' "$1" "$(wc -c <"$out/ours.lace")"
}
{
  ours 'Lacewing, f32, u16' --values f32 --index u16
  ours 'Lacewing, f16, delta-u8' --values f16 --index delta-u8
  ours 'Lacewing, int8, auto' --values int8 --index auto
  ours 'Lacewing, f16, auto' --values f16 --index auto
  "$lacewing" export "$policy" --format onnx --out "$out/policy.onnx" >/dev/null
  "$venv/bin/python" tests/benches/file_size.py "$out/policy.onnx" "$out/ours.lace" 2>"$out/log" || { cat "$out/log" >&2; exit 1; }
} >"$out/table"
sort -t "$(printf '\t')" -k2,2n "$out/table" | awk -F '\t' '{ printf "%-34s %8d\n", $1, $2 }'
