//! The `harness` binary: arguments, console, exit codes. The libraries do the work.

mod args;
mod commands;
mod console;
mod diagnostics;
mod error;
#[cfg(test)]
mod pipelines;
mod progress;
mod signals;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Args;
use crate::console::Console;

fn main() -> ExitCode {
    // The processes of a local cluster are started through this binary. This must happen before there is a second thread.
    if let Some(code) = harness_cluster::local::dispatch(std::env::args_os().skip(1)) {
        return code;
    }
    let args = Args::parse();
    let console = Console::new(&args.output);
    console::start_log(&args.output);
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            console.error(&format!("cannot start the runtime: {error}"));
            return harness_suite::ExitCode::TargetFailed.into();
        }
    };
    let outcome = runtime.block_on(commands::execute(args.command, args.output.verbose, &console));
    outcome
        .unwrap_or_else(|error| {
            error.show(&console);
            error.exit_code()
        })
        .into()
}
