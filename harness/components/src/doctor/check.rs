//! What is examined, and the result of each check.

use std::ffi::OsString;
use std::path::PathBuf;

use serde::Serialize;

use crate::{BuildError, CacheFolder};

/// What to examine.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the components are or will be built.
    pub cache: CacheFolder,
    /// `PATH` on which programs are looked for.
    pub search_path: OsString,
    /// Binaries from elsewhere: then no toolchain is needed.
    pub bin_dir: Option<PathBuf>,
}

impl Options {
    /// The user's own cache folder and search path.
    ///
    /// # Errors
    /// [`BuildError::NoCacheFolder`].
    pub fn from_env() -> Result<Self, BuildError> {
        Ok(Self {
            cache: CacheFolder::from_env()?,
            search_path: std::env::var_os("PATH").unwrap_or_default(),
            bin_dir: None,
        })
    }
}

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
    /// A check that passed, with what was found.
    pub fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, status: Status::Ok, detail: detail.into(), advice: None }
    }

    /// A check that passed with less than there could be, and what to do about it.
    pub fn warn(name: &'static str, detail: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, status: Status::Warn, detail: detail.into(), advice: Some(advice.into()) }
    }

    /// A check that failed, and what to do about it.
    pub fn fail(name: &'static str, detail: impl Into<String>, advice: impl Into<String>) -> Self {
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
