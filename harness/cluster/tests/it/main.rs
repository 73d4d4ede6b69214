//! The parts of a target that need no cluster: components and the Git server. `harness/cli/tests/cluster` has the tests on a real one.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

mod components;
mod git;
