#!/usr/bin/env bash
# Makes the recorded runs under fixtures/recordings again, all or some, and shows how their verdicts differ from those of before.
# Needs an idle machine: a starved run is not worth keeping. About half an hour for all, on two cores.
#
#   ci/record.sh                    every scenario, and the short ones of harness/cli/tests/scenarios
#   ci/record.sh spot arm-down      some of them
#   HARNESS=path ci/record.sh ...   with this binary instead of one that is built here
#
# A run that comes to another verdict than before is recorded all the same: git has the one of before, and the difference is printed.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -z "${HARNESS-}" ]; then
    cargo build --release --locked --package harness --bin harness
    HARNESS=target/release/harness
fi
cargo build --locked --quiet --package harness-testing --bin recording

# What the tests record beside the scenarios: runs that fail, and how the controller takes faults.
short=(arm-down arm-down-too-long controller-killed never-registers no-capacity no-quota throttled)
if [ "$#" -gt 0 ]; then
    names=("$@")
else
    names=()
    for file in scenarios/*.yaml; do names+=("$(basename "$file" .yaml)"); done
    names+=("${short[@]}")
fi

missing=()
for name in "${names[@]}"; do
    if [ -f "scenarios/$name.yaml" ]; then
        scenario=$name
    elif [ -f "harness/cli/tests/scenarios/$name.yaml" ]; then
        scenario=harness/cli/tests/scenarios/$name.yaml
    else
        echo "error: there is no scenario $name" >&2
        exit 2
    fi
    run=target/recordings/$name
    rm -rf "$run"
    # Exit codes 0 and 1 are verdicts. Anything else is a run that says nothing about the scenario.
    code=0
    "$HARNESS" run "$scenario" --profile smoke --seed 7 --cluster recording --quiet --out "$run" >/dev/null || code=$?
    if [ "$code" -gt 1 ]; then
        echo "error: $name ended with $code and is not recorded; see $run" >&2
        missing+=("$name")
        continue
    fi
    target/debug/recording "$run" "$name"
done
du -sh fixtures/recordings
[ "${#missing[@]}" -eq 0 ] || { echo "not recorded: ${missing[*]}" >&2; exit 1; }
