//! Git commands that see nothing of the user's own settings and repositories.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::error::GitError;
use harness_components::find_program;

/// Repositories here are small: a command that takes longer is stuck.
const COMMAND_LIMIT: Duration = Duration::from_secs(60);

/// Lines of Git's message that an error shows.
const STDERR_LINES: usize = 6;

/// The user's `git`, run in isolation.
#[derive(Debug, Clone)]
pub(super) struct Git {
    program: PathBuf,
}

/// One call.
pub(super) struct GitCall<'a> {
    /// As part of "cannot ... URL".
    pub(super) action: &'static str,
    /// The repository it is about, for messages.
    pub(super) url: &'a str,
    pub(super) folder: &'a Path,
    pub(super) arguments: Vec<OsString>,
    pub(super) environment: Vec<(String, String)>,
    pub(super) input: Vec<u8>,
}

impl<'a> GitCall<'a> {
    pub(super) fn new(action: &'static str, url: &'a str, folder: &'a Path, arguments: Vec<OsString>) -> Self {
        Self { action, url, folder, arguments, environment: Vec::new(), input: Vec::new() }
    }
}

impl Git {
    pub(super) fn find(search_path: &OsStr) -> Option<Self> {
        find_program("git", search_path).map(|program| Self { program })
    }

    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    /// The folder of Git's own programs.
    pub(super) async fn exec_path(&self) -> Result<PathBuf, GitError> {
        let action = "ask for the program folder of";
        let mut output = self.run(GitCall::new(action, "git", Path::new("/"), vec!["--exec-path".into()])).await?;
        output.truncate(output.trim_ascii_end().len());
        Ok(PathBuf::from(OsString::from_vec(output)))
    }

    /// Makes an empty bare repository with the branch `main` and no hooks.
    pub(super) async fn init_bare(&self, path: &Path) -> Result<(), GitError> {
        let folder = path.parent().unwrap_or(path);
        let mut arguments: Vec<OsString> = ["init", "--quiet", "--bare", "--template="].map(OsString::from).into();
        arguments.extend(["--initial-branch=main".into(), "--".into(), path.into()]);
        let url = path.display().to_string();
        self.run(GitCall::new("create the repository", &url, folder, arguments)).await.map(drop)
    }

    /// Runs to the end and gives back standard output.
    pub(super) async fn run(&self, call: GitCall<'_>) -> Result<Vec<u8>, GitError> {
        let (action, url) = (call.action, call.url.to_owned());
        let output = self.output(call).await?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        Err(GitError::Command { action, url, status: output.status.to_string(), stderr: tail(&output.stderr) })
    }

    /// Runs to the end and gives back everything, failure included.
    pub(super) async fn output(&self, call: GitCall<'_>) -> Result<Output, GitError> {
        let mut command = Command::new(&self.program);
        isolate(&mut command);
        command
            .args(&call.arguments)
            .envs(call.environment)
            .current_dir(call.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let start = |source| GitError::Io { action: "run", path: self.program.clone(), source };
        let mut child = command.spawn().map_err(start)?;
        let stdin = child.stdin.take();
        let feed = async {
            if let Some(mut stdin) = stdin {
                // Git may end before it has read everything; its status says why.
                let _ = stdin.write_all(&call.input).await;
            }
        };
        let both = async { tokio::join!(feed, child.wait_with_output()).1 };
        tokio::time::timeout(COMMAND_LIMIT, both)
            .await
            .map_err(|_| GitError::Timeout { action: call.action, url: call.url.to_owned(), limit: COMMAND_LIMIT })?
            .map_err(start)
    }
}

/// No configuration, hooks, prompts or helpers of the user; no repository of a calling hook.
fn isolate(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"GIT_") {
            command.env_remove(name);
        }
    }
    // Proxies are for the internet; this server is on loopback.
    let no_proxy = match std::env::var("no_proxy").or_else(|_| std::env::var("NO_PROXY")) {
        Ok(own) if !own.is_empty() => format!("{own},127.0.0.1,localhost"),
        _ => "127.0.0.1,localhost".to_owned(),
    };
    command
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ASKPASS", "true")
        .env("SSH_ASKPASS", "true")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("LC_ALL", "C")
        .env("no_proxy", &no_proxy)
        .env("NO_PROXY", no_proxy);
}

/// The last lines of a message.
pub(super) fn tail(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<&str> = text.trim().lines().collect();
    lines[lines.len().saturating_sub(STDERR_LINES)..].join(" | ")
}
