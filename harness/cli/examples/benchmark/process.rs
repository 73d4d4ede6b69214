//! One child at a time: with a limit, its own CPU time and peak memory, and a SIGINT when the benchmark is interrupted.

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::{Pid, SysconfVar, sysconf};
use tokio_util::sync::CancellationToken;

use crate::failure::{BoxedError, Failure};

/// How long an interrupted child may take to clean up: the limit of a run's own cleanup and a little more.
const GRACE: Duration = Duration::from_secs(240);
/// How often a child is sampled, which limits the resolution of times and of peak memory. Sampling takes CPU time from a run that
/// has none to spare, so a short one is sampled more often than a long one.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
const LOOK_CLOSELY_EVERY: Duration = Duration::from_millis(5);

/// What to run.
pub(crate) struct Task {
    name: String,
    program: Option<PathBuf>,
    arguments: Vec<OsString>,
    limit: Duration,
    look_every: Duration,
    always: bool,
}

impl Task {
    /// The harness; `name` is that of the log files.
    pub(crate) fn harness(name: impl Into<String>, limit: Duration) -> Self {
        let (arguments, look_every) = (Vec::new(), POLL_INTERVAL);
        Self { name: name.into(), program: None, arguments, limit, look_every, always: false }
    }

    /// Another program.
    pub(crate) fn other(name: impl Into<String>, program: PathBuf, limit: Duration) -> Self {
        Self { program: Some(program), ..Self::harness(name, limit) }
    }

    /// One argument.
    pub(crate) fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Several arguments.
    pub(crate) fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Samples more often, for a child that ends within seconds.
    pub(crate) fn closely(mut self) -> Self {
        self.look_every = LOOK_CLOSELY_EVERY;
        self
    }

    /// Runs even if the benchmark was interrupted: it cleans up.
    pub(crate) fn always(mut self) -> Self {
        self.always = true;
        self
    }
}

/// What a child took.
pub(crate) struct Ran {
    /// From its start to its exit.
    pub(crate) wall: Duration,
    /// The largest memory of any of its children, such as `flux-build`.
    pub(crate) child_rss_max_bytes: u64,
    /// User and system time of the process itself, without its children.
    pub(crate) cpu: Duration,
    /// Peak resident memory of the process itself, bytes.
    pub(crate) rss_max_bytes: u64,
    /// Where its stdout is.
    pub(crate) stdout: PathBuf,
}

/// Runs children.
pub(crate) struct Runner {
    harness: PathBuf,
    logs: PathBuf,
    /// The clusters of the benchmark are kept here, so that a run never finds one that somebody else has up.
    clusters: PathBuf,
    interrupt: CancellationToken,
}

impl Runner {
    /// Children's output goes to `OUT/logs`.
    pub(crate) fn new(harness: PathBuf, out: &Path, interrupt: CancellationToken) -> Result<Self, Failure> {
        let logs = out.join("logs");
        std::fs::create_dir_all(&logs).map_err(|source| Failure::file("create", &logs, source))?;
        let clusters = out.join("clusters");
        let clusters = std::path::absolute(&clusters).map_err(|source| Failure::file("find", &clusters, source))?;
        Ok(Self { harness, logs, clusters, interrupt })
    }

