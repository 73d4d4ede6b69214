//! Run ids and the folders of runs.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::error::CliError;
use crate::suite::SUITE_FILE;

/// An id that sorts by time and is unique on this machine: `20261121-121500-4f2a`.
pub(crate) fn run_id(now: Timestamp, seed: u64) -> String {
    let time = now.to_zoned(TimeZone::UTC).strftime("%Y%m%d-%H%M%S");
    // Two runs in one second differ by process and nanosecond; the seed may be given and the same.
    let mix = (seed ^ u64::from(std::process::id())).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ u64::from(now.subsec_nanosecond().unsigned_abs());
    format!("{time}-{:04x}", (mix >> 16) & 0xffff)
}

/// Makes the run's folder. A folder that holds a run already is refused: nothing that was there before is lost.
pub(crate) fn create(out: Option<&Path>, run_id: &str) -> Result<PathBuf, CliError> {
    let folder = out.map_or_else(|| Path::new("reports").join(run_id), Path::to_owned);
    let failed = |source| CliError::Write { path: folder.clone(), source };
    for file in ["events.jsonl", "plan.json", SUITE_FILE] {
        if folder.join(file).exists() {
            return Err(CliError::FolderInUse { folder: folder.clone(), file });
        }
    }
    std::fs::create_dir_all(&folder).map_err(failed)?;
    std::path::absolute(&folder).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time() {
        let at = |text: &str| run_id(text.parse().unwrap(), 7);
        assert!(at("2026-11-21T12:15:00Z") < at("2026-11-21T12:15:01Z"));
        assert!(at("2026-11-21T12:15:00Z").starts_with("20261121-121500-"));
    }

    #[test]
    fn a_folder_with_a_run_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("events.jsonl"), "").unwrap();
        assert!(matches!(create(Some(folder.path()), "x"), Err(CliError::FolderInUse { .. })));
    }
}
