//! What can go wrong when a tree is committed to a Git repository.

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
    #[error("cannot {action} {url}: no answer in {limit:?}")]
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