    /// Runs a child to its end; any exit code but 0 is a failure.
    pub(crate) async fn run(&self, task: Task) -> Result<Ran, Failure> {
        if self.interrupt.is_cancelled() && !task.always {
            return Err(Failure::Interrupted);
        }
        let stdout = self.logs.join(format!("{}.stdout", task.name));
        let stderr = self.logs.join(format!("{}.stderr", task.name));
        let create = |path: &Path| File::create(path).map_err(|source| Failure::file("create", path, source));
        let program = task.program.clone().unwrap_or_else(|| self.harness.clone());
        let began = Instant::now();
        let mut child = Command::new(&program)
            .args(&task.arguments)
            .env("HARNESS_STATE_DIR", &self.clusters)
            .stdin(Stdio::null())
            .stdout(create(&stdout)?)
            .stderr(create(&stderr)?)
            // A group of its own: a terminal sends Ctrl-C to the whole group, and a second SIGINT makes a run abandon its cleanup.
            .process_group(0)
            .spawn()
            .map_err(|source| Failure::Spawn { program, source })?;
        let watched = self.watch(&task, child.id(), began).await;
        if watched.is_err() {
            // A child that cannot be watched must not stay.
            let _ = child.kill();
        }
        let status = child.wait().map_err(|error| task.wait_failed(error))?;
        let Watched { wall, seen, stopped } = watched?;
        match stopped {
            Some(Stopped::Interrupted) => Err(Failure::Interrupted),
            Some(Stopped::TimedOut) => {
                Err(Failure::TimedOut { what: task.name, limit: task.limit, said: last_line(&stderr), log: stderr })
            }
            None if !status.success() => {
                Err(Failure::Ended { what: task.name, code: status.to_string(), said: last_line(&stderr), log: stderr })
            }
            None => Ok(Ran {
                wall,
                child_rss_max_bytes: seen.child_rss_max_bytes,
                cpu: seen.cpu,
                rss_max_bytes: seen.rss_max_bytes,
                stdout,
            }),
        }
    }

    /// Waits until it has ended, which leaves it to be reaped.
    async fn watch(&self, task: &Task, id: u32, began: Instant) -> Result<Watched, Failure> {
        let pid = Pid::from_raw(i32::try_from(id).map_err(|error| task.wait_failed(error))?);
        let send = |signal| kill(pid, signal).map_err(|error| task.wait_failed(error));
        let mut seen = Seen::default();
        let mut stopped = None;
        let mut deadline = began + task.limit;
        loop {
            seen.look(id);
            let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
            match waitid(Id::Pid(pid), flags).map_err(|error| task.wait_failed(error))? {
                WaitStatus::StillAlive => {}
                // Its CPU time can still be read, its memory cannot.
                _ => {
                    let wall = began.elapsed();
                    seen.look(id);
                    return Ok(Watched { wall, seen, stopped });
                }
            }
            if stopped.is_none() && self.interrupt.is_cancelled() && !task.always {
                stopped = Some(Stopped::Interrupted);
                deadline = Instant::now() + GRACE;
                send(Signal::SIGINT)?;
            }
            if Instant::now() >= deadline {
                let first = stopped.is_none();
                stopped.get_or_insert(Stopped::TimedOut);
                send(if first { Signal::SIGINT } else { Signal::SIGKILL })?;
                deadline = Instant::now() + GRACE;
            }
            tokio::time::sleep(task.look_every).await;
        }
    }
}

impl Task {
    fn wait_failed(&self, error: impl Into<BoxedError>) -> Failure {
        Failure::Wait { what: self.name.clone(), source: error.into() }
    }
}

struct Watched {
    wall: Duration,
    seen: Seen,
    stopped: Option<Stopped>,
}

enum Stopped {
    Interrupted,
    TimedOut,
}

#[derive(Default)]
struct Seen {
    cpu: Duration,
    rss_max_bytes: u64,
    child_rss_max_bytes: u64,
}

impl Seen {
    /// Reads proc(5) `stat` and `status`; a process that is gone changes nothing.
    fn look(&mut self, id: u32) {
        if let Some(cpu) = cpu(id) {
            self.cpu = cpu;
        }
        if let Some(bytes) = rss_max_bytes(id) {
            self.rss_max_bytes = self.rss_max_bytes.max(bytes);
        }
        let children = children(id).into_iter().filter_map(rss_max_bytes);
        self.child_rss_max_bytes = children.fold(self.child_rss_max_bytes, u64::max);
    }
}

fn cpu(id: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // Fields 14 and 15, counted from field 3: the name before it may contain spaces.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let per_second = sysconf(SysconfVar::CLK_TCK).ok().flatten().and_then(|ticks| u64::try_from(ticks).ok())?;
    Some(Duration::from_millis((user + system) * 1_000 / per_second.max(1)))
}

fn rss_max_bytes(id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? * 1024)
}

/// The children of a process, by its threads (proc(5), `task/TID/children`).
fn children(id: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>()).collect()
}

fn last_line(path: &Path) -> String {
    let text = std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing").trim().to_owned()
}
