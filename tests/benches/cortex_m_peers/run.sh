#!/usr/bin/env bash
# One 17-256-256-6 control step on an emulated Cortex-M7, in executed instructions: dense f32 and int8 of our own,
# emlearn, microflow, and Lacewing at 90 % sparsity beside them. Every peer's actions are checked.
#   tests/benches/cortex_m_peers/run.sh
# Installs what is missing as targets/cortex-m/run.sh does, and gcc-arm-none-eabi by apt, emlearn by pip, microflow by
# cargo. Writes the table to target/cortex-m-peers/table.md. CMSIS-NN is in no package registry: its counts, taken on
# the same emulated board, are quoted.
set -euo pipefail
cd "$(dirname "$0")/../../.."
here=tests/benches/cortex_m_peers
. targets/cortex-m/emulator.sh

if ! command -v arm-none-eabi-gcc >/dev/null; then
    install='apt-get install -y --no-install-recommends gcc-arm-none-eabi libnewlib-arm-none-eabi'
    $install || { apt-get update && $install; }
fi
out=$root/target/cortex-m-peers
mkdir -p "$out"
[ -d "$out/emlearn-0.23.2" ] || python3 -m pip install --quiet --disable-pip-version-check --no-deps \
    --target "$out/emlearn-0.23.2" emlearn==0.23.2
python3 $here/network.py "$out"
NETWORK=$out/int8-rows.bin RUSTFLAGS=-Ctarget-cpu=cortex-m7 CARGO_TARGET_DIR=$out \
    cargo build --quiet --locked --release --target "$rust" --manifest-path $here/microflow/Cargo.toml

rows=()
# Flash beside the network, and static RAM, are the program's own: what checks and counts is in it too.
peer() { # NAME NETWORK TOLERANCE SOURCES...
    local name=$1 network=$2 tolerance=$3 program=$out/peer.elf instructions code data bss
    shift 3
    arm-none-eabi-gcc -mcpu=cortex-m7 -mfpu=fpv5-sp-d16 -mfloat-abi=hard -mthumb -O3 -funroll-loops \
        -ffunction-sections -fdata-sections -Wl,--gc-sections,--no-warn-rwx-segments,-z,noexecstack -nostartfiles \
        --specs=nano.specs --specs=nosys.specs "-DTOLERANCE=$tolerance" "-I$out/emlearn-0.23.2/emlearn" \
        -T $here/link.ld $here/main.c "$@" -lm -o "$program"
    instructions=$(emulate cortex-m7 "$program" "$out/$network.bin" 60 none </dev/null 2>&1) ||
        fail "$name does not run: $instructions"
    read -r code data bss < <(arm-none-eabi-size "$program" | tail -1 | cut -f1-3)
    # microflow's network is compiled into it.
    [ "$network" = int8-rows ] && code=$((code - $(stat -c %s "$out/$network.bin")))
    rows+=("$name|$instructions|$((code + data))|$(stat -c %s "$out/$network.bin")|$((data + bss))")
}
peer 'dense f32, plain C' rows 1e-5f $here/plain.c
peer 'dense f32, assembly, four rows at a time' panels 1e-5f $here/panels.c $here/dense.s
peer 'dense int8, assembly, SMLAD' int8 0.05f $here/int8.c $here/dense.s
peer 'emlearn 0.23.2, f32' columns 1e-5f $here/emlearn.c
peer 'microflow 0.1.3, int8' int8-rows 0.05f "$out/$rust/release/libmicroflow_peer.a"
rows+=('CMSIS-NN f32 (quoted)|436678|||' 'CMSIS-NN s8 (quoted)|161400|||')

# Ours: the records of 90 %, as the firmware's own script runs them.
policies=()
for record in halfcheetah-td3-90/seed1 structures/blocks-16x1-seed1 structures/blocks-4x1-seed1; do
    for encoding in 'f16 delta-u8' 'f16 u16' 'f32 u16'; do
        read -r values index <<<"$encoding"
        policy="$out/$(basename "${record/\/seed1/}" -seed1)_${values}_$index.lace"
        workspace lacewing export "tests/records/$record/policy.lace" --values "$values" --index "$index" \
            --force --out "$policy" >/dev/null
        policies+=("$policy")
    done
done
while IFS='|' read -r _ chip policy step _ program flash ram _; do
    if [[ $chip == *cortex-m7* ]]; then rows+=("lacewing, ${policy//_/, }|$step|$program|$flash|$ram"); fi
done < <(targets/cortex-m/run.sh "${policies[@]}" | tr -d ,)

of() { for row in "${rows[@]}"; do [[ $row == "$1"* ]] && cut -d'|' -f2 <<<"$row" && return; done; }
against=("$(of 'dense f32, plain')" "$(of 'dense f32, assembly')" "$(of 'dense int8')" "$(of 'CMSIS-NN s8')")
{
    echo '| | instructions a step | program, flash | network, flash | static RAM | as a share of plain dense f32 | of our dense f32 | of our dense int8 | of CMSIS-NN s8 |'
    echo '|---|--:|--:|--:|--:|--:|--:|--:|--:|'
    for row in "${rows[@]}"; do
        IFS='|' read -r name step program flash ram <<<"$row"
        line="| $(xargs <<<"$name") | $((step)) | $((program)) | $((flash)) | $((ram)) |"
        for other in "${against[@]}"; do
            line+=" $(awk "BEGIN { printf \"%.2f\", $step / $other }") |"
        done
        echo "${line// 0 |/ – |}"
    done
} | tee "$out/table.md"
