#!/usr/bin/env bash
# A report on committed records, looked at by Chromium: wide and light, narrow and dark. Screenshots go to
# target/report. Needs Python 3, and apt where there is no Chromium yet.
set -euo pipefail
cd "$(dirname "$0")/../.."
if ! command -v chromium >/dev/null; then
  install='apt-get install -y -qq --no-install-recommends chromium'
  $install || { apt-get update -qq && $install; }
fi
records=tests/records
cargo build --quiet --locked --workspace --exclude lacewing-burn --bin lacewing
"${CARGO_TARGET_DIR:-target}/debug/lacewing" report --force -o "${CARGO_TARGET_DIR:-target}/report" \
  $records/halfcheetah-td3-90/seed? $records/recipe/critics-90/seed? $records/halfcheetah-set-90-seed1
exec python3 tests/report/browser.py "${CARGO_TARGET_DIR:-target}/report"
