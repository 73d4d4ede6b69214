#!/usr/bin/env bash
# The benchmark: how fast the harness is, what it costs and how exactly it measures, as figures beside their targets.
# It reports and does not judge: a failed run is a failure, a missed target is not. About an hour and a quarter on two idle cores.
#
#   ci/benchmark.sh                          everything, once
#   ci/benchmark.sh --only smoke --repeat 5  one item, median and range of five
#   ci/benchmark.sh --pods 250,500           the growth curve over these numbers of pods
#   ci/benchmark.sh --pods 5000 --pod-cpu 3000m   one pod a node: 5,000 nodes
#   ci/benchmark.sh --only validate          `validate` of 5,000 generated files: needs no cluster, two minutes
#   ci/benchmark.sh --only aa                how often `compare` calls equal runs slower, over ten real runs and over simulated ones
#   ci/benchmark.sh --only aa --aa-runs 0    the same without real runs: a second
#   ci/benchmark.sh --help
set -euo pipefail
cd "$(dirname "$0")/.."

# First the binary on its own, because the benchmark measures it as users build it: together with the example, its dependencies
# would be built with other features.
cargo build --release --locked --package harness --bin harness
cargo build --release --locked --package harness-record --example synthesize
cargo build --release --locked --package harness --example benchmark
exec target/release/examples/benchmark --harness target/release/harness "$@"
