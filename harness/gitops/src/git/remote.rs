//! A client that commits whole trees to `main` of a repository behind a URL, on any Git server.

use std::ffi::OsString;
use std::ops::Deref;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::time::Instant;

use futures::future::BoxFuture;

use super::EXEMPT_FROM_FAULTS_HEADER;
use super::branch::{Author, Branch, Commit, LogEntry};
use super::command::{Git, GitCall, tail};
use super::error::GitError;
use super::tree::{Entry, Kind, entries};

const BRANCH: &str = "refs/heads/main";

/// Where the fetched head of the branch is kept in the private repository.
const FETCHED: &str = "refs/harness/head";

/// Two writers at the same time seldom overtake each other more than once.
const PUSH_ATTEMPTS: usize = 6;

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
        let search_path = std::env::var_os("PATH").unwrap_or_default();
        let git = Git::find(&search_path).ok_or(GitError::NoGit)?;
        let remote = UrlRemote { git, url: url.into(), exempt_from_faults: false };
        Ok(Self { place: Place::Url(remote) })
    }

    /// A branch in this process.
    #[must_use]
    pub fn in_process(branch: Arc<dyn Branch>) -> Self {
        Self { place: Place::InProcess(branch) }
    }

    /// The same, whose requests the faults of our own server do not hit. Another server does not care.
    #[must_use]
    pub fn exempt_from_faults(mut self) -> Self {
        if let Place::Url(remote) = &mut self.place {
            remote.exempt_from_faults = true;
        }
        self
    }

    /// The repository's address; empty for a branch in this process.
    #[must_use]
    pub fn url(&self) -> &str {
        match &self.place {
            Place::Url(remote) => &remote.url,
            Place::InProcess(_) => "",
        }
    }
}

impl Deref for GitRemote {
    type Target = dyn Branch;

    fn deref(&self) -> &Self::Target {
        match &self.place {
            Place::Url(remote) => remote,
            Place::InProcess(branch) => branch.as_ref(),
        }
    }
}

#[derive(Debug, Clone)]
struct UrlRemote {
    git: Git,
    url: String,
    exempt_from_faults: bool,
}

/// The private repository of one operation; it is removed when the value is dropped.
struct Workshop<'a> {
    remote: &'a UrlRemote,
    folder: tempfile::TempDir,
}

impl Branch for UrlRemote {
    fn push_tree<'a>(
        &'a self,
        tree: &'a Path,
        message: &'a str,
        author: &'a Author,
    ) -> BoxFuture<'a, Result<Commit, GitError>> {
        Box::pin(async move {
            let workshop = self.workshop().await?;
            let name = workshop.write_tree(tree).await?;
            workshop.commit_and_push(&name, message, author).await
        })
    }

    fn restore<'a>(&'a self, sha: &'a str, author: &'a Author) -> BoxFuture<'a, Result<Commit, GitError>> {
        Box::pin(async move {
            let workshop = self.workshop().await?;
            let unknown = || GitError::UnknownCommit { sha: sha.to_owned(), url: self.url.clone() };
            let history = workshop.history(None).await?;
            let earlier = history.iter().find(|entry| entry.sha == sha).ok_or_else(unknown)?;
            let message = format!("Restore {}: {}", &sha[..sha.len().min(12)], earlier.subject);
            workshop.commit_and_push(&earlier.tree, &message, author).await
        })
    }

    fn force_push_tree<'a>(
        &'a self,
        tree: &'a Path,
        onto: &'a str,
        message: &'a str,
        author: &'a Author,
    ) -> BoxFuture<'a, Result<Commit, GitError>> {
        Box::pin(async move {
            let workshop = self.workshop().await?;
            let name = workshop.write_tree(tree).await?;
            let unknown = || GitError::UnknownCommit { sha: onto.to_owned(), url: self.url.clone() };
            let history = workshop.history(None).await?;
            let head = history.first().ok_or_else(unknown)?;
            if !history.iter().any(|entry| entry.sha == onto) {
                return Err(unknown());
            }
            let sha = workshop.commit_tree(&name, Some(onto), message, author).await?;
            let lease = format!("--force-with-lease={BRANCH}:{}", head.sha);
            let (output, sent, acknowledged) = workshop.push(&sha, &[&lease]).await?;
            if !output.status.success() {
                return Err(workshop.refused(&output));
            }
            Ok(Commit { sha, tree: name, sent, acknowledged })
        })
    }

    fn head(&self) -> BoxFuture<'_, Result<Option<String>, GitError>> {
        // Not in the working folder: a repository there could have settings of its own.
        Box::pin(self.head_from(Path::new("/")))
    }

    fn export<'a>(&'a self, into: &'a Path) -> BoxFuture<'a, Result<Option<String>, GitError>> {
        Box::pin(async move {
            let workshop = self.workshop().await?;
            if self.head_from(&workshop.repository()).await?.is_none() {
                return Ok(None);
            }
            workshop.fetch(&["--depth=1"]).await?;
            workshop.export(into).await.map(Some)
        })
    }

    fn log(&self, limit: usize) -> BoxFuture<'_, Result<Vec<LogEntry>, GitError>> {
        Box::pin(async move { self.workshop().await?.history(Some(limit)).await })
    }
}

