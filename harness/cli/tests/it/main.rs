//! Commands that need no cluster, or no more of one than a supervisor.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails as the test does")]

mod clusters;
mod commands;
mod compare;
mod counter_cases;
mod matrix;

use std::path::Path;
use std::process::Command;

/// The binary under test.
fn harness() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harness"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    // No cluster is up there.
    command.env_remove("HARNESS_LOG").env("HARNESS_STATE_DIR", folder.join("no-clusters")).current_dir(folder);
    // No test builds a component.
    command.env("HARNESS_NO_BUILD", "1");
    command
}
