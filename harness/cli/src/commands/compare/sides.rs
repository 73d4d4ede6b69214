//! The runs of a folder: of one run, of several, or of a baseline that keeps no more than `summary.json` and `latencies.hlog` of each.

use std::path::{Path, PathBuf};

use harness_record::Summary;
use harness_record::compare::MeasuredRun;
use harness_record::summary::read_hlog;

use crate::commands::report;
use crate::error::CliError;
use crate::suite;

const LOG: &str = "events.jsonl";
const PLAN: &str = "plan.json";
const SUMMARY: &str = "summary.json";
const HISTOGRAMS: &str = "latencies.hlog";

/// Every run of a folder, at least one.
pub(super) fn read(folder: &Path) -> Result<Vec<MeasuredRun>, CliError> {
    if !folder.is_dir() {
        return Err(CliError::Usage(format!("there is no folder {}", folder.display())));
    }
    if holds_a_run(folder) {
        return Ok(vec![one(folder)?]);
    }
    let folders = if suite::is_suite(folder) { of_suite(folder)? } else { subfolders(folder)? };
    let runs: Vec<MeasuredRun> =
        folders.iter().filter(|it| holds_a_run(it)).map(|it| one(it)).collect::<Result<_, CliError>>()?;
    if runs.is_empty() {
        return Err(CliError::Usage(format!(
            "{} holds no run: neither it nor a folder in it has {LOG} and {PLAN}, or {SUMMARY} and {HISTOGRAMS}; \
             make a baseline with `harness run NAME --repeat 5 --out DIR`",
            folder.display()
        )));
    }
    Ok(runs)
}

fn holds_a_run(folder: &Path) -> bool {
    [LOG, SUMMARY].into_iter().any(|file| folder.join(file).is_file())
}

/// The folders of the runs that a suite knows of; one that was not run has none.
fn of_suite(folder: &Path) -> Result<Vec<PathBuf>, CliError> {
    let names = suite::run_folders(folder)?;
    Ok(names.iter().map(|name| folder.join(name)).collect())
}

/// In the order of their names, so that the same folder is always the same side.
fn subfolders(folder: &Path) -> Result<Vec<PathBuf>, CliError> {
    let failed = |source| CliError::Read { path: folder.to_owned(), source };
    let mut folders: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_err(failed)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    folders.retain(|path| path.is_dir());
    folders.sort();
    Ok(folders)
}

/// From the log where it is kept, otherwise from the summary and its histograms.
fn one(folder: &Path) -> Result<MeasuredRun, CliError> {
    if folder.join(LOG).is_file() && (folder.join(PLAN).is_file() || !folder.join(SUMMARY).is_file()) {
        return match report::read(folder) {
            Ok((_, result)) => Ok(MeasuredRun::from(&result)),
            Err(CliError::Log(error)) => Err(unreadable(&folder.join(LOG), &error)),
            Err(error) => Err(error),
        };
    }
    let bytes = |file: &str| {
        let path = folder.join(file);
        std::fs::read(&path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => CliError::Unreadable {
                path: path.clone(),
                reason: format!("it is missing; a baseline keeps {SUMMARY} and {HISTOGRAMS} of each run"),
            },
            _ => CliError::Read { path, source },
        })
    };
    let summary = Summary::from_json(&bytes(SUMMARY)?).map_err(|error| unreadable(&folder.join(SUMMARY), &error))?;
    let histograms = read_hlog(&bytes(HISTOGRAMS)?).map_err(|error| unreadable(&folder.join(HISTOGRAMS), &error))?;
    MeasuredRun::from_summary(&summary, &histograms).map_err(|error| unreadable(&folder.join(HISTOGRAMS), &error))
}

fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> CliError {
    let reason = format!(
        "{error}; take the file from the run again, or record a new baseline with `harness run NAME --repeat 5 --out DIR`"
    );
    CliError::Unreadable { path: path.to_owned(), reason }
}
