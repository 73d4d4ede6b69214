//! `harness completions`.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Args;
use crate::console::Console;
use crate::error::CliError;
use crate::exit::{Exit, PASS};

pub(crate) fn completions(shell: Shell, console: &Console) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "harness", &mut script);
    console.data(&String::from_utf8_lossy(&script))?;
    Ok(PASS)
}
