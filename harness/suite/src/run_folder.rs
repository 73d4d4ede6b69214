//! The folder of a run: its id, the files in it, its result read again.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use harness_plan::Plan;
use harness_record::RunResult;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::error::{FileError, FolderError};
use crate::files;

/// The event log of a run.
pub(crate) const LOG_FILE: &str = "events.jsonl";
/// The plan of a run.
pub(crate) const PLAN_FILE: &str = "plan.json";
/// The file of a suite, in the folder that holds the runs' folders.
pub(crate) const SUITE_FILE: &str = "suite.json";

/// Makes an id that sorts by time and is unique on this machine: `20261121-121500-4f2a`.
pub(crate) fn new_run_id(now: Timestamp, seed: u64) -> String {
    let time = now.to_zoned(TimeZone::UTC).strftime("%Y%m%d-%H%M%S");
    // Two runs in one second differ by process and nanosecond; both may have been given the same seed.
    let mix = (seed ^ u64::from(std::process::id())).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ u64::from(now.subsec_nanosecond().unsigned_abs());
    format!("{time}-{:04x}", (mix >> 16) & 0xffff)
}

/// Creates the folder of a run or suite and returns its absolute path. A folder that holds a run is refused: nothing is overwritten.
pub(crate) fn create(out: Option<&Path>, id: &str) -> Result<PathBuf, FolderError> {
    let folder = out.map_or_else(|| Path::new("reports").join(id), Path::to_owned);
    if let Some(file) = [LOG_FILE, PLAN_FILE, SUITE_FILE].into_iter().find(|file| folder.join(file).exists()) {
        return Err(FolderError::InUse { folder, file });
    }
    let created = std::fs::create_dir_all(&folder).and_then(|()| std::path::absolute(&folder));
    created.map_err(|source| FolderError::Create { folder, source })
}

/// Whether the folder holds the log of a run, complete or not.
pub(crate) fn has_log(folder: &Path) -> bool {
    folder.join(LOG_FILE).is_file()
}

/// Reads a run's folder: the plan, and what the log says.
///
/// # Errors
/// [`FolderError`]: it is not the folder of a run, or cannot be read.
pub fn read_run(folder: &Path) -> Result<(Plan, RunResult), FolderError> {
    if let Some(file) = [PLAN_FILE, LOG_FILE].into_iter().find(|file| !folder.join(file).is_file()) {
        return Err(FolderError::NotARun { folder: folder.to_owned(), file });
    }
    let path = folder.join(PLAN_FILE);
    let text = files::read_text(&path)?;
    let plan =
        Plan::from_json(text.as_bytes()).map_err(|source| FolderError::Unreadable { path, source: source.into() })?;
    let path = folder.join(LOG_FILE);
    let log = File::open(&path).map_err(FileError::read(&path))?;
    let result = RunResult::read(&plan, BufReader::with_capacity(1 << 20, log))
        .map_err(|source| FolderError::Unreadable { path, source: source.into() })?;
    Ok((plan, result))
}

/// Reads a run's folder and writes every report into it.
pub(crate) fn report_run(folder: &Path) -> Result<(Plan, RunResult), FolderError> {
    let (plan, result) = read_run(folder)?;
    harness_report::write_all(folder, &plan, &result)?;
    Ok((plan, result))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time() {
        let id_at = |text: &str| new_run_id(text.parse().unwrap(), 7);
        assert!(id_at("2026-11-21T12:15:00Z") < id_at("2026-11-21T12:15:01Z"));
        assert!(id_at("2026-11-21T12:15:00Z").starts_with("20261121-121500-"));
    }

    #[test]
    fn a_folder_with_a_run_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(LOG_FILE), "").unwrap();
        assert!(matches!(create(Some(folder.path()), "x"), Err(FolderError::InUse { .. })));
    }
}
