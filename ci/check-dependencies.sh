#!/usr/bin/env bash
# Licences, bans and origins of every crate (deny.toml). The advisories need a database that not every machine reaches: they are
# checked where it is there, and said to be left out where it is not.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v cargo-deny >/dev/null; then
    echo "cargo-deny is not installed; installing it (a few minutes, once for each machine)"
    timeout 900 cargo install cargo-deny --locked --quiet || {
        echo "skipped: cargo-deny cannot be installed here" >&2
        exit 0
    }
fi
cargo deny --log-level error check licenses bans sources
if said=$(timeout 60 cargo deny check advisories 2>&1); then
    echo "advisories: none"
elif grep -q 'failed to fetch advisory database' <<<"$said"; then
    echo "skipped: the advisory database cannot be reached from here"
else
    echo "$said" >&2
    exit 1
fi
