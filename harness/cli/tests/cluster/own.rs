//! What tests with their own cluster share.

use std::path::{Path, PathBuf};
use std::time::Instant;

use harness_cluster::Cluster;
use harness_cluster::local::{LocalConfig, Status};
use harness_components::{self as components, BinDir};
use harness_testing::{Limit, limits, wait_for};

/// The built components: those of `HARNESS_BIN_DIR`, else those of the cache.
///
/// # Errors
/// Why no cluster can be started, and what to do.
pub(crate) fn built() -> Result<BinDir, String> {
    match std::env::var_os("HARNESS_BIN_DIR").map(PathBuf::from) {
        Some(folder) => components::locate(Some(&folder)).map_err(|missing| format!("HARNESS_BIN_DIR: {missing}")),
        None => components::locate(None).map_err(|_| {
            "the upstream components are not built; `cargo run --release -- components build` builds them, once, \
             in a quarter of an hour"
                .to_owned()
        }),
    }
}

/// A configuration whose state is below `root`.
pub(crate) fn config(name: &str, root: &Path) -> LocalConfig {
    config_of(name, root, &built().unwrap())
}

/// A configuration with other components.
pub(crate) fn config_of(name: &str, root: &Path, components: &BinDir) -> LocalConfig {
    let mut config = LocalConfig::new(name, components);
    config.state_root = root.to_owned();
    config.helper = PathBuf::from(env!("CARGO_BIN_EXE_harness"));
    config
}

/// Runs a future to its end.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(work)
}

/// Name and process id of the supervisor and of each component.
pub(crate) fn processes(status: &Status) -> Vec<(String, u32)> {
    let components = status.components.iter().filter_map(|c| Some((c.name.clone(), c.process?.pid)));
    std::iter::once(("supervisor".to_owned(), status.supervisor.pid)).chain(components).collect()
}

/// Waits until none of them exists any more. A zombie child of this process counts as gone.
pub(crate) async fn all_gone(processes: &[(String, u32)], limit: Limit) {
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

/// Takes a cluster down and checks that nothing remains.
pub(crate) async fn take_down(cluster: Cluster, state_root: &Path) {
    let status = cluster.status().await.unwrap();
    let name = cluster.name().to_owned();
    let started = Instant::now();
    let report = cluster.teardown(None).await;
    assert!(report.left.is_empty(), "{report:?}");
    assert!(started.elapsed() < limits::CLUSTER_DOWN.get(), "the teardown took {:?}: {report:?}", started.elapsed());
    // The report says that they are gone, so there is no further wait.
    let left: Vec<_> = processes(&status).into_iter().filter(|(_, pid)| running(*pid)).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(!state_root.join(name).exists(), "the folder is still there");
}
