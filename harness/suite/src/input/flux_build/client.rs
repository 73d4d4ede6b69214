//! A process of `flux-build`: many builds, one at a time.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::error::FluxBuildError;
use crate::error::FileError;
use crate::input::private_folder::private_folder;
use crate::input::repository::TreeRepository;
use harness_tree::upstream::{FluxBuildAnswer, FluxBuildRequest};

/// Longest wait for an answer. The program itself ends a build after 60 s (`limits.go`), and says so.
const ANSWER_MAX: Duration = Duration::from_secs(90);
/// Longest wait for the process to end after its last request.
const END_MAX: Duration = Duration::from_secs(5);
/// How often a wait for an answer looks whether somebody still wants it.
const STOP_POLL: Duration = Duration::from_millis(50);
/// How often one request starts the process: a second time if it ends without an answer, which a build that took too much memory beside it can cause.
const STARTS_MAX: usize = 2;
/// The file for what the program says on its standard error, in its private folder.
const STDERR: &str = "stderr";
/// The file with the paths of the tree, in the same folder.
const FILES: &str = "tree-files";

/// Builds trees with Flux's own code, one build at a time.
///
/// The process starts with the first build, and again where it has ended. It has a private folder for what it has to copy of the tree, which is
/// deleted with this value. When this process dies the other one reads the end of its input, removes its folder and ends, during a build too.
#[derive(Debug)]
pub struct FluxBuilder {
    setup: Setup,
    process: Option<Process>,
    last_id: i64,
    stop: Stop,
}

/// What every process is started with.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    program: PathBuf,
    tree: Option<Tree>,
    /// Whether answers have the text of each object too.
    printed: bool,
}

/// A tree on the disk.
#[derive(Clone, Debug)]
struct Tree {
    root: PathBuf,
    /// Its files and links as the program reads them, each with a NUL behind it. It looks at nothing else in the folder, such as what Git ignores.
    list: Arc<[u8]>,
}

impl Setup {
    pub(super) fn new(program: &Path, repository: Option<&TreeRepository>) -> Self {
        let tree = repository.map(|repository| {
            let mut list = Vec::new();
            for path in repository.files.paths().chain(repository.files.links()) {
                list.extend_from_slice(path.as_bytes());
                list.push(0);
            }
            Tree { root: repository.root.clone(), list: list.into() }
        });
        Self { program: program.to_owned(), tree, printed: false }
    }

    pub(super) fn cannot_start(&self, source: std::io::Error) -> FluxBuildError {
        FluxBuildError::Start { program: self.program.clone(), source }
    }

    pub(super) fn printing(self, printed: bool) -> Self {
        Self { printed, ..self }
    }
}

/// Ends a build that nobody waits for any more.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
struct Process {
    child: Child,
    /// Requests; a thread writes them, so that a process that does not read cannot hold up this one. `None` once the input is closed.
    requests: Option<Sender<Vec<u8>>>,
    /// Lines of the answers; a thread reads them.
    answers: Receiver<std::io::Result<Vec<u8>>>,
    folder: TempDir,
}

#[derive(Serialize)]
struct Request<'a> {
    id: i64,
    printed: bool,
    #[serde(flatten)]
    request: &'a FluxBuildRequest,
}

#[derive(Deserialize)]
struct Answer {
    id: i64,
    #[serde(default)]
    last: bool,
    #[serde(flatten)]
    answer: FluxBuildAnswer,
}

impl FluxBuilder {
    pub(super) fn new(setup: Setup, stop: Stop) -> Self {
        Self { setup, process: None, last_id: 0, stop }
    }

    /// Builds. What Flux refuses is an answer; an error means that nothing is known of the build.
    ///
    /// # Errors
    /// [`FluxBuildError`]: the process cannot be started, does not answer in time, or ends twice without an answer.
    pub fn build(&mut self, request: &FluxBuildRequest) -> Result<FluxBuildAnswer, FluxBuildError> {
        self.last_id += 1;
        let message = Request { id: self.last_id, printed: self.setup.printed, request };
        let mut line = serde_json::to_vec(&message)
            .map_err(|source| FluxBuildError::Protocol { path: request.path.clone(), reason: source.to_string() })?;
        line.push(b'\n');
        let mut starts = 0;
        loop {
            starts += 1;
            let process = match self.process.take() {
                Some(process) => process,
                None => Process::start(&self.setup)?,
            };
            match process.ask(&line, &self.stop) {
                Ok((text, process)) => {
                    let answer = read_answer(&text, self.last_id, &request.path)?;
                    // It ends by itself then; the next build starts another one.
                    self.process = (!answer.last).then_some(process);
                    return Ok(answer.answer);
                }
                Err(Silence::Ended { .. }) if starts < STARTS_MAX => {}
                Err(Silence::Ended { said }) => return Err(FluxBuildError::Ended { path: request.path.clone(), said }),
                Err(Silence::TooSlow) => {
                    return Err(FluxBuildError::TooSlow { path: request.path.clone(), limit: ANSWER_MAX });
                }
                Err(Silence::Stopped) => return Err(FluxBuildError::Cancelled { path: request.path.clone() }),
            }
        }
    }
}

