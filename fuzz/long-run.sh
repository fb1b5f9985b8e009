#!/bin/bash
# A long, coverage-guided run: SECONDS_EACH FOLDER [TARGET...], of every target if none is named. FOLDER gets a log of each. It goes on from
# what earlier runs found, and afterwards `corpus/long` holds, a line each in base64, the inputs that reach everything that was reached.
# Needs `cargo install cargo-bolero --locked`.
set -euo pipefail
seconds=$1 logs=$(realpath --canonicalize-missing "$2")
shift 2
mkdir -p "$logs"
cd "$(dirname "$0")/.."
targets=("$@")
if [ ${#targets[@]} = 0 ]; then
    mapfile -t targets < <(cargo test --quiet --package ritorno-fuzz --test fuzz -- --list | sed -n 's/: test$//p')
fi
for target in "${targets[@]}"; do
    found=fuzz/corpus/long/${target//::/-}.txt inputs=fuzz/tests/fuzz/__fuzz__/${target//::/__}/corpus
    mkdir -p "$inputs" "$(dirname "$found")"
    if [ -e "$found" ]; then
        number=0
        while read -r line; do
            base64 --decode <<<"$line" >"$inputs/found-$((number += 1))"
        done <"$found"
    fi
    log=$logs/${target//::/-}.log
    same=(--package ritorno-fuzz "$target" --engine libfuzzer --rustc-bootstrap)
    cargo bolero test "${same[@]}" -T "${seconds}s" --max-input-length 4096 >"$log" 2>&1 || echo "$target: see $log"
    cargo bolero reduce "${same[@]}" >>"$log" 2>&1 || echo "$target: its corpus could not be reduced, see $log"
    for input in "$inputs"/*; do
        base64 --wrap=0 "$input" && echo
    done | LC_ALL=C sort --unique >"$found"
done