impl UrlRemote {
    async fn workshop(&self) -> Result<Workshop<'_>, GitError> {
        let folder = tempfile::Builder::new().prefix("harness-git-").tempdir();
        let folder = folder.map_err(GitError::io("create a temporary folder in", std::env::temp_dir()))?;
        self.git.init_bare(&folder.path().join("repository")).await?;
        Ok(Workshop { remote: self, folder })
    }

    async fn head_from(&self, folder: &Path) -> Result<Option<String>, GitError> {
        let action = "list the branches of";
        let call = self.call(action, folder, ["ls-remote", "--", &self.url, BRANCH]);
        let output = text(self.git.run(call).await?);
        match output.split_whitespace().next() {
            None => Ok(None),
            Some(sha) if is_sha(sha) => Ok(Some(sha.to_owned())),
            Some(_) => Err(self.unexpected(action, output)),
        }
    }

    fn call<'a, S: Into<OsString>>(
        &'a self,
        action: &'static str,
        folder: &'a Path,
        arguments: impl IntoIterator<Item = S>,
    ) -> GitCall<'a> {
        let mut config = vec![
            // Neither housekeeping nor hooks nor a stored password.
            ("gc.auto".to_owned(), "0".to_owned()),
            ("core.hooksPath".to_owned(), "/dev/null".to_owned()),
            ("credential.helper".to_owned(), String::new()),
        ];
        if self.exempt_from_faults {
            config.push(("http.extraHeader".to_owned(), format!("{EXEMPT_FROM_FAULTS_HEADER}: yes")));
        }
        let mut environment = vec![("GIT_CONFIG_COUNT".to_owned(), config.len().to_string())];
        for (index, (key, value)) in config.into_iter().enumerate() {
            environment.push((format!("GIT_CONFIG_KEY_{index}"), key));
            environment.push((format!("GIT_CONFIG_VALUE_{index}"), value));
        }
        let arguments = arguments.into_iter().map(Into::into).collect();
        GitCall { environment, ..GitCall::new(action, &self.url, folder, arguments) }
    }

    fn unexpected(&self, action: &'static str, output: String) -> GitError {
        GitError::Output { action, url: self.url.clone(), output }
    }
}

