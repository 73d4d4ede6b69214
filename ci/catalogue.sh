#!/usr/bin/env bash
# The catalogue, on real local clusters, two at a time: every scenario must pass, and every counter-case, which is a scenario with one thing
# broken, must fail for its reason. It writes index.html over all of them, and junit.xml beside it. About an hour on two idle cores.
#
#   ci/catalogue.sh                          everything, with a new seed, which it prints; reports in reports/catalogue-TIME/
#   ci/catalogue.sh --seed 7                 the same with this seed
#   ci/catalogue.sh --orders 3               everything in three random orders on one cluster: the verdicts must be the same
#   ci/catalogue.sh --only spot,spot--no-fallback --out /tmp/spot
#   ci/catalogue.sh --list                   the runs and how long each takes
#   ci/catalogue.sh --help
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --release --locked --package harness --bin harness
cargo build --release --locked --package harness --example catalogue
exec target/release/examples/catalogue --harness target/release/harness "$@"
