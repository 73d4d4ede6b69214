//! Child processes: started by one thread, watched until they end.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use harness_components::control::{ComponentUsage, read_usage};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use tokio::sync::{oneshot, watch};

use super::error::LocalError;
use super::exec::ExecRequest;
use super::log_line::message_of;
use super::state_dir::open_log;

/// Everything that is needed to start a component.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    /// The component's name, also of its log.
    pub(crate) name: String,
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<OsString>,
    /// The whole environment; nothing is inherited, so that a component behaves the same in every shell.
    pub(crate) env: BTreeMap<String, OsString>,
    /// See [`ExecRequest::service_account`].
    pub(crate) service_account: Option<PathBuf>,
    /// See [`ExecRequest::keep`].
    pub(crate) keep: Vec<PathBuf>,
    pub(crate) log: PathBuf,
}

type SpawnJob = (Command, oneshot::Sender<std::io::Result<Child>>);

/// Starts processes from one thread that lives as long as this process.
///
/// The kernel sends the parent-death signal when the *thread* that forked ends (prctl(2)), so a worker of the
/// async runtime must not be the one that forks.
#[derive(Clone)]
pub(crate) struct Spawner {
    jobs: std::sync::mpsc::Sender<SpawnJob>,
    helper: PathBuf,
}

impl Spawner {
    /// Starts the thread. `helper` is the executable that understands `internal exec`.
    pub(crate) fn start(helper: PathBuf) -> Result<Self, LocalError> {
        let (jobs, inbox) = std::sync::mpsc::channel::<SpawnJob>();
        std::thread::Builder::new()
            .name("spawner".into())
            .spawn(move || {
                while let Ok((mut command, reply)) = inbox.recv() {
                    // The requester's runtime has ended, and with it the cluster: its child must not stay.
                    if let Err(Ok(mut child)) = reply.send(command.spawn()) {
                        let _ = child.kill();
                        let _ = child.wait();
                    }
                }
                // The children of this thread must outlive the last `Spawner` value.
                loop {
                    std::thread::park();
                }
            })
            .map_err(|source| LocalError::Spawn {
                component: "the spawner thread".into(),
                program: helper.clone(),
                source,
            })?;
        Ok(Self { jobs, helper })
    }

    /// Starts `launch` through the helper; the process dies with this one.
    pub(crate) async fn spawn(&self, launch: &Launch) -> Result<Process, LocalError> {
        let request = ExecRequest {
            parent: i32::try_from(std::process::id()).unwrap_or_default(),
            service_account: launch.service_account.clone(),
            keep: launch.keep.clone(),
            command: std::iter::once(launch.program.clone().into_os_string())
                .chain(launch.args.iter().cloned())
                .collect(),
        };
        let mut command = Command::new(&self.helper);
        command.args(request.to_args());
        command.env_clear().envs(&launch.env);
        self.run(&launch.name, command, &launch.log).await
    }

    /// Starts `command` as it is: in its own process group, without input, with its output in `log`.
    pub(crate) async fn run(&self, name: &str, mut command: Command, log: &Path) -> Result<Process, LocalError> {
        use std::os::unix::process::CommandExt;
        let out = open_log(log)?;
        let err = out.try_clone().map_err(LocalError::file("open the log", log))?;
        // Its own group: Ctrl-C in the terminal is for the harness, which stops the components in order.
        command.stdin(Stdio::null()).stdout(out).stderr(err).process_group(0);
        let program = PathBuf::from(command.get_program());
        let (reply, answer) = oneshot::channel();
        let ended = || LocalError::SpawnerGone { component: name.to_owned() };
        self.jobs.send((command, reply)).map_err(|_| ended())?;
        let child = answer.await.map_err(|_| ended())?.map_err(|source| LocalError::Spawn {
            component: name.to_owned(),
            program: program.clone(),
            source,
        })?;
        Process::watch(name, child).map_err(|source| LocalError::Spawn { component: name.to_owned(), program, source })
    }
}

/// A running or ended child.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pid: Pid,
    started: Instant,
    /// Locked while a signal is sent and while the child is reaped, so that a signal never meets a process id
    /// that already belongs to another process.
    reaped: Arc<Mutex<bool>>,
    /// How it ended, in words: "exit status: 1", "signal: 9 (SIGKILL)".
    exit: watch::Receiver<Option<String>>,
    last_usage: Arc<Mutex<Option<ComponentUsage>>>,
}

