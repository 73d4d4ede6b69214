//! The client of `flux-build`: one process, many builds.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::protocol::{FluxBuildAnswer, FluxBuildRequest};
use crate::error::FluxBuildError;
use crate::input::private_folder::private_folder;

/// Longest wait for an answer. The program itself ends a build after 60 s (`limits.go`), and says so.
const ANSWER_MAX: Duration = Duration::from_secs(90);
/// Longest wait for the process to end after its last request.
const END_MAX: Duration = Duration::from_secs(5);
/// How often one request starts the process: a second time if it ends without an answer, which a build that took too much memory beside it can cause.
const STARTS_MAX: usize = 2;
/// The file for what the program says on its standard error, in its private folder.
const STDERR: &str = "stderr";

/// Builds trees with Flux's own code, one build at a time.
///
/// The process starts with the first build, and again where it has ended. It has a private folder for its copy of the tree, which is deleted with
/// this value. When this process dies the other one reads the end of its input, removes its folder and ends, during a build too.
#[derive(Debug)]
pub struct FluxBuilder {
    program: PathBuf,
    root: Option<PathBuf>,
    process: Option<Process>,
    last_id: i64,
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
    pub(super) fn new(program: &Path, root: Option<&Path>) -> Self {
        Self { program: program.to_owned(), root: root.map(Path::to_owned), process: None, last_id: 0 }
    }

    /// Builds. What Flux refuses is an answer; an error means that nothing is known of the build.
    ///
    /// # Errors
    /// [`FluxBuildError`]: the process cannot be started, does not answer in time, or ends twice without an answer.
    pub fn build(&mut self, request: &FluxBuildRequest) -> Result<FluxBuildAnswer, FluxBuildError> {
        self.last_id += 1;
        let message = Request { id: self.last_id, request };
        let mut line = serde_json::to_vec(&message)
            .map_err(|source| FluxBuildError::Protocol { path: request.path.clone(), reason: source.to_string() })?;
        line.push(b'\n');
        let mut starts = 0;
        loop {
            starts += 1;
            let process = match self.process.take() {
                Some(process) => process,
                None => Process::start(&self.program, self.root.as_deref())?,
            };
            match process.ask(&line) {
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
}

impl Process {
    fn start(program: &Path, root: Option<&Path>) -> Result<Self, FluxBuildError> {
        let failed = |source| FluxBuildError::Start { program: program.to_owned(), source };
        let folder = private_folder()?;
        let stderr = File::create(folder.path().join(STDERR)).map_err(failed)?;
        let mut command = Command::new(program);
        if let Some(root) = root {
            command.arg("--root").arg(root);
        }
        command.arg("--work").arg(folder.path());
        // Nothing of the user's environment decides what is built. A crash is said in a few lines.
        command.env_clear().env("GOTRACEBACK", "none").current_dir("/");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr).spawn().map_err(failed)?;
        let (requests, to_write) = channel();
        let (to_send, answers) = channel();
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(failed(std::io::Error::other("it has no pipes")));
        };
        std::thread::spawn(move || write_requests(input, &to_write));
        std::thread::spawn(move || read_lines(output, &to_send));
        Ok(Self { child, requests: Some(requests), answers, folder })
    }

    /// Returns the answer and the process.
    fn ask(mut self, line: &[u8]) -> Result<(Vec<u8>, Self), Silence> {
        // Without a writer the process has ended, which the reader finds too.
        let _ = self.requests.as_ref().map(|requests| requests.send(line.to_vec()));
        match self.answers.recv_timeout(ANSWER_MAX) {
            Ok(Ok(text)) => Ok((text, self)),
            Ok(Err(error)) => Err(Silence::Ended { said: error.to_string() }),
            Err(RecvTimeoutError::Disconnected) => Err(Silence::Ended { said: self.last_words() }),
            Err(RecvTimeoutError::Timeout) => {
                self.kill();
                Err(Silence::TooSlow)
            }
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
