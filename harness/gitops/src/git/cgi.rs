//! One request handed to `git http-backend`, which is a CGI program (RFC 3875).
//!
//! A task of its own owns the process. It ends the whole process group as soon as the client disconnects, the
//! server shuts down or the limit has passed, so that no `upload-pack` works without a client.

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::response::Response;
use futures::{Stream, StreamExt as _};
use http::{HeaderName, HeaderValue, StatusCode};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// More header than `git http-backend` ever writes, bytes.
const HEAD_LIMIT: u64 = 16 * 1024;

/// One read of a pack, bytes.
const CHUNK: usize = 32 * 1024;

/// Chunks between Git and the client: what a slow client lets pile up, at most 128 KiB.
const CHUNKS_AHEAD: usize = 4;

/// A Git process that takes longer than this is stuck.
const RUN_LIMIT: Duration = Duration::from_secs(10 * 60);

/// How often to check whether killed processes have ended, and for how long.
const GROUP_POLL: Duration = Duration::from_millis(2);
const GROUP_LIMIT: Duration = Duration::from_secs(1);

/// Everything about one run of the program.
pub(super) struct Run {
    pub(super) backend: PathBuf,
    pub(super) environment: Vec<(&'static str, String)>,
    pub(super) cancel: CancellationToken,
    /// Given back when the process has ended.
    pub(super) permit: OwnedSemaphorePermit,
}

type Head = (StatusCode, Vec<(HeaderName, HeaderValue)>);
type Chunk = Result<Bytes, io::Error>;

/// Why a run ended early.
enum Aborted {
    ClientGone,
    Broken(io::Error),
}

impl From<io::Error> for Aborted {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

/// Starts the program on `body`; `spawn` runs the task that owns it.
///
/// Answers once the program has written its header. An error means that it wrote none.
pub(super) async fn answer(
    run: Run,
    body: Body,
    spawn: impl FnOnce(futures::future::BoxFuture<'static, ()>),
) -> io::Result<Response> {
    let child = Command::new(&run.backend)
        .env_clear()
        .envs(run.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let (head_sender, head) = oneshot::channel();
    let (chunk_sender, chunks) = mpsc::channel(CHUNKS_AHEAD);
    let body = body.into_data_stream();
    spawn(Box::pin(own(run, child, body, head_sender, chunk_sender)));
    let (status, headers) = head.await.map_err(|_| io::Error::other("git http-backend ended without an answer"))?;
    let mut response = Response::new(Body::from_stream(receive(chunks)));
    *response.status_mut() = status;
    response.headers_mut().extend(headers);
    Ok(response)
}

fn receive(chunks: mpsc::Receiver<Chunk>) -> impl Stream<Item = Chunk> {
    futures::stream::unfold(chunks, |mut chunks| async { chunks.recv().await.map(|chunk| (chunk, chunks)) })
}

async fn own(
    run: Run,
    mut child: Child,
    body: BodyDataStream,
    head: oneshot::Sender<Head>,
    chunks: mpsc::Sender<Chunk>,
) {
    let good = match (child.stdin.take(), child.stdout.take()) {
        (Some(stdin), Some(stdout)) => {
            let exchange = async {
                let request = send_request(stdin, body);
                let response = send_response(stdout, head, &chunks);
                tokio::try_join!(request, response)
            };
            tokio::select! {
                outcome = exchange => match outcome {
                    Ok(_) => true,
                    Err(Aborted::ClientGone) => false,
                    Err(Aborted::Broken(error)) => {
                        tracing::debug!(%error, "a Git request broke off");
                        false
                    }
                },
                () = run.cancel.cancelled() => false,
                () = tokio::time::sleep(RUN_LIMIT) => {
                    tracing::warn!(limit = ?RUN_LIMIT, "git http-backend was ended: it took too long");
                    false
                }
            }
        }
        _ => false,
    };
    let ended = if good { None } else { end_group(&child) };
    let exited = child.wait().await.is_ok_and(|status| status.success());
    if let Some(group) = ended {
        group_is_gone(group).await;
    }
    if !(good && exited) {
        // A body that just stops would look complete to the client.
        let broken = io::Error::new(io::ErrorKind::ConnectionAborted, "git was ended");
        let _ = tokio::time::timeout(Duration::from_secs(1), chunks.send(Err(broken))).await;
    }
    drop(run.permit);
}

/// The request body into Git's standard input.
async fn send_request(mut stdin: ChildStdin, mut body: BodyDataStream) -> Result<(), Aborted> {
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|_| Aborted::ClientGone)?;
        if stdin.write_all(&chunk).await.is_err() {
            // Git has read enough and will say why; its answer and exit status decide.
            return Ok(());
        }
    }
    // Closing the pipe tells Git that the body is complete.
    Ok(())
}

/// Git's standard output to the client.
async fn send_response(
    stdout: ChildStdout,
    mut head: oneshot::Sender<Head>,
    chunks: &mpsc::Sender<Chunk>,
) -> Result<(), Aborted> {
    let mut output = BufReader::with_capacity(CHUNK, stdout);
    let parsed = tokio::select! {
        parsed = read_head(&mut output) => parsed?,
        () = head.closed() => return Err(Aborted::ClientGone),
    };
    head.send(parsed).map_err(|_| Aborted::ClientGone)?;
    loop {
        let mut chunk = Vec::with_capacity(CHUNK);
        let length = tokio::select! {
            length = output.read_buf(&mut chunk) => length?,
            () = chunks.closed() => return Err(Aborted::ClientGone),
        };
        if length == 0 {
            return Ok(());
        }
        let sent = chunks.send(Ok(Bytes::from(chunk))).await;
        sent.map_err(|_| Aborted::ClientGone)?;
    }
}

async fn read_head(output: &mut BufReader<ChildStdout>) -> io::Result<Head> {
    let mut status = StatusCode::OK;
    let mut headers = Vec::new();
    let mut limited = output.take(HEAD_LIMIT);
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = limited.read_until(b'\n', &mut line).await?;
        if length == 0 {
            return Err(io::Error::other("git http-backend wrote no complete header"));
        }
        let text = std::str::from_utf8(&line).map_err(io::Error::other)?;
        let text = text.trim_end();
        if text.is_empty() {
            return Ok((status, headers));
        }
        let (name, value) = text
            .split_once(':')
            .ok_or_else(|| io::Error::other("git http-backend wrote a header line without a colon"))?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("status") {
            let code = value.split_whitespace().next().unwrap_or_default();
            status = code.parse().map_err(io::Error::other)?;
        } else {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(io::Error::other)?;
            headers.push((name, HeaderValue::from_str(value).map_err(io::Error::other)?));
        }
    }
}

/// Ends Git and the processes that it started; gives back their group.
fn end_group(child: &Child) -> Option<Pid> {
    // Without an id the process has been waited for, and its number may belong to another one.
    let id = child.id().and_then(|id| i32::try_from(id).ok())?;
    let group = Pid::from_raw(id);
    if let Err(error) = killpg(group, Signal::SIGKILL) {
        tracing::debug!(%error, "a Git process group had ended already");
    }
    Some(group)
}

/// A killed process takes a moment to end, and only our own child can be waited for.
async fn group_is_gone(group: Pid) {
    let gone = async {
        // Signal "none" only asks whether there is a process in the group.
        while killpg(group, None).is_ok() {
            tokio::time::sleep(GROUP_POLL).await;
        }
    };
    // Without an init that reaps orphans, as in some containers, they stay as zombies, which do no harm.
    if tokio::time::timeout(GROUP_LIMIT, gone).await.is_err() {
        tracing::debug!(%group, "ended Git processes were not reaped");
    }
}
