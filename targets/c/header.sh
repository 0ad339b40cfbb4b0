#!/usr/bin/env bash
# Makes include/lacewing.h from src/lib.rs, or with --check says whether it is up to date. Installs cbindgen into
# target/tools.
set -euo pipefail
cd "$(dirname "$0")"
tools=${CARGO_TARGET_DIR:-../../target}/tools
cbindgen=$tools/bin/cbindgen
[[ $("$cbindgen" --version 2>/dev/null) == 'cbindgen 0.29.0' ]] ||
  cargo install --quiet --locked --root "$tools" --version 0.29.0 cbindgen
case ${1-} in
  --check) "$cbindgen" --quiet --config cbindgen.toml --output include/lacewing.h --verify src/lib.rs ;;
  '') "$cbindgen" --quiet --config cbindgen.toml --output include/lacewing.h src/lib.rs ;;
  *) echo "usage: $0 [--check]" >&2 && exit 2 ;;
esac
