//! The user's Go and Git: found, asked for their version, refused when they cannot do the job.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;

use super::error::BuildError;
use harness_catalogue::all_modules;

/// The oldest Go that this project supports at all.
const OLDEST_GO: GoVersion = GoVersion { major: 1, minor: 26, patch: 0 };

/// Environment that decides what is built. The rest is the user's own, so that proxies, private module
/// settings and certificates apply to downloads as they do for any other Go build of that user.
pub(super) const FIXED_ENVIRONMENT: [(&str, &str); 4] = [
    // Static binaries that run on any distribution, and no C compiler needed.
    ("CGO_ENABLED", "0"),
    // Go must not fetch another toolchain behind the user's back.
    ("GOTOOLCHAIN", "local"),
    // The pins are exact: a build never edits go.mod. This also drops flags from the user's own GOFLAGS.
    ("GOFLAGS", "-mod=readonly"),
    // A go.work in a parent folder is the user's.
    ("GOWORK", "off"),
];

/// `go env` answers in milliseconds; a network home directory may need longer.
const GO_ENV_LIMIT: Duration = Duration::from_secs(30);

/// A Go release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct GoVersion {
    /// 1 since 2012.
    pub major: u32,
    /// Two a year.
    pub minor: u32,
    /// 0 for the first release, for release candidates and for development builds.
    pub patch: u32,
}

impl GoVersion {
    /// Reads `GOVERSION` (`go1.26.8`, `go1.27rc1`, `devel go1.27-8a5d2a1 Mon ...`) or a `go` line of a `go.mod` (`1.26.0`).
    ///
    /// Returns `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.split_whitespace().find_map(|word| {
            let word = word.strip_prefix("go").unwrap_or(word);
            let mut numbers = word.splitn(3, '.').map(leading_number);
            Some(Self {
                major: numbers.next()??,
                minor: numbers.next()??,
                patch: numbers.next().flatten().unwrap_or(0),
            })
        })
    }
}

fn leading_number(text: &str) -> Option<u32> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

impl fmt::Display for GoVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        if self.patch > 0 {
            write!(f, ".{}", self.patch)?;
        }
        Ok(())
    }
}

/// The oldest Go that builds every module: the newest `go` line of the embedded `go.mod` files.
///
/// Go refuses a `go.mod` that is newer than itself when it may not fetch another toolchain.
#[must_use]
pub fn required_go() -> GoVersion {
    all_modules()
        .filter_map(|module| {
            let line = module.go_mod.lines().find_map(|l| l.strip_prefix("go "))?;
            GoVersion::parse(line)
        })
        .fold(OLDEST_GO, GoVersion::max)
}

/// The programs that a build needs.
#[derive(Debug, Clone)]
pub struct Tools {
    /// Absolute path of `go`.
    pub go: PathBuf,
    /// Its version.
    pub go_version: GoVersion,
    /// `GOVERSION` as Go wrote it.
    pub go_version_text: String,
    /// Where Go keeps downloaded modules.
    pub module_cache: PathBuf,
    /// Absolute path of `git`.
    pub git: PathBuf,
    /// The search path they were found on, handed to them as `PATH`.
    pub search_path: OsString,
}

impl Tools {
    /// Finds Go and Git on `search_path` and checks Go's version.
    ///
    /// # Errors
    /// [`BuildError::NoGo`], [`BuildError::OldGo`], [`BuildError::UnknownGo`] or [`BuildError::NoGit`].
    pub async fn find(search_path: &OsStr) -> Result<Self, BuildError> {
        let required = required_go();
        let go = find_program("go", search_path).ok_or_else(|| BuildError::NoGo { required: required.to_string() })?;
        let environment = go_environment(&go, search_path).await?;
        let go_version = GoVersion::parse(&environment.version).ok_or_else(|| BuildError::UnknownGo {
            path: go.clone(),
            reason: format!("GOVERSION is `{}`", environment.version),
        })?;
        if go_version < required {
            return Err(BuildError::OldGo { found: go_version.to_string(), required: required.to_string(), path: go });
        }
        let git = find_program("git", search_path).ok_or(BuildError::NoGit)?;
        Ok(Self {
            go,
            go_version,
            go_version_text: environment.version,
            module_cache: environment.module_cache,
            git,
            search_path: search_path.to_owned(),
        })
    }
}

/// The first executable file called `name` on `search_path`.
pub fn find_program(name: &str, search_path: &OsStr) -> Option<PathBuf> {
    std::env::split_paths(search_path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|path| is_executable(path))
}

/// Whether `path` is an executable file.
pub(crate) fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[derive(Deserialize)]
struct GoEnvironment {
    #[serde(rename = "GOVERSION")]
    version: String,
    #[serde(rename = "GOMODCACHE")]
    module_cache: PathBuf,
}

async fn go_environment(go: &Path, search_path: &OsStr) -> Result<GoEnvironment, BuildError> {
    let unknown = |reason: String| BuildError::UnknownGo { path: go.to_owned(), reason };
    let output = Command::new(go)
        .args(["env", "-json", "GOVERSION", "GOMODCACHE"])
        // No go.mod here that could ask for another toolchain.
        .current_dir("/")
        .envs(FIXED_ENVIRONMENT)
        .env("PATH", search_path)
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(GO_ENV_LIMIT, output)
        .await
        .map_err(|_| unknown(format!("no answer in {} s", GO_ENV_LIMIT.as_secs())))?
        .map_err(|error| unknown(error.to_string()))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return Err(unknown(text.lines().last().unwrap_or_default().to_owned()));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| unknown(error.to_string()))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("go1.26.8", Some((1, 26, 8)))]
    #[case("go1.26", Some((1, 26, 0)))]
    #[case("go1.27rc1", Some((1, 27, 0)))]
    #[case("devel go1.28-8a5d2a1 Mon Jul 6 10:00:00 2026 +0000", Some((1, 28, 0)))]
    #[case("go1.26.3 X:nodwarf5", Some((1, 26, 3)))]
    #[case("go1.26.4-custom", Some((1, 26, 4)))]
    #[case("1.26.5", Some((1, 26, 5)))]
    #[case("go2.0.1", Some((2, 0, 1)))]
    #[case("", None)]
    #[case("gopher", None)]
    #[case("go1", None)]
    fn reads_versions(#[case] text: &str, #[case] expected: Option<(u32, u32, u32)>) {
        let found = GoVersion::parse(text).map(|v| (v.major, v.minor, v.patch));
        assert_eq!(found, expected);
    }

    #[test]
    fn versions_compare_by_number() {
        let parse = |text| GoVersion::parse(text).unwrap();
        assert!(parse("go1.26.10") > parse("go1.26.9"));
        assert!(parse("go1.9.7") < parse("go1.26"));
        assert_eq!(parse("go1.26.0").to_string(), "1.26");
    }

    #[test]
    fn the_newest_go_line_rules() {
        assert!(required_go() >= OLDEST_GO);
        for module in all_modules() {
            let line = module.go_mod.lines().find_map(|l| l.strip_prefix("go "));
            assert!(GoVersion::parse(line.unwrap()).unwrap() <= required_go());
        }
    }
}
