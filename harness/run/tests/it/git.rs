//! A branch in this process, with commits like those of Git: a tree, a parent, and a hash of both.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use harness_cluster::git::{Author, Branch, Commit, GitError, LogEntry};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep};

/// On the way to the server, and on the way back.
const HALF_WAY: Duration = Duration::from_millis(10);

/// Path and content.
pub(crate) type Files = BTreeMap<String, String>;

#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) sha: String,
    tree: String,
    pub(crate) subject: String,
    pub(crate) files: Files,
}

#[derive(Debug, Default)]
struct State {
    /// Oldest first.
    commits: Vec<Made>,
    /// How many pushes are refused from now on.
    refuse: u32,
}

/// The branch. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct GitBranch {
    state: Arc<Mutex<State>>,
}

impl GitBranch {
    pub(crate) fn head_now(&self) -> Option<Made> {
        self.state.lock().unwrap().commits.last().cloned()
    }

    /// A commit by somebody other than the run.
    pub(crate) fn commit(&self, files: Files, message: &str) -> String {
        let mut state = self.state.lock().unwrap();
        let parent = state.commits.last().map_or("", |made| &made.sha).to_owned();
        let made = made(&parent, files, message);
        state.commits.push(made.clone());
        made.sha
    }

    /// The subjects, newest first.
    pub(crate) fn subjects(&self) -> Vec<String> {
        self.state.lock().unwrap().commits.iter().rev().map(|made| made.subject.clone()).collect()
    }

    pub(crate) fn refuse(&self, pushes: u32) {
        self.state.lock().unwrap().refuse = pushes;
    }

    fn push(&self, files: Files, message: &str, onto: Option<&str>) -> Result<Made, GitError> {
        let mut state = self.state.lock().unwrap();
        if state.refuse > 0 {
            state.refuse -= 1;
            return Err(GitError::Command {
                action: "push to",
                url: "the branch of a test".to_owned(),
                status: "exit status: 128".to_owned(),
                stderr: "fatal: the remote end hung up unexpectedly".to_owned(),
            });
        }
        if let Some(onto) = onto {
            let at = state.commits.iter().position(|made| made.sha == onto).ok_or_else(|| unknown(onto))?;
            state.commits.truncate(at + 1);
        }
        let parent = state.commits.last().map_or("", |made| &made.sha).to_owned();
        let made = made(&parent, files, message);
        state.commits.push(made.clone());
        Ok(made)
    }

    async fn pushed(&self, files: Files, message: &str, onto: Option<&str>) -> Result<Commit, GitError> {
        let sent = Instant::now().into_std();
        sleep(HALF_WAY).await;
        let made = self.push(files, message, onto)?;
        sleep(HALF_WAY).await;
        Ok(Commit { sha: made.sha, tree: made.tree, sent, acknowledged: Instant::now().into_std() })
    }
}

fn unknown(sha: &str) -> GitError {
    GitError::UnknownCommit { sha: sha.to_owned(), url: "the branch of a test".to_owned() }
}

fn hash(parts: &[&str]) -> String {
    let hash = Sha256::digest(parts.join("\0").as_bytes());
    hash.iter().take(20).map(|byte| format!("{byte:02x}")).collect()
}

fn made(parent: &str, files: Files, message: &str) -> Made {
    let content: Vec<&str> = files.iter().flat_map(|(path, text)| [path.as_str(), text.as_str()]).collect();
    let tree = hash(&content);
    let subject = message.lines().next().unwrap_or_default().to_owned();
    Made { sha: hash(&[parent, &tree, message]), tree, subject, files }
}

fn read(folder: &Path, prefix: &str, into: &mut Files) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            read(&entry.path(), &format!("{path}/"), into);
        } else {
            into.insert(path, fs::read_to_string(entry.path()).unwrap());
        }
    }
}

fn files_of(folder: &Path) -> Files {
    let mut files = Files::new();
    read(folder, "", &mut files);
    files
}

impl Branch for GitBranch {
    fn push_tree<'a>(
        &'a self,
        tree: &'a Path,
        message: &'a str,
        _author: &'a Author,
    ) -> BoxFuture<'a, Result<Commit, GitError>> {
        Box::pin(self.pushed(files_of(tree), message, None))
    }

    fn restore<'a>(&'a self, sha: &'a str, _author: &'a Author) -> BoxFuture<'a, Result<Commit, GitError>> {
        Box::pin(async move {
            let found = self.state.lock().unwrap().commits.iter().find(|made| made.sha == sha).cloned();
            let earlier = found.ok_or_else(|| unknown(sha))?;
            self.pushed(earlier.files, &format!("Restore {}: {}", &sha[..12], earlier.subject), None).await
        })
    }

    fn force_push_tree<'a>(
        &'a self,
        tree: &'a Path,
        onto: &'a str,
        message: &'a str,
        _author: &'a Author,
    ) -> BoxFuture<'a, Result<Commit, GitError>> {
        Box::pin(self.pushed(files_of(tree), message, Some(onto)))
    }

    fn head(&self) -> BoxFuture<'_, Result<Option<String>, GitError>> {
        Box::pin(async {
            sleep(HALF_WAY).await;
            Ok(self.head_now().map(|made| made.sha))
        })
    }

    fn export<'a>(&'a self, into: &'a Path) -> BoxFuture<'a, Result<Option<String>, GitError>> {
        Box::pin(async move {
            sleep(HALF_WAY).await;
            let Some(head) = self.head_now() else { return Ok(None) };
            for (path, text) in &head.files {
                let path = into.join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            Ok(Some(head.sha))
        })
    }

    fn log(&self, limit: usize) -> BoxFuture<'_, Result<Vec<LogEntry>, GitError>> {
        Box::pin(async move {
            let state = self.state.lock().unwrap();
            let entry = |made: &Made| LogEntry {
                sha: made.sha.clone(),
                tree: made.tree.clone(),
                author: "harness".to_owned(),
                at: Timestamp::UNIX_EPOCH,
                subject: made.subject.clone(),
            };
            Ok(state.commits.iter().rev().take(limit).map(entry).collect())
        })
    }
}
