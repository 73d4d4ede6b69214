//! The one place of this crate that touches the disk.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use harness_plan::Plan;
use harness_record::summary::{HlogError, SummaryError, write_hlog};
use harness_record::{RunResult, Summary};
use quick_junit::SerializeError;

use crate::{html, junit, markdown};

/// Why a report was not written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The run's folder is not there.
    #[error("cannot write reports to {}: the folder does not exist; if it was removed during the run, its event log is lost too", folder.display())]
    NoFolder {
        /// The folder.
        folder: PathBuf,
    },
    /// A file could not be written.
    #[error("cannot write {}: {source}; make room or permit writing there, then run `harness report {}`", path.display(), folder(path).display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// `report.html` could not be made.
    #[error("cannot make report.html: {0}; this is a defect of harness: please report it with the run's events.jsonl")]
    Html(#[from] askama::Error),
    /// `junit.xml` could not be made.
    #[error("cannot make junit.xml: {0}; this is a defect of harness: please report it with the run's events.jsonl")]
    Junit(#[from] SerializeError),
    /// `summary.json` could not be made.
    #[error("cannot make summary.json: {0}; this is a defect of harness: please report it with the run's events.jsonl")]
    Summary(#[from] SummaryError),
    /// `latencies.hlog` could not be made.
    #[error(
        "cannot make latencies.hlog: {0}; this is a defect of harness: please report it with the run's events.jsonl"
    )]
    Hlog(#[from] HlogError),
    /// Several of them; the others were written.
    #[error("{}", join(errors))]
    Several {
        /// Each of them, in the order of the formats.
        errors: Vec<ReportError>,
    },
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

fn join(errors: &[ReportError]) -> String {
    if let Some(text) = join_writes(errors) {
        return text;
    }
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// Files that were not written for one reason, as on a full disk.
fn join_writes(errors: &[ReportError]) -> Option<String> {
    let mut names = Vec::new();
    let mut reasons = Vec::new();
    for error in errors {
        let ReportError::Write { path, source } = error else { return None };
        names.push(path.file_name()?.to_string_lossy());
        reasons.push((folder(path), source.to_string()));
    }
    reasons.dedup();
    let [(folder, reason)] = reasons.as_slice() else { return None };
    let (names, folder) = (names.join(", "), folder.display());
    Some(format!(
        "cannot write {names} in {folder}: {reason}; make room or permit writing there, then run `harness report {folder}`"
    ))
}

/// Writes every report into the run's folder and returns their paths: `summary.json`, `junit.xml`, `report.html`, `report.md`,
/// `latencies.hlog`. Each is whole or not there: it is written beside its name and then renamed. One that fails does not
/// keep the others from being written.
///
/// # Errors
///
/// The folder is not there, or one or several reports could not be made or written ([`ReportError::Several`]).
pub fn write_all(folder: &Path, plan: &Plan, result: &RunResult) -> Result<Vec<PathBuf>, ReportError> {
    if !folder.is_dir() {
        return Err(ReportError::NoFolder { folder: folder.to_owned() });
    }
    // Made one after another, so that only one of them is in memory.
    type Make = fn(&Plan, &RunResult) -> Result<Vec<u8>, ReportError>;
    let formats: [(&str, Make); 5] = [
        ("summary.json", |_, result| Ok(Summary::from(result).to_json()?.into_bytes())),
        ("junit.xml", |plan, result| Ok(junit::render(plan, result)?.into_bytes())),
        ("report.html", |plan, result| Ok(html::render(plan, result)?.into_bytes())),
        ("report.md", |plan, result| Ok(markdown::render(plan, result).into_bytes())),
        ("latencies.hlog", |_, result| Ok(write_hlog(result)?)),
    ];
    let mut written = Vec::new();
    let mut errors = Vec::new();
    for (name, make) in formats {
        let path = folder.join(name);
        let done = make(plan, result).and_then(|bytes| {
            replace(&path, &bytes).map_err(|source| ReportError::Write { path: path.clone(), source })
        });
        match done {
            Ok(()) => written.push(path),
            Err(error) => errors.push(error),
        }
    }
    match errors.pop() {
        None => Ok(written),
        Some(only) if errors.is_empty() => Err(only),
        Some(last) => {
            errors.push(last);
            Err(ReportError::Several { errors })
        }
    }
}

/// Writes the whole file or, on an error, keeps the one that was there before.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let write = || {
        let mut file = File::create(&part)?;
        file.write_all(bytes)?;
        // A full disk may be reported only here.
        file.sync_all()?;
        fs::rename(&part, path)
    };
    write().inspect_err(|_| {
        // The first error is reported.
        let _ = fs::remove_file(&part);
    })
}
