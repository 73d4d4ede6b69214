//! `suite.json`: what was to be run, and what became of each. Kept up to date while it goes on, so that a killed harness leaves a
//! folder that can be reported on.

use std::path::{Component, Path};

use harness_report::several::{Judgement, Trouble};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::CliError;
use crate::source;

/// The name of the file, in the folder that holds the runs' folders.
pub(crate) const SUITE_FILE: &str = "suite.json";
/// The version of the file. A reader refuses another one.
const SUITE_VERSION: u32 = 1;

/// Whether the folder is one of several runs.
pub(crate) fn is_suite(folder: &Path) -> bool {
    folder.join(SUITE_FILE).is_file()
}

/// The names of the folders of the runs in a folder of several, in their order; not each of them need be there.
pub(crate) fn run_folders(folder: &Path) -> Result<Vec<String>, CliError> {
    Ok(Suite::read(folder)?.scenarios.into_iter().map(|entry| entry.name).collect())
}

/// Several scenarios that are run together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Suite {
    pub(crate) version: u32,
    pub(crate) id: String,
    pub(crate) started_at: Timestamp,
    /// Milliseconds from the begin to the end of the last run; so far, while it goes on.
    pub(crate) took_ms: u64,
    /// The command that repeats all of it.
    pub(crate) command: String,
    pub(crate) profile: String,
    pub(crate) target: String,
    pub(crate) seed: u64,
    pub(crate) scenarios: Vec<Entry>,
    /// Processes and folders of its own clusters that could not be removed.
    pub(crate) left: Vec<String>,
}

/// One scenario of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    /// Its name, unique among them: also that of its folder.
    pub(crate) name: String,
    /// As it was asked for: a name, or a file.
    pub(crate) scenario: String,
    pub(crate) group: String,
    pub(crate) question: String,
    pub(crate) state: State,
    /// What went wrong around the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) troubles: Vec<Told>,
    /// Whether the result is the expected one, if its verdict alone does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) judgement: Option<Judged>,
}

/// A [`Judgement`] as `ci/catalogue.sh` writes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Judged {
    /// What is broken on purpose in a counter-case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) broken: Option<String>,
    /// What is wrong with the result.
    pub(crate) problems: Vec<String>,
    /// What was wrong at the first attempt, if there was a second.
    pub(crate) first: Vec<String>,
}

impl<'a> From<&'a Judged> for Judgement<'a> {
    fn from(judged: &'a Judged) -> Self {
        Self { broken: judged.broken.as_deref(), problems: &judged.problems, first: &judged.first }
    }
}

/// How far one is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub(crate) enum State {
    /// Its turn has not come.
    Waiting,
    /// It has begun.
    Running,
    /// It has ended: its log says how.
    Ran,
    /// It was not run.
    NotRun { reason: String, exit_code: u8 },
}

/// A [`Trouble`] as it is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Told {
    pub(crate) exit_code: u8,
    pub(crate) what: String,
}

impl From<&Told> for Trouble {
    fn from(told: &Told) -> Self {
        Self { exit_code: told.exit_code, what: told.what.clone() }
    }
}

impl Suite {
    pub(crate) fn new(id: &str, started_at: Timestamp, scenarios: Vec<Entry>) -> Self {
        Self {
            version: SUITE_VERSION,
            id: id.to_owned(),
            started_at,
            took_ms: 0,
            command: String::new(),
            profile: String::new(),
            target: String::new(),
            seed: 0,
            scenarios,
            left: Vec::new(),
        }
    }

    pub(crate) fn read(folder: &Path) -> Result<Self, CliError> {
        let path = folder.join(SUITE_FILE);
        let text = source::read(&path)?;
        let suite: Self = serde_json::from_str(&text)
            .map_err(|error| CliError::Unreadable { path: path.clone(), reason: error.to_string() })?;
        if suite.version != SUITE_VERSION {
            let reason = format!("it has version {}, this harness reads version {SUITE_VERSION}", suite.version);
            return Err(CliError::Unreadable { path, reason });
        }
        // Reports are written into the folder of each run, so a name from the file must not lead out of this one.
        if let Some(entry) = suite.scenarios.iter().find(|entry| !is_plain_name(&entry.name)) {
            let reason = format!("`{}` is not the name of a folder in it", entry.name);
            return Err(CliError::Unreadable { path, reason });
        }
        Ok(suite)
    }

    /// Writes the file; the whole of it or none.
    pub(crate) fn save(&self, folder: &Path) -> Result<(), CliError> {
        let path = folder.join(SUITE_FILE);
        let failed = |source: std::io::Error| CliError::Write { path: path.clone(), source };
        let text = serde_json::to_string_pretty(self).map_err(|error| failed(error.into()))?;
        replace(&path, &(text + "\n")).map_err(failed)
    }
}

fn is_plain_name(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None))
}

/// Writes a file: the whole of it, or what was there before stays.
pub(super) fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    std::fs::write(&part, text)?;
    std::fs::rename(&part, path)
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
        let entry = |name: &str, state| Entry {
            name: name.to_owned(),
            scenario: name.to_owned(),
            group: "cost".to_owned(),
            question: "Why?".to_owned(),
            state,
            troubles: vec![Told { exit_code: 5, what: "NodeClaim a".to_owned() }],
            judgement: Some(Judged { broken: Some("No quota.".to_owned()), problems: Vec::new(), first: Vec::new() }),
        };
        let not_run = State::NotRun { reason: "needs gitops".to_owned(), exit_code: 4 };
        let suite = Suite::new("x", Timestamp::UNIX_EPOCH, vec![entry("a", State::Ran), entry("b", not_run)]);
        suite.save(folder.path()).unwrap();
        assert!(is_suite(folder.path()));
        assert_eq!(Suite::read(folder.path()).unwrap(), suite);
    }
}
