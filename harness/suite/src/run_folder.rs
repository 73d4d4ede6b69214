//! The folder of a run: its id, the files in it, its result read again.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};

use harness_plan::Plan;
use harness_record::RunResult;
use harness_run::RunError;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::error::{FileError, FolderError, SuiteError};
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

/// What a run or a suite writes into its folder, besides the folders of the suite's runs.
const WRITTEN: [&str; 14] = [
    LOG_FILE,
    PLAN_FILE,
    SUITE_FILE,
    "summary.json",
    "latencies.hlog",
    "junit.xml",
    "report.html",
    "report.md",
    "index.html",
    "index.json",
    "index.md",
    "comparison.json",
    "comparison.md",
    "logs",
];
/// A disk that does not take this much does not take a run: a short one has about as much.
const LEAST_BYTES: usize = 512 << 10;

/// The folder of a run or suite, before anything is started.
pub(crate) struct NewFolder {
    /// Its absolute path.
    pub(crate) path: PathBuf,
    /// The folders that were made, the innermost first.
    made: Vec<PathBuf>,
}

impl NewFolder {
    /// Removes the folder where nothing was written into it: a run that was not started leaves no trace.
    pub(crate) fn discard(&self) {
        for folder in &self.made {
            // One that is not empty stays.
            let _ = std::fs::remove_dir(folder);
        }
    }
}

/// Creates the folder of a run or suite, and checks that files can be written there. `runs` are the folders of a suite's runs in it. What is
/// there already is not touched: a folder with something that the run would replace is refused.
pub(crate) fn create(out: Option<&Path>, id: &str, runs: &[&str]) -> Result<NewFolder, FolderError> {
    let folder = out.map_or_else(|| Path::new("reports").join(id), Path::to_owned);
    let unusable = |source| FolderError::Unusable { folder: folder.clone(), source };
    let path = std::path::absolute(&folder).map_err(unusable)?;
    let nearest = path.ancestors().find(|ancestor| ancestor.symlink_metadata().is_ok());
    if let Some(file) = nearest.filter(|nearest| nearest.is_file()) {
        return Err(FolderError::FileInTheWay { folder, file: file.to_owned() });
    }
    if let Some(file) = WRITTEN.iter().chain(runs).find(|file| path.join(file).symlink_metadata().is_ok()) {
        return Err(FolderError::InUse { folder, file: (*file).to_owned() });
    }
    let made = path.ancestors().take_while(|folder| !folder.exists()).map(Path::to_owned).collect();
    let new = NewFolder { path, made };
    std::fs::create_dir_all(&new.path).map_err(unusable)?;
    let probe = tempfile::tempfile_in(&new.path).and_then(|mut file| file.write_all(&vec![0; LEAST_BYTES]));
    probe.map_err(|source| {
        new.discard();
        unusable(source)
    })?;
    Ok(new)
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
    read_run_with(folder, &[])
}

/// As [`read_run`], with what the log lacks from its last byte on.
fn read_run_with(folder: &Path, unwritten: &[u8]) -> Result<(Plan, RunResult), FolderError> {
    if let Some(file) = [PLAN_FILE, LOG_FILE].into_iter().find(|file| !folder.join(file).is_file()) {
        return Err(FolderError::NotARun { folder: folder.to_owned(), file });
    }
    let path = folder.join(PLAN_FILE);
    let text = files::read_text(&path)?;
    let plan =
        Plan::from_json(text.as_bytes()).map_err(|source| FolderError::Unreadable { path, source: source.into() })?;
    let path = folder.join(LOG_FILE);
    let log = File::open(&path).map_err(FileError::read(&path))?;
    let result = RunResult::read(&plan, BufReader::with_capacity(1 << 20, log).chain(unwritten))
        .map_err(|source| FolderError::Unreadable { path, source: source.into() })?;
    Ok((plan, result))
}

/// A run that has ended, with what could not be written of it.
pub(crate) struct EndedRun {
    pub(crate) plan: Plan,
    pub(crate) result: RunResult,
    /// The end of the log, or reports. The result does not depend on them.
    pub(crate) unwritten: Vec<SuiteError>,
}

/// Reads the folder of a run that has just ended and writes every report into it. What the disk did not take does not change the result.
///
/// # Errors
/// There is no log that says how the run ended.
pub(crate) fn report_ended_run(folder: &Path, executed: Result<(), RunError>) -> Result<EndedRun, SuiteError> {
    let mut unwritten = Vec::new();
    let (plan, result) = match executed {
        Ok(()) => read_run(folder)?,
        Err(RunError::Log { path, source, unwritten: end }) => {
            let read = read_run_with(folder, &end)?;
            unwritten.push(RunError::Log { path, source, unwritten: Vec::new() }.into());
            read
        }
        Err(error) => return Err(error.into()),
    };
    if let Err(error) = harness_report::write_all(folder, &plan, &result) {
        unwritten.push(FolderError::from(error).into());
    }
    Ok(EndedRun { plan, result, unwritten })
}

