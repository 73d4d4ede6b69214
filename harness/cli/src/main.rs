//! The `harness` binary: arguments, console, exit codes. What it does is in the libraries.

mod args;
mod commands;
mod components;
mod console;
mod error;
mod exit;
mod folder;
mod live;
#[cfg(test)]
mod pipelines;
mod shell;
mod signals;
mod skus;
mod source;
mod suite;
mod target;
mod tree_folder;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, Command, Format};
use crate::console::Console;
use crate::error::CliError;

fn main() -> ExitCode {
    // The cluster's own processes are started through this binary. This must come before any thread exists.
    if let Some(code) = harness_cluster::local::dispatch(std::env::args_os().skip(1)) {
        return code;
    }
    let args = Args::parse();
    let console = Console::new(&args.output);
    console::log(&args.output);
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            console.error(&format!("cannot start the runtime: {error}"));
            return exit::TARGET_FAILED.into();
        }
    };
    let outcome = runtime.block_on(carry_out(args.command, args.output.verbose, &console));
    match outcome {
        Ok(code) => code.into(),
        Err(error) => {
            error.show(&console);
            error.exit().into()
        }
    }
}

async fn carry_out(command: Command, verbose: u8, console: &Console) -> Result<exit::Exit, CliError> {
    if matches!(console.format, Format::Sarif | Format::Github) && !matches!(command, Command::Validate(_)) {
        return Err(CliError::Usage("only `harness validate` has findings to print as sarif or github".to_owned()));
    }
    match command {
        Command::Run(args) => commands::run::run(args, console).await,
        Command::List(args) => commands::list::list(&args, verbose, console),
        Command::Plan(args) => commands::plan::plan(&args, console),
        Command::Validate(args) => commands::validate::validate(&args, console).await,
        Command::Report(args) => commands::report::report(&args, console),
        Command::Compare(args) => commands::compare::compare(&args, console),
        Command::Doctor(args) => commands::doctor::doctor(args, console).await,
        Command::Up(args) => commands::up::up(args, console).await,
        Command::Down(args) => commands::down::down(args, console).await,
        Command::Status(args) => commands::status::status(args, console).await,
        Command::Env(args) => commands::env::env(args, console).await,
        Command::Flux(args) => commands::flux::flux(args, console).await,
        Command::Components(args) => commands::components::components(args, console).await,
        Command::Schema => commands::schema::schema(console),
        Command::Completions { shell } => commands::completions::completions(shell, console),
    }
}