impl Process {
    fn watch(name: &str, mut child: Child) -> std::io::Result<Self> {
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap_or_default());
        let reaped = Arc::new(Mutex::new(false));
        let (sender, exit) = watch::channel(None);
        let flag = Arc::clone(&reaped);
        let last_usage = Arc::new(Mutex::new(None));
        let final_usage = Arc::clone(&last_usage);
        let component = name.to_owned();
        std::thread::Builder::new().name(format!("wait-{name}")).stack_size(64 * 1024).spawn(move || {
            // First without reaping: until the lock is held the process id must stay ours.
            while let Err(nix::errno::Errno::EINTR) = waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT)
            {
            }
            // A process that waits to be reaped still has its CPU time.
            let last = read_usage(&component, pid.as_raw().unsigned_abs());
            *final_usage.lock().unwrap_or_else(PoisonError::into_inner) = last;
            let mut reaped = flag.lock().unwrap_or_else(PoisonError::into_inner);
            let exit = child.wait().map_or_else(|error| format!("unknown ({error})"), |status| status.to_string());
            *reaped = true;
            drop(reaped);
            sender.send_replace(Some(exit));
        })?;
        Ok(Self { pid, started: Instant::now(), reaped, exit, last_usage })
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.pid.as_raw().unsigned_abs()
    }

    /// When it was started.
    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// What it had used when it ended; `None` while it runs.
    pub(crate) fn last_usage(&self) -> Option<ComponentUsage> {
        self.last_usage.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How it ended, if it has.
    pub(crate) fn exited(&self) -> Option<String> {
        self.exit.borrow().clone()
    }

    /// Sends a signal; `false` when the process has already ended.
    pub(crate) fn signal(&self, signal: Signal) -> bool {
        let reaped = self.reaped.lock().unwrap_or_else(PoisonError::into_inner);
        !*reaped && kill(self.pid, signal).is_ok()
    }

    /// Waits for the end.
    pub(crate) async fn wait(&self) -> String {
        let mut exit = self.exit.clone();
        let ended = exit.wait_for(Option::is_some).await.ok().and_then(|exit| exit.clone());
        ended.unwrap_or_else(|| "unknown (its watcher has ended)".to_owned())
    }

    /// Asks it to stop, and kills it when it has not after `grace`. `true` when it had to be killed.
    pub(crate) async fn stop(&self, grace: Duration) -> bool {
        if !self.signal(Signal::SIGTERM) {
            return false;
        }
        if tokio::time::timeout(grace, self.wait()).await.is_ok() {
            return false;
        }
        self.signal(Signal::SIGKILL);
        self.wait().await;
        true
    }
}

/// What the last `lines` lines of a log say, without reading more than its last 64 KiB.
pub(crate) fn log_tail(path: &Path, lines: usize) -> Vec<String> {
    use std::io::{Read, Seek, SeekFrom};
    const WINDOW: u64 = 64 * 1024;
    let read = || -> std::io::Result<String> {
        let mut file = std::fs::File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(WINDOW)))?;
        let mut bytes = Vec::new();
        file.take(WINDOW).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let all: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    all[all.len().saturating_sub(lines)..].iter().map(|line| message_of(line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_of_a_log_is_its_last_lines() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("x.log");
        let text: String = (0..5_000).map(|n| format!("line {n} {}\n", "x".repeat(40))).collect();
        std::fs::write(&path, text).unwrap();
        let tail = log_tail(&path, 3);
        assert_eq!(tail.len(), 3);
        assert!(tail[2].starts_with("line 4999 "), "{tail:?}");
        assert!(log_tail(&temp.path().join("absent.log"), 3).is_empty());
    }

    #[tokio::test]
    async fn a_process_that_ignores_the_request_to_stop_is_killed() {
        let temp = tempfile::tempdir().unwrap();
        let spawner = Spawner::start("/proc/self/exe".into()).unwrap();
        let ready = temp.path().join("ready");
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("trap '' TERM; : > {}; while :; do sleep 0.05; done", ready.display()));
        let process = spawner.run("ignores-sigterm", command, &temp.path().join("log")).await.unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while !ready.exists() {
            assert!(Instant::now() < deadline, "the shell never set its trap");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(process.stop(Duration::from_millis(100)).await, "it stopped although it ignores SIGTERM");
        assert_eq!(process.exited().unwrap(), "signal: 9 (SIGKILL)");
        assert!(!process.signal(Signal::SIGTERM), "a signal was sent to a process that has ended");
    }
}
