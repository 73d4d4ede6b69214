//! What can go wrong with a Git repository and with the server.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a Git operation failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// There is no Git on the search path.
    #[error("Git is not installed (no `git` on PATH): install it, for example `apt-get install git`")]
    NoGit,
    /// A git command failed.
    #[error("cannot {action} {url}: {status}: {stderr}")]
    Command {
        /// The attempted operation, as a verb.
        action: &'static str,
        /// The repository.
        url: String,
        /// Exit status.
        status: String,
        /// Last lines of Git's own message.
        stderr: String,
    },
    /// A git command did not finish.
    #[error("cannot {action} {url}: no answer in {} s", limit.as_secs())]
    Timeout {
        /// The attempted operation, as a verb.
        action: &'static str,
        /// The repository.
        url: String,
        /// The limit.
        limit: Duration,
    },
    /// Git printed something unexpected.
    #[error("cannot {action} {url}: git printed {output:?}")]
    Output {
        /// The attempted operation, as a verb.
        action: &'static str,
        /// The repository.
        url: String,
        /// What it printed.
        output: String,
    },
    /// The server does not take the push: a hook, or a protected branch.
    #[error("{url} refuses the push: {answer}; check its hooks and which branches it protects")]
    Refused {
        /// The repository.
        url: String,
        /// Why, in the words of Git and the server.
        answer: String,
    },
    /// Others pushed at the same time, again and again.
    #[error("cannot push to {url}: {attempts} attempts were each overtaken by another push; last answer: {answer}")]
    Overtaken {
        /// The repository.
        url: String,
        /// How often it was tried.
        attempts: usize,
        /// The last lines of its output.
        answer: String,
    },
    /// A commit to go back to is not in the branch.
    #[error("commit {sha} is not in the history of `main` of {url}: `log` lists the commits")]
    UnknownCommit {
        /// The given commit.
        sha: String,
        /// The repository.
        url: String,
    },
    /// A symbolic link leads out of the tree.
    #[error(
        "{path} is a symbolic link to {target}, outside of the tree: a commit would not hold its content; copy the file or point the link inside",
        path = path.display(),
        target = target.display()
    )]
    LinkLeavesTree {
        /// The link, relative to the tree.
        path: PathBuf,
        /// Where it points.
        target: PathBuf,
    },
    /// Something that Git cannot hold.
    #[error("{path} {why}: Git cannot hold it; remove it from the tree", path = path.display())]
    Unsupported {
        /// The entry, relative to the tree.
        path: PathBuf,
        /// What it is.
        why: &'static str,
    },
    /// A file or folder could not be read or created.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io {
        /// The attempted operation, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The reason that the operating system gives.
        source: io::Error,
    },
}

impl GitError {
    /// Wraps the error of a file or folder; for `map_err`.
    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}

/// Why the Git server could not start, or could not create a repository.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitServerError {
    /// There is no Git on the search path.
    #[error("Git is not installed (no `git` on PATH): install it, for example `apt-get install git`")]
    NoGit,
    /// Git is there without its HTTP side.
    #[error(
        "this Git has no http-backend ({path} does not exist): install the full Git package of your distribution",
        path = path.display()
    )]
    NoBackend {
        /// Where it was expected.
        path: PathBuf,
    },
    /// `git` could not be started or failed.
    #[error("cannot {action} with {git}: {source}", git = git.display())]
    Git {
        /// The attempted operation, as a verb.
        action: &'static str,
        /// The program.
        git: PathBuf,
        /// Why not.
        source: Box<GitError>,
    },
    /// The port could not be bound.
    #[error("cannot listen on 127.0.0.1:{port} for Git: {source}; choose another port, or 0 for a free one")]
    Listen {
        /// The requested port.
        port: u16,
        /// The reason that the operating system gives.
        source: io::Error,
    },
    /// A file or folder could not be created or read.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io {
        /// The attempted operation, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The reason that the operating system gives.
        source: io::Error,
    },
    /// A repository name with other characters.
    #[error(
        "{name:?} is not a repository name: use letters, digits, `-`, `_` and `.`, beginning with a letter or digit"
    )]
    Name {
        /// The name.
        name: String,
    },
}