/// Why there is no answer.
enum Silence {
    /// The process has ended, and said this.
    Ended { said: String },
    /// The process did not answer in time and was killed.
    TooSlow,
    /// Nobody waits for the answer any more.
    Stopped,
}

impl Process {
    fn start(setup: &Setup) -> Result<Self, FluxBuildError> {
        let Setup { program, tree, .. } = setup;
        let failed = |source| setup.cannot_start(source);
        let folder = private_folder()?;
        let stderr = File::create(folder.path().join(STDERR)).map_err(failed)?;
        let mut command = Command::new(program);
        command.arg("--work").arg(folder.path());
        if let Some(tree) = tree {
            let list = folder.path().join(FILES);
            std::fs::write(&list, &tree.list).map_err(FileError::write(&list))?;
            command.arg("--root").arg(&tree.root).arg("--files").arg(list);
        }
        // Nothing of the user's environment decides what is built. A crash is said in a few lines.
        command.env_clear().env("GOTRACEBACK", "none").current_dir("/");
        // Garbage is collected a third as often as by default. It still takes less memory than the harness, and a quarter less CPU time.
        command.env("GOGC", "300");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr).spawn().map_err(failed)?;
        let (requests, to_write) = channel();
        let (to_send, answers) = channel();
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(failed(std::io::Error::other("it has no pipes")));
        };
        // From here on it is killed with this value.
        let process = Self { child, requests: Some(requests), answers, folder };
        Builder::new().spawn(move || write_requests(input, &to_write)).map_err(failed)?;
        Builder::new().spawn(move || read_lines(output, &to_send)).map_err(failed)?;
        Ok(process)
    }

    /// Returns the answer and the process.
    fn ask(mut self, line: &[u8], stop: &Stop) -> Result<(Vec<u8>, Self), Silence> {
        // Without a writer the process has ended, which the reader finds too.
        let _ = self.requests.as_ref().map(|requests| requests.send(line.to_vec()));
        let asked = Instant::now();
        loop {
            return match self.answers.recv_timeout(STOP_POLL) {
                Ok(Ok(text)) => Ok((text, self)),
                Ok(Err(error)) => Err(Silence::Ended { said: error.to_string() }),
                Err(RecvTimeoutError::Disconnected) => Err(Silence::Ended { said: self.last_words() }),
                Err(RecvTimeoutError::Timeout) if stop.is_set() => Err(Silence::Stopped),
                Err(RecvTimeoutError::Timeout) if asked.elapsed() < ANSWER_MAX => continue,
                Err(RecvTimeoutError::Timeout) => {
                    self.kill();
                    Err(Silence::TooSlow)
                }
            };
        }
    }

    /// How it ended, and the first line of its standard error.
    fn last_words(&mut self) -> String {
        let status = self.child.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
        let said = std::fs::read_to_string(self.folder.path().join(STDERR)).unwrap_or_default();
        match said.lines().find(|line| !line.trim().is_empty()) {
            Some(line) => format!("{status}: {line}"),
            None => status,
        }
    }

    fn kill(&mut self) {
        // It may have ended meanwhile.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.requests = None;
        // The end of its input ends it, and that of its output says so.
        while let Ok(line) = self.answers.recv_timeout(END_MAX) {
            drop(line);
        }
        self.kill();
    }
}

fn write_requests(mut input: ChildStdin, requests: &Receiver<Vec<u8>>) {
    for request in requests {
        if input.write_all(&request).and_then(|()| input.flush()).is_err() {
            return;
        }
    }
}

fn read_lines(output: ChildStdout, answers: &Sender<std::io::Result<Vec<u8>>>) {
    let mut output = BufReader::new(output);
    loop {
        let mut line = Vec::new();
        let sent = match output.read_until(b'\n', &mut line) {
            Ok(_) if line.pop() == Some(b'\n') => answers.send(Ok(line)),
            // The end, or part of a line before it.
            Ok(_) => return,
            Err(error) => answers.send(Err(error)),
        };
        if sent.is_err() {
            return;
        }
    }
}

