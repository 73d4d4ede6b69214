//! Commands that need no cluster.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails as the test does")]

mod commands;
mod compare;
mod counter_cases;
mod matrix;

use std::process::Command;

/// The binary under test.
fn harness() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
    command.env_remove("HARNESS_LOG").current_dir(env!("CARGO_TARGET_TMPDIR"));
    command
}
