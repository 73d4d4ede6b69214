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
cargo build --release --locked --package harness-tls --example denying_webhook

# Recorded beside the scenarios: runs that fail, how the controller handles faults, and where pods run.
short=(arm-down arm-down-too-long controller-killed never-registers no-capacity no-quota placing throttled)
# The scenario `cut`, to which something happens from outside, in the middle of its burst or while it is prepared.
cut=(cut-interrupted cut-killed cut-component-died cut-disk-full cut-cluster-disk-full cut-git-down)
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

# Starts a run in the background, and waits until its log has a line like this.
start_until() { # scenario, pattern
    target/release/harness run "$1" --profile smoke --seed 7 --quiet --out "$run" >/dev/null &
    pid=$!
    until grep -qs "$2" "$run/events.jsonl" || ! kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
}

# A small disk, which only root can mount.
mount_disk() { # size
    [ "$(id -u)" -eq 0 ] || { echo "error: only root can mount the small disk that is to be full" >&2; return 2; }
    disk=$(mktemp -d)
    mount -t tmpfs -o "size=$1" tmpfs "$disk"
}

fill_disk() { dd if=/dev/zero of="$disk/rest" bs=1k 2>/dev/null || true; }

unmount_disk() { umount "$disk" && rmdir "$disk"; }

record_cut() { # what happens
    local scenario=harness/cli/tests/scenarios/cut.yaml state=$HARNESS_STATE_DIR burst=vm_accepted ended=0
    case $1 in
    disk-full)
        mount_disk 512k
        run=$disk/run
        start_until "$scenario" "$burst"
        fill_disk
        ;;
    cluster-disk-full)
        mount_disk 512m
        HARNESS_STATE_DIR=$disk start_until "$scenario" "$burst"
        fill_disk
        ;;
    git-down)
        start_until "$scenario" '"phase_began":{"phase":"prepare"}'
        # The harness's own pushes are exempt from the fault, Flux is not.
        curl --silent --show-error --unix-socket "$(find "$state" -name control.sock)" \
            -X PUT -H 'content-type: application/json' -d '"unavailable"' http://localhost/v1/git-fault
        ;;
    interrupted | killed | component-died)
        start_until "$scenario" "$burst"
        case $1 in
        interrupted) kill -TERM "$pid" ;;
        killed) kill -KILL "$pid" ;;
        component-died) pkill -KILL -f "/kube-scheduler .*$state" ;;
        esac
        ;;
    esac
    wait "$pid" || ended=$?
    case $1 in
    disk-full)
        rm "$disk/rest"
        cp -r "$run" "$folder"
        unmount_disk
        run=$folder
        ;;
    cluster-disk-full) unmount_disk ;;
    esac
    # A run that was killed, or had no room, has written no verdict.
    [ -f "$run/summary.json" ] || target/release/harness report "$run" --quiet >/dev/null || true
    echo "cut-$1 ended with $ended" >&2
}

# The Git server gets a hook that declines every push.
record_push_refused() {
    local repository ended=0
    start_until harness/cli/tests/scenarios/trouble-push-refused.yaml vm_accepted
    repository=$(find "$HARNESS_STATE_DIR" -name node-config.git)
    mkdir -p "$repository/hooks"
    printf '#!/bin/sh\necho "nobody may push today" >&2\nexit 1\n' >"$repository/hooks/pre-receive"
    chmod +x "$repository/hooks/pre-receive"
    wait "$pid" || ended=$?
    return "$ended"
}

record_webhook_denies() {
    local webhook url='' ended=0 files
    files=$(mktemp -d)
    target/release/examples/denying_webhook "$files/authority.pem" >"$files/url" &
    webhook=$!
    until [ -n "$url" ] || ! kill -0 "$webhook" 2>/dev/null; do
        sleep 0.02
        url=$(<"$files/url")
    done
    sed -e "s|https://webhook.invalid|$url|" -e "s|AUTHORITY|$(base64 -w0 "$files/authority.pem")|" \
        harness/cli/tests/scenarios/trouble-webhook-denies.yaml >"$files/trouble-webhook-denies.yaml"
    record "$files/trouble-webhook-denies.yaml" || ended=$?
    kill "$webhook"
    rm -r "$files"
    return "$ended"
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
    elif [ "$name" = trouble-push-refused ]; then
        record_push_refused || code=$?
    elif [ "$name" = trouble-webhook-denies ]; then
        record_webhook_denies || code=$?
    elif [ -f "harness/cli/tests/scenarios/$name.yaml" ]; then
        record "harness/cli/tests/scenarios/$name.yaml" || code=$?
    else
        echo "error: there is no scenario or counter-case named $name" >&2
        exit 2
    fi
    # 0 and 1 are verdicts, and 4 is the one on purpose of two scenarios. Anything else is a run that says nothing about the scenario.
    if [ "$code" -gt 1 ] && ! { [ "$code" -eq 4 ] && [[ $name =~ ^trouble-(no-evidence|push-refused)$ ]]; }; then
        echo "error: $name ended with $code and is not recorded; see $folder" >&2
        missing+=("$name")
        continue
    fi
    target/release/recording "$run" "$name"
done
du -sh fixtures/recordings
[ "${#missing[@]}" -eq 0 ] || { echo "not recorded: ${missing[*]}" >&2; exit 1; }
