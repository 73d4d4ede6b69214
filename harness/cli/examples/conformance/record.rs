//! The result of one spec: a file of its own, so that a later run knows what is done.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::ginkgo::Judgement;
use crate::spec::Spec;

/// What became of a spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    Passed,
    Failed,
    /// It skipped itself.
    Skipped,
}

/// The result of one spec.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    /// The version of the controller's module.
    pub(crate) version: String,
    pub(crate) suite: String,
    pub(crate) spec: String,
    pub(crate) location: String,
    pub(crate) outcome: Outcome,
    /// How long the spec took with what is before and after each, without its cluster.
    pub(crate) seconds: f64,
    /// Why it failed or skipped itself, in one line.
    pub(crate) reason: Option<String>,
    /// When it ended.
    pub(crate) at: Timestamp,
}

impl Record {
    pub(crate) fn new(version: &str, spec: &Spec, judgement: Judgement) -> Self {
        Self {
            version: version.to_owned(),
            suite: spec.suite.clone(),
            spec: spec.text.clone(),
            location: spec.location(),
            outcome: judgement.outcome,
            seconds: judgement.seconds,
            reason: judgement.reason,
            at: Timestamp::now(),
        }
    }
}

/// The files of one spec below the output folder.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    /// `OUT/results/SUITE/NAME`, to which endings are added.
    base: PathBuf,
}

impl Files {
    pub(crate) fn new(out: &Path, suite: &str, name: &str) -> Self {
        Self { base: out.join("results").join(suite).join(name) }
    }

    /// Its result.
    fn record(&self) -> PathBuf {
        self.with(".json")
    }

    /// What the suite's program printed.
    pub(crate) fn log(&self) -> PathBuf {
        self.with(".log")
    }

    /// Ginkgo's report.
    pub(crate) fn report(&self) -> PathBuf {
        self.with(".ginkgo.json")
    }

    /// The logs of the cluster's components.
    pub(crate) fn cluster_logs(&self) -> PathBuf {
        self.with(".cluster")
    }

    /// What `harness env` prints, for a moment.
    pub(crate) fn environment(&self) -> PathBuf {
        self.with(".env")
    }

    /// What `harness down` prints, where it fails.
    pub(crate) fn down_log(&self) -> PathBuf {
        self.with(".down.log")
    }

    fn with(&self, ending: &str) -> PathBuf {
        let mut path = self.base.clone().into_os_string();
        path.push(ending);
        path.into()
    }

    /// The result, where there is one for this version.
    pub(crate) fn read(&self, version: &str) -> Result<Option<Record>, Failure> {
        let path = self.record();
        let text = match std::fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            text => text.map_err(Failure::file("read", &path))?,
        };
        let record: Record = serde_json::from_slice(&text).map_err(Failure::unreadable("a result", &path))?;
        Ok(Some(record).filter(|record| record.version == version))
    }

    /// Keeps a result: entirely or not at all.
    pub(crate) fn write(&self, record: &Record) -> Result<(), Failure> {
        let (path, new) = (self.record(), self.with(".json.new"));
        write_json(&new, record)?;
        std::fs::rename(&new, &path).map_err(Failure::file("write", path))
    }

    /// Removes what an earlier attempt has left, and makes the folder.
    pub(crate) fn clear(&self) -> Result<(), Failure> {
        if let Some(folder) = self.base.parent() {
            std::fs::create_dir_all(folder).map_err(Failure::file("create", folder))?;
        }
        for path in [self.record(), self.log(), self.report()] {
            gone(std::fs::remove_file(&path)).map_err(Failure::file("remove", path))?;
        }
        let logs = self.cluster_logs();
        gone(std::fs::remove_dir_all(&logs)).map_err(Failure::file("remove", logs))
    }
}

/// The outcome of a removal: what was not there is gone as well.
fn gone(removal: std::io::Result<()>) -> std::io::Result<()> {
    match removal {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

/// Writes a value as JSON that people can read.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Failure> {
    let write_failed = |source| Failure::File { action: "write", path: path.to_owned(), source };
    let text = serde_json::to_string_pretty(value).map_err(|error| write_failed(error.into()))?;
    std::fs::write(path, text + "\n").map_err(write_failed)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::spec::tests::spec;

    /// A result of a spec of the suite `drift`.
    pub(crate) fn record(text: &str, outcome: Outcome, reason: Option<&str>) -> Record {
        let judgement = Judgement { outcome, seconds: 61.5, reason: reason.map(str::to_owned) };
        Record::new("v1.14.0", &spec(text, 94), judgement)
    }

    #[test]
    fn a_result_is_that_of_one_version() {
        let out = tempfile::tempdir().unwrap();
        let files = Files::new(out.path(), "drift", "a-94");
        assert_eq!(files.read("v1.14.0").unwrap(), None);
        files.clear().unwrap();
        let record = record("a", Outcome::Failed, Some("no node"));
        files.write(&record).unwrap();
        assert_eq!(files.read("v1.14.0").unwrap(), Some(record));
        assert_eq!(files.read("v1.15.0").unwrap(), None);
        files.clear().unwrap();
        assert_eq!(files.read("v1.14.0").unwrap(), None);
        std::fs::write(files.record(), "{").unwrap();
        assert!(files.read("v1.14.0").unwrap_err().to_string().contains("a-94.json is not a result"));
    }
}
