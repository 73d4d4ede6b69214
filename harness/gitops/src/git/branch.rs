//! The branch `main` of a repository, wherever the repository is.

use std::fmt::Debug;
use std::path::Path;
use std::time::Instant;

use futures::future::BoxFuture;

use super::error::GitError;

/// The author of the commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// Name.
    pub name: String,
    /// Address.
    pub email: String,
}

impl Default for Author {
    fn default() -> Self {
        Self { name: "harness".to_owned(), email: "harness@localhost".to_owned() }
    }
}

/// A commit that the server has accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Object name, 40 hexadecimal digits.
    pub sha: String,
    /// Object name of its tree: equal trees have equal names.
    pub tree: String,
    /// When the push that succeeded was started.
    pub sent: Instant,
    /// When that push had been answered and the `git push` process had ended.
    pub acknowledged: Instant,
}

/// One commit of the branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Object name, 40 hexadecimal digits.
    pub sha: String,
    /// Object name of its tree.
    pub tree: String,
    /// Author's name.
    pub author: String,
    /// Author's date, 1 s resolution.
    pub at: jiff::Timestamp,
    /// First line of the message.
    pub subject: String,
}

/// The operations on a branch.
pub trait Branch: Debug + Send + Sync {
    /// Commits exactly the content of the folder `tree` to `main` and pushes it.
    ///
    /// Files are taken byte for byte: no line-end conversion, no `.gitignore`. Entries called `.git` are left
    /// out. A new commit is created even when nothing differs, so that there is a revision to wait for.
    ///
    /// # Errors
    /// [`GitError::LinkLeavesTree`] and [`GitError::Unsupported`] for files that Git cannot hold,
    /// [`GitError::Overtaken`] when others push all the time, otherwise the message of Git.
    fn push_tree<'a>(
        &'a self,
        tree: &'a Path,
        message: &'a str,
        author: &'a Author,
    ) -> BoxFuture<'a, Result<Commit, GitError>>;

    /// Commits to `main` the tree of an earlier commit of `main`, as a new commit: a rollback as people do it.
    ///
    /// # Errors
    /// [`GitError::UnknownCommit`] when `sha` is not in the branch, else as [`Branch::push_tree`].
    fn restore<'a>(&'a self, sha: &'a str, author: &'a Author) -> BoxFuture<'a, Result<Commit, GitError>>;

    /// Commits exactly the content of the folder `tree` on top of the commit `onto`, and makes `main` point at it: what was committed
    /// since `onto` is no longer part of the history. It fails if another client has pushed meanwhile.
    ///
    /// # Errors
    /// [`GitError::UnknownCommit`] when `onto` is not in the branch, else as [`Branch::push_tree`].
    fn force_push_tree<'a>(
        &'a self,
        tree: &'a Path,
        onto: &'a str,
        message: &'a str,
        author: &'a Author,
    ) -> BoxFuture<'a, Result<Commit, GitError>>;

    /// The commit that `main` points at; `None` when there is no commit yet.
    ///
    /// # Errors
    /// [`GitError`] with the message of Git.
    fn head(&self) -> BoxFuture<'_, Result<Option<String>, GitError>>;

    /// Writes the content of `main` into the folder `into`, which must not hold any of it, and returns the commit; `None` when there is no
    /// commit yet. Files are written byte for byte, but for line ends where the tree's own `.gitattributes` ask for others.
    ///
    /// # Errors
    /// When a file cannot be written, otherwise the message of Git.
    fn export<'a>(&'a self, into: &'a Path) -> BoxFuture<'a, Result<Option<String>, GitError>>;

    /// The newest `limit` commits of `main`, newest first.
    ///
    /// # Errors
    /// [`GitError`] with the message of Git.
    fn log(&self, limit: usize) -> BoxFuture<'_, Result<Vec<LogEntry>, GitError>>;
}
