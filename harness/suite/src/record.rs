//! `suite.json`: what was to be run, and what each run came to. It is kept up to date while the suite runs, so that a killed harness
//! leaves a folder that can be reported on.

use std::path::{Component, Path};

use harness_record::ExitCode;
use harness_report::several::{EntryIssue, Judgement};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{FileError, FolderError};
use crate::files;
use crate::run_folder::SUITE_FILE;

/// The version of the file. A reader refuses another one.
const SUITE_VERSION: u32 = 1;

/// Scenarios that are run together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SuiteRecord {
    /// The version of the file.
    pub version: u32,
    /// The suite's id.
    pub id: String,
    /// Wall time of the start.
    pub started_at: Timestamp,
    /// From the start to the end of the last run so far, milliseconds.
    pub took_ms: u64,
    /// The command that repeats all of it.
    pub command: String,
    /// `smoke`, `default` or `full`.
    pub profile: String,
    /// Where they ran.
    pub target: String,
    /// The seed of every run.
    pub seed: u64,
    /// The runs, in their order.
    #[serde(rename = "scenarios")]
    pub runs: Vec<RunRecord>,
    /// Processes and folders of the suite's own clusters that could not be removed.
    #[serde(rename = "left")]
    pub leaks: Vec<String>,
}

/// One run of a suite.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunRecord {
    /// Its name, unique among them: also that of its folder.
    pub name: String,
    /// The scenario as it was asked for: a name, or a file.
    pub scenario: String,
    /// The scenario's group.
    pub group: String,
    /// The scenario's question.
    pub question: String,
    /// How far it is.
    pub state: RunState,
    /// What went wrong around the run, which its own log cannot hold.
    #[serde(rename = "troubles", default, skip_serializing_if = "Vec::is_empty")]
    pub issues: Vec<Issue>,
    /// Whether the result is the expected one, if its verdict alone does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judgement: Option<RecordedJudgement>,
}

/// A [`Judgement`] as it is recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedJudgement {
    /// What is broken on purpose in a counter-case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
    /// What is wrong with the result.
    pub problems: Vec<String>,
    /// What was wrong at the first attempt, if there was a second.
    pub first: Vec<String>,
}

impl<'a> From<&'a RecordedJudgement> for Judgement<'a> {
    fn from(recorded: &'a RecordedJudgement) -> Self {
        Self { broken: recorded.broken.as_deref(), problems: &recorded.problems, first: &recorded.first }
    }
}

/// How far a run of a suite is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum RunState {
    /// It has not been started yet.
    Waiting,
    /// It has been started.
    Running,
    /// It has ended: its log says how.
    Ran,
    /// It was not run, or it has no log.
    NotRun {
        /// Why.
        reason: String,
        /// The exit code that it counts as.
        exit_code: ExitCode,
    },
}

/// Something that went wrong around a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Issue {
    /// The exit code that it counts as.
    pub exit_code: ExitCode,
    /// What happened, one line.
    pub what: String,
}

impl From<&Issue> for EntryIssue {
    fn from(issue: &Issue) -> Self {
        Self { exit_code: issue.exit_code, what: issue.what.clone() }
    }
}

impl SuiteRecord {
    /// A suite that starts now. What describes it as a whole is empty.
    pub fn new(id: &str, started_at: Timestamp, runs: Vec<RunRecord>) -> Self {
        Self {
            version: SUITE_VERSION,
            id: id.to_owned(),
            started_at,
            took_ms: 0,
            command: String::new(),
            profile: String::new(),
            target: String::new(),
            seed: 0,
            runs,
            leaks: Vec::new(),
        }
    }

    /// Whether the folder is that of a suite.
    pub fn exists_in(folder: &Path) -> bool {
        folder.join(SUITE_FILE).is_file()
    }

    /// Reads the record of the suite in a folder.
    ///
    /// # Errors
    /// [`FolderError`]: it cannot be read, has another version, or names folders outside this one.
    pub fn read(folder: &Path) -> Result<Self, FolderError> {
        let path = folder.join(SUITE_FILE);
        let record: Self = match serde_json::from_str(&files::read_text(&path)?) {
            Ok(record) => record,
            Err(source) => return Err(FolderError::Unreadable { path, source: source.into() }),
        };
        if record.version != SUITE_VERSION {
            return Err(FolderError::SuiteVersion { path, found: record.version, known: SUITE_VERSION });
        }
        // Reports are written into the folder of each run, so a name from the file must not lead out of this one.
        if let Some(run) = record.runs.iter().find(|run| !is_plain_name(&run.name)) {
            return Err(FolderError::SuiteFolder { path, name: run.name.clone() });
        }
        Ok(record)
    }

    /// Writes the record into the suite's folder, all of it or nothing.
    ///
    /// # Errors
    /// [`FileError::Write`].
    pub fn save(&self, folder: &Path) -> Result<(), FileError> {
        files::replace_json(&folder.join(SUITE_FILE), self)
    }
}

fn is_plain_name(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_does_not_lead_out_of_the_folder() {
        assert!(is_plain_name("scale-burst.2"));
        for name in ["", ".", "..", "../other", "a/b", "/etc"] {
            assert!(!is_plain_name(name), "{name}");
        }
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let run = |name: &str, state| RunRecord {
            name: name.to_owned(),
            scenario: name.to_owned(),
            group: "cost".to_owned(),
            question: "Why?".to_owned(),
            state,
            issues: vec![Issue { exit_code: ExitCode::LeftBehind, what: "NodeClaim a".to_owned() }],
            judgement: Some(RecordedJudgement {
                broken: Some("No quota.".to_owned()),
                problems: Vec::new(),
                first: Vec::new(),
            }),
        };
        let not_run = RunState::NotRun { reason: "needs gitops".to_owned(), exit_code: ExitCode::Inconclusive };
        let suite = SuiteRecord::new("x", Timestamp::UNIX_EPOCH, vec![run("a", RunState::Ran), run("b", not_run)]);
        suite.save(folder.path()).unwrap();
        assert!(SuiteRecord::exists_in(folder.path()));
        assert_eq!(SuiteRecord::read(folder.path()).unwrap(), suite);
    }
}
