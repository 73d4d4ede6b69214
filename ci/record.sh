#!/usr/bin/env bash
# Records the runs under fixtures/recordings again, all or some, and shows how their verdicts differ from the previous ones.
# Needs an idle machine: a starved run is not worth keeping. About an hour and a half for all, on two cores.
#
#   ci/record.sh                          every scenario, every counter-case, every trouble, and the short scenarios listed below
#   ci/record.sh spot spot--no-fallback   some of them
#
# A run whose verdict differs from the previous one is recorded nevertheless: the previous one is in Git, and the difference is printed.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --release --locked --package harness --bin harness
cargo build --release --locked --package harness --example catalogue
cargo build --release --locked --package harness-testing --bin recording

# Recorded beside the scenarios: runs that fail, how the controller handles faults, and where pods run.
short=(arm-down arm-down-too-long controller-killed never-registers no-capacity no-quota placing throttled)
# The scenario `cut`, which is ended from outside in the middle of its burst.
cut=(cut-interrupted cut-killed cut-component-died cut-disk-full)
if [ "$#" -gt 0 ]; then
    names=("$@")
else
    names=()
    for file in scenarios/*.yaml harness/cli/tests/counter-cases/*.yaml; do names+=("$(basename "$file" .yaml)"); done
    for file in harness/cli/tests/scenarios/trouble-*.yaml; do names+=("$(basename "$file" .yaml)"); done
    names+=("${short[@]}" "${cut[@]}")
fi

# A folder of its own for the clusters: a run uses one that is up, and a recorded run starts a fresh one.
export HARNESS_STATE_DIR=$PWD/target/recording-clusters

record() { # a scenario's name or file
    target/release/harness run "$1" --profile smoke --seed 7 --quiet --out "$folder" >/dev/null
}

record_cut() { # how it is ended
    local disk=
    if [ "$1" = disk-full ]; then
        [ "$(id -u)" -eq 0 ] || { echo "error: only root can mount the small disk that is to be full" >&2; return 2; }
        disk=$(mktemp -d)
        mount -t tmpfs -o size=512k tmpfs "$disk"
        run=$disk/run
    fi
    target/release/harness run harness/cli/tests/scenarios/cut.yaml --profile smoke --seed 7 --quiet --out "$run" >/dev/null &
    local pid=$! ended=0
    until grep -qs vm_accepted "$run/events.jsonl" || ! kill -0 "$pid" 2>/dev/null; do sleep 0.2; done
    case $1 in
    interrupted) kill -TERM "$pid" ;;
    killed) kill -KILL "$pid" ;;
    component-died) pkill -KILL -f "/kube-scheduler .*$HARNESS_STATE_DIR" ;;
    disk-full) dd if=/dev/zero of="$disk/rest" bs=1k 2>/dev/null || true ;;
    esac
    wait "$pid" || ended=$?
    if [ -n "$disk" ]; then
        rm "$disk/rest"
        cp -r "$run" "$folder"
        umount "$disk"
        rmdir "$disk"
        run=$folder
    fi
    # A run that was killed, or had no room, has written no verdict.
    [ -f "$run/summary.json" ] || target/release/harness report "$run" --quiet >/dev/null || true
    echo "cut-$1 ended with $ended" >&2
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
    elif [[ " ${cut[*]} " == *" $name "* ]]; then
        record_cut "${name#cut-}" || code=$?
    elif [ -f "harness/cli/tests/scenarios/$name.yaml" ]; then
        record "harness/cli/tests/scenarios/$name.yaml" || code=$?
    else
        echo "error: there is no scenario or counter-case named $name" >&2
        exit 2
    fi
    # 0 and 1 are verdicts, and 4 is the one on purpose of a scenario without evidence. Anything else is a run that says nothing about the scenario.
    if [ "$code" -gt 1 ] && ! { [ "$code" -eq 4 ] && [ "$name" = trouble-no-evidence ]; }; then
        echo "error: $name ended with $code and is not recorded; see $folder" >&2
        missing+=("$name")
        continue
    fi
    target/release/recording "$run" "$name"
done
du -sh fixtures/recordings
[ "${#missing[@]}" -eq 0 ] || { echo "not recorded: ${missing[*]}" >&2; exit 1; }
