//! The branch `main` of a repository, wherever the repository is.

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use futures::future::BoxFuture;

use super::Credentials;
use super::client_error::GitError;
use super::remote::{Author, Commit, LogEntry, UrlRemote};

/// The operations on a branch; [`GitRemote`] documents each.
pub trait Branch: Debug + Send + Sync {
    /// [`GitRemote::push_tree`].
    fn push_tree<'a>(
        &'a self,
        tree: &'a Path,
        message: &'a str,
        author: &'a Author,
    ) -> BoxFuture<'a, Result<Commit, GitError>>;
    /// [`GitRemote::restore`].
    fn restore<'a>(&'a self, sha: &'a str, author: &'a Author) -> BoxFuture<'a, Result<Commit, GitError>>;
    /// [`GitRemote::force_push_tree`].
    fn force_push_tree<'a>(
        &'a self,
        tree: &'a Path,
        onto: &'a str,
        message: &'a str,
        author: &'a Author,
    ) -> BoxFuture<'a, Result<Commit, GitError>>;
    /// [`GitRemote::head`].
    fn head(&self) -> BoxFuture<'_, Result<Option<String>, GitError>>;
    /// [`GitRemote::export`].
    fn export<'a>(&'a self, into: &'a Path) -> BoxFuture<'a, Result<Option<String>, GitError>>;
    /// [`GitRemote::log`].
    fn log(&self, limit: usize) -> BoxFuture<'_, Result<Vec<LogEntry>, GitError>>;
}

/// The branch `main` of a repository: behind a URL, or in this process.
///
/// Every operation on a URL works in a private repository in a temporary folder with settings of its own: no
/// configuration, hooks, signing or credential helpers of the user, and no repository of the user is touched.
#[derive(Debug, Clone)]
pub struct GitRemote {
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    Url(UrlRemote),
    InProcess(Arc<dyn Branch>),
}

impl GitRemote {
    /// A client for `url`, with the `git` on the search path.
    ///
    /// # Errors
    /// [`GitError::NoGit`].
    pub fn new(url: impl Into<String>) -> Result<Self, GitError> {
        Ok(Self { place: Place::Url(UrlRemote::new(url)?) })
    }

    /// A branch in this process.
    #[must_use]
    pub fn in_process(branch: Arc<dyn Branch>) -> Self {
        Self { place: Place::InProcess(branch) }
    }

    /// The same with a user name and a password. A branch in this process asks for none.
    #[must_use]
    pub fn with_credentials(self, credentials: Credentials) -> Self {
        self.map_url(|remote| remote.with_credentials(credentials))
    }

    /// The same, whose requests the faults of our own server do not hit. Another server does not care.
    #[must_use]
    pub fn exempt_from_faults(self) -> Self {
        self.map_url(UrlRemote::exempt_from_faults)
    }

    fn map_url(self, change: impl FnOnce(UrlRemote) -> UrlRemote) -> Self {
        match self.place {
            Place::Url(remote) => Self { place: Place::Url(change(remote)) },
            place => Self { place },
        }
    }

    /// The repository's address; empty for a branch in this process.
    #[must_use]
    pub fn url(&self) -> &str {
        match &self.place {
            Place::Url(remote) => remote.url(),
            Place::InProcess(_) => "",
        }
    }

    /// Commits exactly the content of the folder `tree` to `main` and pushes it.
    ///
    /// Files are taken byte for byte: no line-end conversion, no `.gitignore`. Entries called `.git` are left
    /// out. A new commit is created even when nothing differs, so that there is a revision to wait for.
    ///
    /// # Errors
    /// [`GitError::LinkLeavesTree`] and [`GitError::Unsupported`] for files that Git cannot hold,
    /// [`GitError::Overtaken`] when others push all the time, otherwise the message of Git.
    pub async fn push_tree(&self, tree: &Path, message: &str, author: &Author) -> Result<Commit, GitError> {
        match &self.place {
            Place::Url(remote) => remote.push_tree(tree, message, author).await,
            Place::InProcess(branch) => branch.push_tree(tree, message, author).await,
        }
    }

    /// Commits to `main` the tree of an earlier commit of `main`, as a new commit: a rollback as people do it.
    ///
    /// # Errors
    /// [`GitError::UnknownCommit`] when `sha` is not in the branch, else as [`GitRemote::push_tree`].
    pub async fn restore(&self, sha: &str, author: &Author) -> Result<Commit, GitError> {
        match &self.place {
            Place::Url(remote) => remote.restore(sha, author).await,
            Place::InProcess(branch) => branch.restore(sha, author).await,
        }
    }

    /// Commits exactly the content of the folder `tree` on top of the commit `onto`, and makes `main` point at it: what was committed
    /// since `onto` is no longer part of the history. It fails if another client has pushed meanwhile.
    ///
    /// # Errors
    /// [`GitError::UnknownCommit`] when `onto` is not in the branch, else as [`GitRemote::push_tree`].
    pub async fn force_push_tree(
        &self,
        tree: &Path,
        onto: &str,
        message: &str,
        author: &Author,
    ) -> Result<Commit, GitError> {
        match &self.place {
            Place::Url(remote) => remote.force_push_tree(tree, onto, message, author).await,
            Place::InProcess(branch) => branch.force_push_tree(tree, onto, message, author).await,
        }
    }

    /// The commit that `main` points at; `None` when there is no commit yet.
    ///
    /// # Errors
    /// [`GitError`] with the message of Git.
    pub async fn head(&self) -> Result<Option<String>, GitError> {
        match &self.place {
            Place::Url(remote) => remote.head().await,
            Place::InProcess(branch) => branch.head().await,
        }
    }

    /// Writes the content of `main` into the folder `into`, which must not hold any of it, and returns the commit; `None` when there is no
    /// commit yet. Files are written byte for byte, but for line ends where the tree's own `.gitattributes` ask for others.
    ///
    /// # Errors
    /// When a file cannot be written, otherwise the message of Git.
    pub async fn export(&self, into: &Path) -> Result<Option<String>, GitError> {
        match &self.place {
            Place::Url(remote) => remote.export(into).await,
            Place::InProcess(branch) => branch.export(into).await,
        }
    }

    /// The newest `limit` commits of `main`, newest first.
    ///
    /// # Errors
    /// [`GitError`] with the message of Git.
    pub async fn log(&self, limit: usize) -> Result<Vec<LogEntry>, GitError> {
        match &self.place {
            Place::Url(remote) => remote.log(limit).await,
            Place::InProcess(branch) => branch.log(limit).await,
        }
    }
}
