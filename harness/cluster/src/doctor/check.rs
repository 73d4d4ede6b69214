//! The result of one check.

use serde::Serialize;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Nothing to do.
    Ok,
    /// It works, but slower or with less than there could be.
    Warn,
    /// A run cannot work.
    Fail,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// What was looked at, in a word or two; unique in a diagnosis.
    pub name: &'static str,
    /// How it came out.
    pub status: Status,
    /// What was found.
    pub detail: String,
    /// What to do; absent when there is nothing to do.
    pub advice: Option<String>,
}

impl Check {
    pub(crate) fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, status: Status::Ok, detail: detail.into(), advice: None }
    }

    pub(crate) fn warn(name: &'static str, detail: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, status: Status::Warn, detail: detail.into(), advice: Some(advice.into()) }
    }

    pub(crate) fn fail(name: &'static str, detail: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { status: Status::Fail, ..Self::warn(name, detail, advice) }
    }
}

/// Every check, in the order in which they should be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// The checks.
    pub checks: Vec<Check>,
}

impl Diagnosis {
    /// The worst status of all checks.
    #[must_use]
    pub fn status(&self) -> Status {
        let statuses = self.checks.iter().map(|check| check.status);
        statuses.max().unwrap_or(Status::Ok)
    }

    /// The check called `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.name == name)
    }
}
