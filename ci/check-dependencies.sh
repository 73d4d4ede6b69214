#!/usr/bin/env bash
# Checks licences, bans, origins and advisories of every crate (deny.toml). A check that cannot be made is a failure.
#
#   --allow-unreachable-advisories   if the database of advisories cannot be fetched, say so, and let the other checks decide
set -euo pipefail
cd "$(dirname "$0")/.."

command -v cargo-deny >/dev/null || { echo "error: cargo-deny is not installed; run ci/install-tools.sh" >&2; exit 1; }
cargo deny --log-level error check licenses bans sources
if output=$(timeout 60 cargo deny check advisories 2>&1); then
    echo "advisories: none"
elif [ "${1-}" = --allow-unreachable-advisories ] && grep -q 'failed to fetch advisory database' <<<"$output"; then
    echo "note: advisories were NOT checked: their database cannot be fetched from here"
else
    echo "$output" >&2
    exit 1
fi
