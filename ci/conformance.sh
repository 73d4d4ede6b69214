#!/usr/bin/env bash
# The NAP controller's own end-to-end suites, which upstream runs on AKS, on local clusters: each spec on a fresh one, one after another.
# It writes a table (suite, spec, passed, failed, skipped or not applicable, seconds, reason) as Markdown and JSON. About three hours for all.
# What has a result is not run again, so an interrupted run resumes where it was.
#
#   ci/conformance.sh                            every suite; results in target/conformance
#   ci/conformance.sh consolidation drift        some of them, in this order
#   ci/conformance.sh --again failed             what failed once more, and what has no result yet
#   ci/conformance.sh --only 'budgets for empty' the specs whose text contains this
#   ci/conformance.sh --list                     the specs and the results that there are
#   ci/conformance.sh --help
#
# It needs cargo, and the Go toolchain that builds the components. HARNESS=FILE is a harness that is built already.
set -euo pipefail
harness=${HARNESS:+$(realpath "$HARNESS")}
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}
if [ -z "$harness" ]; then
    cargo build --release --locked --package harness --bin harness
    harness=$target/release/harness
fi
cargo build --release --locked --package harness --example conformance
exec "$target/release/examples/conformance" --harness "$harness" "$@"