impl Workshop<'_> {
    fn repository(&self) -> std::path::PathBuf {
        self.folder.path().join("repository")
    }

    async fn git(&self, action: &'static str, arguments: &[&str], input: Vec<u8>) -> Result<String, GitError> {
        self.remote.git.run(self.call(action, &self.repository(), arguments, input)).await.map(text)
    }

    fn call<'a>(
        &'a self,
        action: &'static str,
        repository: &'a Path,
        arguments: &[&str],
        input: Vec<u8>,
    ) -> GitCall<'a> {
        let mut call = self.remote.call(action, repository, arguments.iter().copied());
        let git_dir = repository.display().to_string();
        call.environment.push(("GIT_DIR".to_owned(), git_dir));
        call.input = input;
        call
    }

    /// Stores the content of `root` and gives back the name of its tree.
    async fn write_tree(&self, root: &Path) -> Result<String, GitError> {
        let action = "store the tree for";
        let root = root.canonicalize().map_err(GitError::io("read the tree", root))?;
        let entries = entries(&root)?;
        let names = self.store_contents(&root, &entries).await?;
        let mut index = Vec::new();
        for (entry, name) in entries.iter().zip(names) {
            index.extend_from_slice(format!("{} {name}\t", entry.mode()).as_bytes());
            index.extend_from_slice(entry.path.as_os_str().as_bytes());
            index.push(0);
        }
        self.git(action, &["update-index", "-z", "--index-info"], index).await?;
        let name = self.git(action, &["write-tree"], Vec::new()).await?;
        self.sha(action, name)
    }

    /// Stores each entry's content as a blob and gives back their names in order.
    async fn store_contents(&self, root: &Path, entries: &[Entry]) -> Result<Vec<String>, GitError> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let action = "store the files for";
        let mut paths = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let path = match &entry.kind {
                Kind::File { .. } => root.join(&entry.path),
                Kind::Link(target) => {
                    // Git stores the text of a link as the content of a file.
                    let path = self.folder.path().join(format!("link-{index}"));
                    let written = std::fs::write(&path, target.as_os_str().as_bytes());
                    written.map_err(GitError::io("write", &path))?;
                    path
                }
            };
            paths.extend_from_slice(path.as_os_str().as_bytes());
            paths.push(b'\n');
        }
        // --no-filters: .gitattributes must not change a byte.
        let arguments = ["hash-object", "-w", "--no-filters", "--stdin-paths"];
        let output = self.git(action, &arguments, paths).await?;
        let names: Vec<String> = output.lines().map(str::to_owned).collect();
        if names.len() == entries.len() && names.iter().all(|name| is_sha(name)) {
            Ok(names)
        } else {
            Err(self.remote.unexpected(action, output))
        }
    }

    /// Puts a commit of `tree` on top of the branch, again if another client was faster.
    async fn commit_and_push(&self, tree: &str, message: &str, author: &Author) -> Result<Commit, GitError> {
        let mut answer = String::new();
        for _ in 0..PUSH_ATTEMPTS {
            let parent = self.remote.head_from(&self.repository()).await?;
            if parent.is_some() {
                // The parent's own content is enough to build upon.
                self.fetch(&["--depth=1"]).await?;
            }
            // The fetched head, not the listed one: it is the one whose objects are here.
            let sha = self.commit_tree(tree, parent.is_some().then_some(FETCHED), message, author).await?;
            let (output, sent, acknowledged) = self.push(&sha, &[]).await?;
            if output.status.success() {
                return Ok(Commit { sha, tree: tree.to_owned(), sent, acknowledged });
            }
            match overtaken(&output) {
                Some(line) => answer = line,
                None => return Err(self.refused(&output)),
            }
        }
        Err(GitError::Overtaken { url: self.remote.url.clone(), attempts: PUSH_ATTEMPTS, answer })
    }

    /// Pushes a commit to the branch: Git's answer, when it was asked and when it had answered.
    async fn push(&self, sha: &str, options: &[&str]) -> Result<(Output, Instant, Instant), GitError> {
        let refs = format!("{sha}:{BRANCH}");
        let mut arguments = vec!["push", "--porcelain"];
        arguments.extend(options);
        arguments.extend(["--", &self.remote.url, &refs]);
        let repository = self.repository();
        let call = self.call("push to", &repository, &arguments, Vec::new());
        let sent = Instant::now();
        let output = self.remote.git.output(call).await?;
        Ok((output, sent, Instant::now()))
    }

    fn refused(&self, output: &Output) -> GitError {
        if let Some(answer) = refusal(output) {
            return GitError::Refused { url: self.remote.url.clone(), answer };
        }
        GitError::Command {
            action: "push to",
            url: self.remote.url.clone(),
            status: output.status.to_string(),
            stderr: format!("{} {}", tail(&output.stderr), tail(&output.stdout)),
        }
    }

    async fn commit_tree(
        &self,
        tree: &str,
        parent: Option<&str>,
        message: &str,
        author: &Author,
    ) -> Result<String, GitError> {
        let action = "create a commit for";
        let mut arguments = vec!["commit-tree", tree];
        if let Some(parent) = parent {
            arguments.extend(["-p", parent]);
        }
        let repository = self.repository();
        let mut call = self.call(action, &repository, &arguments, message.as_bytes().to_vec());
        for role in ["AUTHOR", "COMMITTER"] {
            let name = (format!("GIT_{role}_NAME"), author.name.clone());
            let email = (format!("GIT_{role}_EMAIL"), author.email.clone());
            call.environment.extend([name, email]);
        }
        let output = text(self.remote.git.run(call).await?);
        self.sha(action, output)
    }

    async fn fetch(&self, options: &[&str]) -> Result<(), GitError> {
        let refs = format!("+{BRANCH}:{FETCHED}");
        let mut arguments = vec!["fetch", "--quiet", "--no-tags"];
        arguments.extend(options);
        arguments.extend(["--", &self.remote.url, &refs]);
        self.git("fetch from", &arguments, Vec::new()).await.map(drop)
    }

    /// Writes the fetched head's content into a folder, and gives back its name.
    async fn export(&self, into: &Path) -> Result<String, GitError> {
        let action = "write out the files of";
        let repository = self.repository();
        self.git(action, &["read-tree", FETCHED], Vec::new()).await?;
        let mut call = self.call(action, &repository, &["checkout-index", "--all"], Vec::new());
        call.environment.push(("GIT_WORK_TREE".to_owned(), into.display().to_string()));
        call.folder = into;
        self.remote.git.run(call).await?;
        let name = self.git(action, &["rev-parse", "--verify", FETCHED], Vec::new()).await?;
        self.sha(action, name)
    }

    async fn history(&self, limit: Option<usize>) -> Result<Vec<LogEntry>, GitError> {
        let action = "read the history of";
        if self.remote.head_from(&self.repository()).await?.is_none() {
            return Ok(Vec::new());
        }
        let depth = limit.map(|limit| format!("--depth={}", limit.max(1)));
        let options: Vec<&str> = depth.iter().map(String::as_str).collect();
        self.fetch(&options).await?;
        let count = limit.map(|limit| format!("--max-count={limit}"));
        let mut arguments = vec!["log", "-z", "--format=%H%x1f%T%x1f%an%x1f%aI%x1f%s"];
        arguments.extend(count.iter().map(String::as_str));
        arguments.extend([FETCHED, "--"]);
        let output = self.git(action, &arguments, Vec::new()).await?;
        output
            .split('\0')
            .filter(|record| !record.is_empty())
            .map(|record| log_entry(record).ok_or_else(|| self.remote.unexpected(action, record.to_owned())))
            .collect()
    }

    fn sha(&self, action: &'static str, output: String) -> Result<String, GitError> {
        let name = output.trim();
        if is_sha(name) { Ok(name.to_owned()) } else { Err(self.remote.unexpected(action, output)) }
    }
}

