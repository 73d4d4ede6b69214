#!/usr/bin/env bash
# Runs `bash -n` over every script, and shellcheck where this machine has it; checks the form of the Go sources.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts=(.ci/run ci/*.sh)
for script in "${scripts[@]}"; do bash -n "$script"; done
if command -v shellcheck >/dev/null; then
    shellcheck --severity=warning "${scripts[@]}"
else
    echo "note: shellcheck is not on PATH; the scripts were only parsed"
fi

unformatted=$(gofmt -l harness/catalogue)
[ -z "$unformatted" ] || { echo "error: not formatted, run gofmt -w: $unformatted" >&2; exit 1; }
