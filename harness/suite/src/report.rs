//! The reports of a folder, made from the logs in it: by the runs themselves, and again by `harness report`.

use std::path::{Path, PathBuf};

use harness_plan::Plan;
use harness_record::compare::Comparison;
use harness_record::{ExitCode, RunResult};
use harness_report::index::{self, Head};
use harness_report::several::{self, EntryIssue, EntryOutcome, SuiteEntry};

use crate::error::{BoxedError, FolderError, SuiteError};
use crate::files;
use crate::record::{RunRecord, RunState, SuiteRecord};
use crate::run_folder::{has_log, read_run, report_run};

/// What a run came to. Its reports are in its folder.
#[derive(Debug)]
pub struct RunReport {
    /// The run's folder.
    pub folder: PathBuf,
    /// What the log says.
    pub result: RunResult,
    /// The comparison with the baseline, if there is one and the run passed.
    pub comparison: Option<Comparison>,
    /// What could not be written: the end of the log, or reports. The result does not depend on them.
    pub unwritten: Vec<SuiteError>,
    /// The exit code of the run, or that of the comparison; of a run of which something is missing, at least that of a failed target.
    pub exit_code: ExitCode,
}

impl RunReport {
    pub(crate) fn new(folder: PathBuf, result: RunResult, unwritten: Vec<SuiteError>) -> Self {
        let exit_code = unwritten.iter().map(SuiteError::exit_code).fold(result.exit_code, ExitCode::max);
        Self { folder, result, comparison: None, unwritten, exit_code }
    }
}

/// What the runs of a suite came to. Its reports are in its folder.
#[derive(Debug)]
pub struct SuiteReport {
    /// The suite's folder.
    pub folder: PathBuf,
    /// What was to be run.
    pub record: SuiteRecord,
    /// The runs whose own reports could not be made, and the files of the suite that could not be written. The others were reported.
    pub failures: Vec<FolderError>,
    /// The text of `index.json`.
    pub json: String,
    /// The worst of all exit codes.
    pub exit_code: ExitCode,
    outcomes: Vec<RunOutcome>,
}

impl SuiteReport {
    /// The outcome of each run, in their order.
    pub fn outcomes(&self) -> Vec<SuiteEntry<'_>> {
        self.outcomes.iter().map(RunOutcome::describe).collect()
    }
}

/// The reports of a folder.
#[derive(Debug)]
pub enum FolderReport {
    /// It is the folder of a run.
    Run(Box<RunReport>),
    /// It is the folder of a suite.
    Suite(Box<SuiteReport>),
}

/// Makes every report of a run's or a suite's folder again, from the event logs.
///
/// # Errors
/// [`FolderError`]: it is the folder of neither, or its reports could not be made. A suite is reported even if the reports of some of its
/// runs could not be made ([`SuiteReport::failures`]).
pub fn report_folder(folder: &Path) -> Result<FolderReport, FolderError> {
    if SuiteRecord::exists_in(folder) {
        let record = SuiteRecord::read(folder)?;
        let report = report_suite(folder, record, true)?;
        return Ok(FolderReport::Suite(Box::new(report)));
    }
    let (_, result) = report_run(folder)?;
    Ok(FolderReport::Run(Box::new(RunReport::new(folder.to_owned(), result, Vec::new()))))
}

/// Makes the reports over the runs of a suite that has ended. Those of the runs have been written.
pub(crate) fn report_ended_suite(folder: &Path, record: SuiteRecord) -> Result<SuiteReport, FolderError> {
    report_suite(folder, record, false)
}

/// `rewrite`: the reports of the runs are made again too.
fn report_suite(folder: &Path, record: SuiteRecord, rewrite: bool) -> Result<SuiteReport, FolderError> {
    let (mut outcomes, mut failures) = (Vec::new(), Vec::new());
    for run in &record.runs {
        let run_folder = folder.join(&run.name);
        // Also that of a run that was started and did not end: its log says how far it came.
        let ran = has_log(&run_folder).then(|| read_run(&run_folder));
        if let (Some(Ok((plan, result))), true) = (&ran, rewrite)
            && let Err(error) = harness_report::write_all(&run_folder, plan, result)
        {
            failures.push(error.into());
        }
        let ran = ran.map(|ran| {
            ran.map_err(|error| {
                let reason = error.to_string();
                failures.extend(rewrite.then_some(error));
                reason
            })
        });
        outcomes.push(RunOutcome::new(run.clone(), ran));
    }
    let leaks = if record.leaks.is_empty() { ExitCode::Passed } else { ExitCode::LeftBehind };
    let exit_code = outcomes.iter().map(|outcome| outcome.exit_code).fold(leaks, ExitCode::max);
    let (json, unwritten) = write_index(folder, &record, &outcomes, exit_code)?;
    failures.extend(unwritten);
    let exit_code = failures.iter().map(FolderError::exit_code).fold(exit_code, ExitCode::max);
    Ok(SuiteReport { folder: folder.to_owned(), record, failures, json, exit_code, outcomes })
}