fn read_answer(text: &[u8], id: i64, path: &str) -> Result<Answer, FluxBuildError> {
    let protocol = |reason| FluxBuildError::Protocol { path: path.to_owned(), reason };
    let answer: Answer = serde_json::from_slice(text).map_err(|error| protocol(error.to_string()))?;
    match answer.id == id {
        true => Ok(answer),
        false => Err(protocol(format!("the answer is of request {}, not of {id}", answer.id))),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use harness_tree::upstream::BuildOutcome;

    /// A client of a program that is a few lines of shell.
    fn client(folder: &TempDir, script: &str) -> FluxBuilder {
        let path = folder.path().join("flux-build");
        std::fs::write(&path, format!("#!/bin/sh\nstate={}\n{script}\n", folder.path().display())).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        FluxBuilder::new(Setup::new(&path, Some(&TreeRepository::open(folder.path(), None).unwrap())), Stop::default())
    }

    fn request() -> FluxBuildRequest {
        FluxBuildRequest { path: "clusters/prod".to_owned(), ..FluxBuildRequest::default() }
    }

    const ANSWER: &str = r#"read -r line; echo '{"id":1,"outcome":"built"}'"#;

    #[test]
    fn a_process_that_ends_is_started_once_more() {
        let folder = tempfile::tempdir().unwrap();
        let script = format!("if [ ! -e $state/ran ]; then : > $state/ran; exit 3; fi\n{ANSWER}");
        let answer = client(&folder, &script).build(&request()).unwrap();
        assert_eq!(answer.outcome, BuildOutcome::Built);
    }

    #[test]
    fn a_process_that_ends_twice_is_an_error_with_what_it_said() {
        let folder = tempfile::tempdir().unwrap();
        let error = client(&folder, "echo 'out of memory' >&2; exit 3").build(&request()).unwrap_err().to_string();
        for expected in ["clusters/prod", "exit status: 3", "out of memory"] {
            assert!(error.contains(expected), "{expected} not in {error}");
        }
    }

    #[test]
    fn an_answer_of_another_request_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error =
            client(&folder, r#"read -r line; echo '{"id":7,"outcome":"built"}'"#).build(&request()).unwrap_err();
        assert!(matches!(&error, FluxBuildError::Protocol { .. }), "{error}");
        let error = client(&folder, "read -r line; echo nonsense").build(&request()).unwrap_err();
        assert!(error.to_string().contains("clusters/prod"), "{error}");
    }

    #[test]
    fn a_program_that_cannot_be_started_is_named() {
        let setup = Setup::new(Path::new("/does/not/exist"), None);
        let error = FluxBuilder::new(setup, Stop::default()).build(&request()).unwrap_err().to_string();
        assert!(error.contains("/does/not/exist") && error.contains("harness components build"), "{error}");
    }

    #[test]
    fn the_next_build_after_the_last_answer_has_a_new_process() {
        let folder = tempfile::tempdir().unwrap();
        let script = r#"n=$(cat $state/count 2>/dev/null || echo 0); n=$((n+1)); echo $n > $state/count
read -r line; echo "{\"id\":$n,\"outcome\":\"overLimit\",\"last\":true}""#;
        let mut client = client(&folder, script);
        for _ in 0..2 {
            assert_eq!(client.build(&request()).unwrap().outcome, BuildOutcome::OverLimit);
        }
        assert_eq!(std::fs::read_to_string(folder.path().join("count")).unwrap(), "2\n");
    }

    /// Before, the program walked the folder, what Git ignores included.
    #[test]
    fn the_process_gets_the_files_and_links_of_the_tree() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("a")).unwrap();
        std::fs::write(folder.path().join("a/b c.yaml"), "").unwrap();
        std::os::unix::fs::symlink("a", folder.path().join("link")).unwrap();
        let script = format!("tr '\\0' '|' < \"$6\" > $state/list; echo \"$3 $4 $5\" > $state/options\n{ANSWER}");
        client(&folder, &script).build(&request()).unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read("list"), "a/b c.yaml|flux-build|link|");
        let root = folder.path().canonicalize().unwrap();
        assert_eq!(read("options").trim(), format!("--root {} --files", root.display()));
    }

    #[test]
    fn the_process_has_no_environment_and_a_private_folder_that_does_not_stay() {
        let folder = tempfile::tempdir().unwrap();
        let script = format!("env > $state/env; echo \"$2\" > $state/work\n{ANSWER}");
        drop(client(&folder, &script).build(&request()).unwrap());
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(!read("env").contains("HOME="), "{}", read("env"));
        let work = PathBuf::from(read("work").trim());
        assert!(work.is_absolute() && !work.exists(), "{}", work.display());
    }
}
