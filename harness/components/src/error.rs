//! What can go wrong before, during and after a build, each with what to do next.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why components were not built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Neither a cache folder nor a home directory is known.
    #[error(
        "HOME is not set, or is not an absolute path, so there is no folder for the components: set HOME, or HARNESS_CACHE_DIR to a folder that lasts"
    )]
    NoCacheFolder,
    /// There is no Go toolchain on the search path.
    #[error(
        "Go is not installed (no `go` on PATH): install Go {required} or newer from https://go.dev/dl/, or give built components with --bin-dir"
    )]
    NoGo {
        /// Oldest Go that builds every module.
        required: String,
    },
    /// The Go toolchain is older than a module asks for.
    #[error(
        "Go {found} ({path}) is too old: the components need Go {required}; install it from https://go.dev/dl/ and put it first on PATH",
        path = path.display()
    )]
    OldGo {
        /// Version found.
        found: String,
        /// Oldest version that builds every module.
        required: String,
        /// The `go` that was asked.
        path: PathBuf,
    },
    /// `go env` failed or printed something that is no version.
    #[error("cannot ask {path} for its version: {reason}; check that `go env GOVERSION` works", path = path.display())]
    UnknownGo {
        /// The `go` that was asked.
        path: PathBuf,
        /// What it said.
        reason: String,
    },
    /// There is no Git on the search path.
    #[error("Git is not installed (no `git` on PATH): install it, for example `apt-get install git`")]
    NoGit,
    /// A file system has too little room.
    #[error(
        "not enough disk space for {what} in {folder}: {need} needed, {free} free; free some space, or set {variable} to a folder on a larger disk",
        folder = folder.display()
    )]
    NoSpace {
        /// What the space is for.
        what: String,
        /// Folder whose file system is too full.
        folder: PathBuf,
        /// Needed, with unit.
        need: String,
        /// Free, with unit.
        free: String,
        /// The environment variable that moves it.
        variable: &'static str,
    },
    /// The cache folder cannot be written.
    #[error("cannot write to the cache folder {folder}: {source}; make it writable or set HARNESS_CACHE_DIR", folder = folder.display())]
    NotWritable {
        /// The folder.
        folder: PathBuf,
        /// The reason that the operating system gives.
        source: io::Error,
    },
    /// Another build held the lock for too long.
    #[error(
        "gave up after {} s waiting for another build ({holder}); end it or wait for it, then run this again",
        waited.as_secs()
    )]
    LockTimeout {
        /// How long.
        waited: Duration,
        /// Who holds it, as written into the lock file.
        holder: String,
    },
    /// `go` could not be started.
    #[error("cannot start {command}: {source}")]
    Start {
        /// The command line.
        command: String,
        /// The reason that the operating system gives.
        source: io::Error,
    },
    /// `go build` failed.
    #[error("building {module} failed ({status}):\n{tail}\nrunning the same command again resumes at {module}")]
    Failed {
        /// Folder name of the module.
        module: &'static str,
        /// Exit status.
        status: String,
        /// Last lines of what Go said.
        tail: String,
    },
    /// `go build` took longer than its limit.
    #[error(
        "building {module} took longer than {} s and was ended; last line: {last}\nrunning the same command again resumes at {module}",
        limit.as_secs()
    )]
    TooSlow {
        /// Folder name of the module.
        module: &'static str,
        /// The limit.
        limit: Duration,
        /// Last line of what Go said.
        last: String,
    },
    /// Go succeeded and yet a file is missing.
    #[error("{module} was built but {missing} is missing; this is a fault of the catalogue: please report it")]
    Absent {
        /// Folder name of the module.
        module: &'static str,
        /// Path that was expected.
        missing: String,
    },
    /// A file of the cache could not be written or moved.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// To what.
        path: PathBuf,
        /// The reason that the operating system gives.
        source: io::Error,
    },
}

/// Shorthand for [`BuildError::Io`].
pub(super) fn io_error(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> BuildError {
    let path = path.into();
    move |source| BuildError::Io { action, path, source }
}

/// Why components cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Missing {
    /// Nothing, or not everything, was built yet.
    #[error(
        "the components are not built yet ({components}); build them with `harness components build` (about {minutes} min) or give a folder with --bin-dir"
    )]
    NotBuilt {
        /// Names of the components that are missing.
        components: String,
        /// Expected time of the build, minutes.
        minutes: u64,
    },
    /// A folder given with `--bin-dir` lacks something.
    #[error("--bin-dir {folder} is not complete: {missing}", folder = folder.display())]
    Incomplete {
        /// The folder.
        folder: PathBuf,
        /// What is missing and why, joined by `; `.
        missing: String,
    },
    /// No cache folder is known.
    #[error(transparent)]
    Cache(#[from] BuildError),
}