fn log_entry(record: &str) -> Option<LogEntry> {
    let mut fields = record.trim_start_matches('\n').splitn(5, '\u{1f}');
    Some(LogEntry {
        sha: fields.next().filter(|sha| is_sha(sha))?.to_owned(),
        tree: fields.next().filter(|sha| is_sha(sha))?.to_owned(),
        author: fields.next()?.to_owned(),
        at: fields.next()?.parse().ok()?,
        subject: fields.next()?.to_owned(),
    })
}

/// The line of `git push --porcelain` on the reference that was rejected.
fn rejected(output: &Output) -> Option<String> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().find(|line| line.starts_with('!')).map(str::to_owned)
}

/// Why the server refused a push: `pre-receive hook declined: nobody may push today`.
fn refusal(output: &Output) -> Option<String> {
    let rejected = rejected(output)?;
    let (_, reason) = rejected.split_once("[remote rejected] (")?;
    let reason = reason.trim_end().trim_end_matches(')');
    let text = String::from_utf8_lossy(&output.stderr);
    let said = text.lines().filter_map(|line| line.strip_prefix("remote: ")).map(str::trim);
    let said: Vec<&str> = said.filter(|line| !line.is_empty()).collect();
    Some(if said.is_empty() { reason.to_owned() } else { format!("{reason}: {}", said.join(" ")) })
}

/// Returns why a push was rejected, if another client has pushed in between.
fn overtaken(output: &Output) -> Option<String> {
    let rejected = rejected(output)?;
    let reasons = [
        "(fetch first)",
        "(non-fast-forward)",
        "cannot lock ref",
        "failed to update ref",
        "reference already exists",
        "incorrect old value",
    ];
    reasons.iter().any(|reason| rejected.contains(reason)).then(|| rejected.trim().to_owned())
}

fn is_sha(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn text(output: Vec<u8>) -> String {
    String::from_utf8(output).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
