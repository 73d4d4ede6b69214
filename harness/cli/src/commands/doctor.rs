//! `harness doctor`.

use harness_components::doctor::{self, Check, Options, Status};
use harness_suite::ExitCode;

use crate::args::Doctor;
use crate::console::Console;
use crate::error::CliError;

pub(super) async fn doctor(args: Doctor, console: &Console) -> Result<ExitCode, CliError> {
    let mut options = Options::from_env()?;
    options.bin_dir = args.bin_dir;
    let diagnosis = doctor::examine(&options).await;
    if console.json() {
        console.json_data(&diagnosis)?;
    } else {
        console.data(&lines(&diagnosis.checks, console).join("\n"))?;
    }
    Ok(if diagnosis.status() == Status::Fail { ExitCode::TargetFailed } else { ExitCode::Passed })
}

/// Describes checks, one or two lines each.
pub(super) fn lines(checks: &[Check], console: &Console) -> Vec<String> {
    let mut lines = Vec::new();
    for check in checks {
        lines.push(format!("{} {:<22} {}", mark(check.status, console), check.name, check.detail));
        lines.extend(check.advice.as_ref().map(|advice| format!("     {:<22} -> {advice}", "")));
    }
    lines
}

fn mark(status: Status, console: &Console) -> String {
    let (word, colour) = match status {
        Status::Ok => ("ok  ", 32),
        Status::Warn => ("warn", 33),
        Status::Fail => ("FAIL", 31),
    };
    if console.colour_out { format!("\u{1b}[{colour}m{word}\u{1b}[0m") } else { word.to_owned() }
}