/// Reads a run's folder and writes every report into it.
pub(crate) fn report_run(folder: &Path) -> Result<(Plan, RunResult), FolderError> {
    let (plan, result) = read_run(folder)?;
    harness_report::write_all(folder, &plan, &result)?;
    Ok((plan, result))
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use harness_record::{ExitCode, Summary};
    use harness_testing::recordings;
    use rstest::rstest;

    use super::*;
    use crate::report::RunReport;

    /// A log is cut in the middle of a line, and no report has room. Before, there was no verdict.
    #[rstest]
    #[case("scale-burst", ExitCode::Passed)]
    #[case("no-quota", ExitCode::Failed)]
    fn a_full_disk_costs_files_which_are_named_and_not_the_verdict(#[case] name: &str, #[case] verdict: ExitCode) {
        let folder = tempfile::tempdir().unwrap();
        recordings::unpack(name, folder.path()).unwrap();
        let (_, whole) = read_run(folder.path()).unwrap();
        assert_eq!(whole.exit_code, verdict);
        let reports = ["summary.json", "junit.xml", "report.html", "report.md", "latencies.hlog"];
        // Nothing can take the place of a folder.
        reports.iter().for_each(|report| std::fs::create_dir(folder.path().join(report)).unwrap());
        let path = folder.path().join(LOG_FILE);
        let log = std::fs::read(&path).unwrap();
        for room in [log.len() - 1, log.len() / 2, 1000, 0] {
            std::fs::write(&path, &log[..room]).unwrap();
            let source = ErrorKind::StorageFull.into();
            let cut = RunError::Log { path: path.clone(), source, unwritten: log[room..].to_vec() };
            let EndedRun { result, unwritten, .. } = report_ended_run(folder.path(), Err(cut)).unwrap();
            let report = RunReport::new(folder.path().to_owned(), result, unwritten);
            // What `harness run` prints to stdout, in both formats.
            let printed = |result: &RunResult| {
                (harness_report::console::summary(result, 110, false), Summary::from(result).to_json().unwrap())
            };
            assert_eq!(printed(&report.result), printed(&whole), "{room}");
            assert_eq!(report.exit_code, ExitCode::TargetFailed);
            let errors: Vec<String> = report.unwritten.iter().map(ToString::to_string).collect();
            let [of_log, of_reports] = errors.as_slice() else { panic!("{errors:?}") };
            assert!(of_log.contains(LOG_FILE) && of_log.contains("free some space"), "{of_log}");
            assert!(reports.iter().all(|report| of_reports.contains(report)), "{of_reports}");
        }
    }

    #[test]
    fn ids_sort_by_time() {
        let id_at = |text: &str| new_run_id(text.parse().unwrap(), 7);
        assert!(id_at("2026-11-21T12:15:00Z") < id_at("2026-11-21T12:15:01Z"));
        assert!(id_at("2026-11-21T12:15:00Z").starts_with("20261121-121500-"));
    }

    #[rstest]
    #[case(LOG_FILE)]
    #[case(SUITE_FILE)]
    // Before, a report of somebody else was replaced.
    #[case("report.md")]
    #[case("spot")]
    fn what_is_there_is_not_replaced(#[case] file: &str) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("notes"), "mine").unwrap();
        assert_eq!(create(Some(folder.path()), "x", &["spot"]).unwrap().path, folder.path());
        std::fs::write(folder.path().join(file), "mine").unwrap();
        let error = create(Some(folder.path()), "x", &["spot"]).err().unwrap();
        assert!(matches!(&error, FolderError::InUse { file: found, .. } if found == file), "{error}");
        assert_eq!(error.exit_code(), ExitCode::InvalidInput);
        assert_eq!(std::fs::read_to_string(folder.path().join(file)).unwrap(), "mine");
    }

    #[test]
    fn a_folder_that_was_made_for_nothing_is_removed_and_another_stays() {
        let folder = tempfile::tempdir().unwrap();
        create(Some(folder.path()), "x", &[]).unwrap().discard();
        assert!(folder.path().is_dir());
        let new = create(Some(&folder.path().join("new/and/deep")), "x", &[]).unwrap();
        new.discard();
        assert!(!folder.path().join("new").exists());
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "mine").unwrap();
        for out in [file.clone(), file.join("run"), file.join("a/b")] {
            let error = create(Some(&out), "x", &[]).err().unwrap();
            assert!(matches!(&error, FolderError::FileInTheWay { file: found, .. } if *found == file), "{error}");
        }
    }

    #[rstest]
    #[case(ErrorKind::PermissionDenied, "permission")]
    #[case(ErrorKind::ReadOnlyFilesystem, "read-only")]
    #[case(ErrorKind::StorageFull, "free some space")]
    fn the_advice_fits_the_cause(#[case] cause: ErrorKind, #[case] advice: &str) {
        let error = FolderError::Unusable { folder: "/there".into(), source: cause.into() };
        assert!(error.to_string().contains(advice), "{error}");
        assert_eq!(
            error.exit_code(),
            ExitCode::InvalidInput,
            "before it was 3, and with a cluster that was already up"
        );
    }
}
