//! What the tests of the local target share.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use harness_cluster::Cluster;
use harness_cluster::components::BinDir;
use harness_cluster::local::{LocalConfig, Status};

/// One cluster test at a time: on two cores several would only slow each other down.
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Takes the turn of this test.
pub(crate) async fn turn() -> tokio::sync::MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().await
}

/// The built components, or `None` with the reason on stderr: those of `HARNESS_BIN_DIR`, else those of the cache.
pub(crate) fn components(test: &str) -> Option<BinDir> {
    let from = std::env::var_os("HARNESS_BIN_DIR").map(PathBuf::from);
    match harness_cluster::components::locate(from.as_deref()) {
        Ok(found) => Some(found),
        Err(missing) => {
            eprintln!("SKIPPED {test}: {missing}");
            None
        }
    }
}

/// A configuration whose state lies below `root`.
pub(crate) fn config(name: &str, components: &BinDir, root: &Path) -> LocalConfig {
    let mut config = LocalConfig::new(name, components);
    config.state_root = root.to_owned();
    config.helper = PathBuf::from(env!("CARGO_BIN_EXE_harness-internal"));
    config
}

/// Kills the supervisor of a detached cluster when a test ends before its own teardown.
pub(crate) struct KillWhenDropped(pub(crate) u32);

impl Drop for KillWhenDropped {
    fn drop(&mut self) {
        if std::thread::panicking() && running(self.0) {
            sigkill(self.0);
        }
    }
}

/// Repeats `look` until it gives a value; after `limit` the last state goes into the panic.
pub(crate) async fn wait_for<T>(what: &str, limit: Duration, look: impl AsyncFn() -> Result<T, String>) -> T {
    let started = Instant::now();
    loop {
        match look().await {
            Ok(value) => return value,
            Err(last) if started.elapsed() > limit => panic!("{what}: not after {limit:?}; last seen: {last}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Name and process id of the supervisor and of each component.
pub(crate) fn processes(status: &Status) -> Vec<(String, u32)> {
    let components = status.components.iter().filter_map(|c| Some((c.name.clone(), c.process?.pid)));
    std::iter::once(("supervisor".to_owned(), status.supervisor.pid)).chain(components).collect()
}

/// Waits until none of them exists any more. A zombie of this process's own child counts as gone.
pub(crate) async fn all_gone(processes: &[(String, u32)], limit: Duration) {
    wait_for("every process is gone", limit, async || {
        let left: Vec<_> = processes.iter().filter(|(_, pid)| running(*pid)).collect();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await;
}

/// Whether a process runs.
pub(crate) fn running(pid: u32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    !stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with(['Z', 'X']))
}

/// Kills a process from outside, as an out-of-memory killer would.
pub(crate) fn sigkill(pid: u32) {
    let pid = nix::unistd::Pid::from_raw(i32::try_from(pid).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
}

/// Takes a cluster down and demands that nothing is left of it.
pub(crate) async fn take_down(cluster: Cluster, state_root: &Path) {
    let status = cluster.status().await.unwrap();
    let name = cluster.name().to_owned();
    let started = Instant::now();
    let report = cluster.teardown(None).await;
    assert!(report.left.is_empty(), "{report:?}");
    assert!(started.elapsed() < Duration::from_secs(3), "the teardown took {:?}: {report:?}", started.elapsed());
    all_gone(&processes(&status), Duration::from_millis(1)).await;
    assert!(!state_root.join(name).exists(), "the folder is still there");
}
