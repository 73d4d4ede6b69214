//! `harness report`: everything that is said about a run, from its plan and its event log.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use harness_plan::Plan;
use harness_record::RunResult;

use crate::args::Report;
use crate::console::Console;
use crate::error::CliError;
use crate::exit::Exit;
use crate::source;
use crate::suite;

pub(crate) fn report(args: &Report, console: &Console) -> Result<Exit, CliError> {
    if suite::is_suite(&args.folder) {
        return suite::report(&args.folder, console);
    }
    let result = write(&args.folder)?;
    show(&result, &args.folder, console)?;
    Ok(Exit(result.exit_code))
}

/// Reads a run's folder.
pub(crate) fn read(folder: &Path) -> Result<(Plan, RunResult), CliError> {
    let plan_path = folder.join("plan.json");
    let log_path = folder.join("events.jsonl");
    for (path, file) in [(&plan_path, "plan.json"), (&log_path, "events.jsonl")] {
        if !path.is_file() {
            return Err(CliError::NotARun { folder: folder.to_owned(), file });
        }
    }
    let unreadable = |reason: String| CliError::Unreadable { path: plan_path.clone(), reason };
    let plan = Plan::from_json(source::read(&plan_path)?.as_bytes()).map_err(|error| unreadable(error.to_string()))?;
    let log = File::open(&log_path).map_err(|source| CliError::Read { path: log_path.clone(), source })?;
    let result = RunResult::read(&plan, BufReader::with_capacity(1 << 20, log))?;
    Ok((plan, result))
}

/// Reads a run's folder and writes every report into it.
pub(crate) fn write(folder: &Path) -> Result<RunResult, CliError> {
    let (plan, result) = read(folder)?;
    harness_report::write_all(folder, &plan, &result)?;
    Ok(result)
}

/// Prints what came out.
pub(crate) fn show(result: &RunResult, folder: &Path, console: &Console) -> Result<(), CliError> {
    if console.json() {
        return console.data(&source::read(&folder.join("summary.json"))?);
    }
    console.data(&harness_report::console::summary(result, console.width(), console.colour_out))?;
    console.say(&format!("report: {}", folder.join("report.html").display()));
    Ok(())
}