/// Writes `index.html`, `index.md`, `index.json` and `junit.xml`; one that fails does not keep the others from being written. Returns the
/// JSON and what was not written.
fn write_index(
    folder: &Path,
    record: &SuiteRecord,
    outcomes: &[RunOutcome],
    exit_code: ExitCode,
) -> Result<(String, Vec<FolderError>), FolderError> {
    let head = Head {
        title: record.id.clone(),
        target: record.target.clone(),
        profile: record.profile.clone(),
        seed: Some(record.seed),
        started_at: Some(record.started_at),
        took_us: record.took_ms.saturating_mul(1000),
        exit_code,
        command: record.command.clone(),
        left: record.leaks.clone(),
    };
    let all: Vec<SuiteEntry<'_>> = outcomes.iter().map(RunOutcome::describe).collect();
    let unmade = |name: &str, source: BoxedError| FolderError::Index { path: folder.join(name), source };
    let json = index::json(&head, &all).map_err(|error| unmade("index.json", error.into()))?;
    let texts: [(&str, Result<String, BoxedError>); 4] = [
        ("index.json", Ok(json.clone())),
        ("index.html", index::html(&head, &all).map_err(Into::into)),
        ("index.md", Ok(index::markdown(&head, &all))),
        ("junit.xml", several::junit(&format!("harness {}", head.title), &all).map_err(Into::into)),
    ];
    let written = texts.into_iter().map(|(name, text)| {
        let text = text.map_err(|source| unmade(name, source))?;
        Ok(files::replace(&folder.join(name), &text)?)
    });
    Ok((json, written.filter_map(Result::err).collect()))
}

/// What a run of a suite came to.
#[derive(Debug)]
pub(crate) struct RunOutcome {
    record: RunRecord,
    /// Its plan and result, or why it has none.
    ran: Result<Box<(Plan, RunResult)>, String>,
    issues: Vec<EntryIssue>,
    exit_code: ExitCode,
}

impl RunOutcome {
    /// `ran` is what its log says, or why that cannot be read; `None` if it has no log.
    pub(crate) fn new(record: RunRecord, ran: Option<Result<(Plan, RunResult), String>>) -> Self {
        let ran = match (ran, &record.state) {
            (Some(ran), _) => ran.map(Box::new),
            (None, RunState::NotRun { reason, .. }) => Err(reason.clone()),
            (None, RunState::Waiting) => Err("the harness was killed before its turn came".to_owned()),
            (None, RunState::Running | RunState::Ran) => Err("there is no log of it".to_owned()),
        };
        let own = match (&ran, &record.judgement, &record.state) {
            (Ok(ran), None, _) => ran.1.exit_code,
            (Ok(_), Some(judgement), _) if judgement.problems.is_empty() => ExitCode::Passed,
            // Only a counter-case has a problem with a run that passed: it should have failed.
            (Ok(ran), Some(_), _) => match ran.1.exit_code {
                ExitCode::Passed => ExitCode::Failed,
                other => other,
            },
            (Err(_), _, RunState::NotRun { exit_code, .. }) => *exit_code,
            (Err(_), _, RunState::Waiting | RunState::Running | RunState::Ran) => ExitCode::Inconclusive,
        };
        let exit_code = record.issues.iter().map(|issue| issue.exit_code).fold(own, ExitCode::max);
        let issues = record.issues.iter().map(EntryIssue::from).collect();
        Self { record, ran, issues, exit_code }
    }

    /// The outcome as reports take it.
    pub(crate) fn describe(&self) -> SuiteEntry<'_> {
        let outcome = match (&self.ran, &self.record.judgement) {
            (Ok(ran), None) => EntryOutcome::Ran(&ran.0, &ran.1),
            (Ok(ran), Some(judgement)) => EntryOutcome::Judged(&ran.0, &ran.1, judgement.into()),
            (Err(reason), _) => EntryOutcome::NotRun(reason),
        };
        SuiteEntry {
            name: &self.record.name,
            group: &self.record.group,
            outcome,
            issues: &self.issues,
            exit_code: self.exit_code,
        }
    }
}
