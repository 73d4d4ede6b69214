//! Stopping a local cluster, and checking for leaks.

use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::time::{Duration, Instant};

use harness_components::control::{ComponentControl, ProcessRef, Status, TeardownReport};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::control_client::ControlClient;
use super::state_dir::StateDir;

/// How long processes may take to end after the supervisor has reported them as stopped.
const GONE_LIMIT: Duration = Duration::from_secs(2);

/// The last status that a supervisor wrote.
pub(crate) fn saved_status(state: &StateDir) -> Option<Status> {
    serde_json::from_slice(&std::fs::read(state.cluster_file()).ok()?).ok()
}

/// Stops everything, checks that every process has ended, moves the logs and removes the folder.
pub(crate) async fn teardown(
    name: &str,
    state: &StateDir,
    control: &ControlClient,
    logs_to: Option<&Path>,
) -> TeardownReport {
    let started = Instant::now();
    // Before the stop: afterwards the processes are unknown.
    let status = match control.status().await {
        Ok(status) => Some(status),
        Err(_) => saved_status(state),
    };
    let processes: Vec<(String, ProcessRef)> = status
        .map(|status| {
            let supervisor = ("supervisor".to_owned(), status.supervisor);
            let components =
                status.components.into_iter().filter_map(|component| Some((component.name, component.process?)));
            std::iter::once(supervisor).chain(components).collect()
        })
        .unwrap_or_default();

    let mut report = match control.shutdown().await {
        Ok(report) => report,
        Err(error) => {
            tracing::warn!(name, %error, "the supervisor does not answer; killing its processes");
            for (_, process) in &processes {
                kill_exactly(*process);
            }
            TeardownReport::default()
        }
    };
    for (component, process) in processes {
        if has_ended(process).await {
            continue;
        }
        kill_exactly(process);
        report.killed.push(component.clone());
        if !has_ended(process).await {
            report.left.push(format!("process {} ({component})", process.pid));
        }
    }
    if let Some(target) = logs_to
        && let Err(error) = move_logs(&state.logs(), target)
    {
        // The logs may be wanted; keys and data are not.
        report.left.push(format!(
            "logs in {} (cannot move them to {}: {error})",
            state.logs().display(),
            target.display()
        ));
        if let Err(error) = state.remove_all_but_logs() {
            report.left.push(error.to_string());
        }
        report.duration_ms = started.elapsed().as_millis() as u64;
        return report;
    }
    if let Err(error) = state.remove() {
        report.left.push(error.to_string());
    }
    report.duration_ms = started.elapsed().as_millis() as u64;
    report
}

/// Kills the process, unless its id belongs to another one by now.
fn kill_exactly(process: ProcessRef) {
    if process.alive() {
        let _ = kill(Pid::from_raw(i32::try_from(process.pid).unwrap_or(i32::MAX)), Signal::SIGKILL);
    }
}

async fn has_ended(process: ProcessRef) -> bool {
    let started = Instant::now();
    while process.alive() {
        if started.elapsed() > GONE_LIMIT {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    true
}

/// Moves files; across file systems, where a rename is refused, copies them.
fn move_logs(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if std::fs::rename(entry.path(), &target).is_err() {
            std::fs::copy(entry.path(), &target)?;
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
