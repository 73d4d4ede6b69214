//! The hidden subcommands of `harness` alone, for this crate's own tests.

use std::process::ExitCode;

fn main() -> ExitCode {
    harness_cluster::local::dispatch(std::env::args_os().skip(1)).unwrap_or_else(|| {
        eprintln!("usage: harness-internal internal (exec | supervise) ...");
        ExitCode::from(2)
    })
}
