#!/usr/bin/env bash
# Records the runs under fixtures/recordings again, all or some, and shows how their verdicts differ from the previous ones.
# Needs an idle machine: a starved run is not worth keeping. About an hour for all, on two cores.
#
#   ci/record.sh                          every scenario, every counter-case, and the short scenarios listed below
#   ci/record.sh spot spot--no-fallback   some of them
#
# A run whose verdict differs from the previous one is recorded nevertheless: the previous one is in Git, and the difference is printed.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --release --locked --package harness --bin harness
cargo build --release --locked --package harness --example catalogue
cargo build --release --locked --package harness-testing --bin recording

# Recorded beside the scenarios: runs that fail, and how the controller handles faults.
short=(arm-down arm-down-too-long controller-killed never-registers no-capacity no-quota throttled)
if [ "$#" -gt 0 ]; then
    names=("$@")
else
    names=()
    for file in scenarios/*.yaml harness/cli/tests/counter-cases/*.yaml; do names+=("$(basename "$file" .yaml)"); done
    names+=("${short[@]}")
fi

# A folder of its own for the clusters: a run uses one that is up, and a recorded run starts a fresh one.
export HARNESS_STATE_DIR=$PWD/target/recording-clusters

record() { # a scenario's name or file
    target/release/harness run "$1" --profile smoke --seed 7 --quiet --out "$folder" >/dev/null
}

missing=()
for name in "${names[@]}"; do
    folder=target/recordings/$name
    rm -rf "$folder"
    run=$folder
    code=0
    if [ -f "harness/cli/tests/counter-cases/$name.yaml" ]; then
        # The catalogue makes the scenario file, and checks that the run fails for the reason that the counter-case gives.
        target/release/examples/catalogue --harness target/release/harness --only "$name" --seed 7 --out "$folder" >/dev/null || code=2
        run=$folder/$name
    elif [ -f "scenarios/$name.yaml" ]; then
        record "$name" || code=$?
    elif [ -f "harness/cli/tests/scenarios/$name.yaml" ]; then
        record "harness/cli/tests/scenarios/$name.yaml" || code=$?
    else
        echo "error: there is no scenario or counter-case named $name" >&2
        exit 2
    fi
    # 0 and 1 are verdicts. Anything else is a run that says nothing about the scenario.
    if [ "$code" -gt 1 ]; then
        echo "error: $name ended with $code and is not recorded; see $folder" >&2
        missing+=("$name")
        continue
    fi
    target/release/recording "$run" "$name"
done
du -sh fixtures/recordings
[ "${#missing[@]}" -eq 0 ] || { echo "not recorded: ${missing[*]}" >&2; exit 1; }
