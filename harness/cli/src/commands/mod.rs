//! The commands: each turns its arguments into a call of a library and prints what comes out.

mod cluster;
mod components;
mod doctor;
mod flux;
mod results;
mod run;
mod scenarios;
mod validate;

use clap::CommandFactory;
use clap_complete::Shell;
use harness_suite::ExitCode;

use crate::args::{Args, Command, Format};
use crate::console::Console;
use crate::error::CliError;

/// Executes a command and returns the exit code that its result has.
pub(crate) async fn execute(command: Command, verbose: u8, console: &Console) -> Result<ExitCode, CliError> {
    if matches!(console.format, Format::Sarif | Format::Github) && !matches!(command, Command::Validate(_)) {
        return Err(CliError::NoFindings);
    }
    match command {
        Command::Run(args) => run::run(args, console).await,
        Command::List(args) => scenarios::list(&args, verbose, console),
        Command::Plan(args) => scenarios::plan(&args, console),
        Command::Schema => scenarios::schema(console),
        Command::Validate(args) => validate::validate(&args, console).await,
        Command::Report(args) => results::report(&args, console),
        Command::Compare(args) => results::compare(&args, console),
        Command::Doctor(args) => doctor::doctor(args, console).await,
        Command::Up(args) => cluster::up(&args, console).await,
        Command::Down(args) => cluster::down(&args, console).await,
        Command::Status(args) => cluster::status(&args, console).await,
        Command::Env(args) => cluster::env(&args, console).await,
        Command::Flux(args) => flux::flux(args, console).await,
        Command::Components(args) => components::components(args, console).await,
        Command::Completions { shell } => completions(shell, console),
    }
}

fn completions(shell: Shell, console: &Console) -> Result<ExitCode, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "harness", &mut script);
    console.data(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::Passed)
}
