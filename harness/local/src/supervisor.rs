//! The process that owns a cluster.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use harness_catalogue::{Component, Stage};
use harness_components::control::{Failure, Phase, TeardownReport};
use jiff::Timestamp;
use strum::VariantArray;
use tokio::sync::mpsc;

use super::config::LocalConfig;
use super::control;
use super::error::LocalError;
use super::process::Spawner;
use super::shared::{Shared, Up};
use super::start::{InProcess, bring_up};
use super::state_dir::{StateDir, private_dir};

/// How often a start is repeated when another process has taken one of the chosen ports.
const START_ATTEMPTS: u32 = 3;
/// A log larger than this is cut to its newest part.
const LOG_LIMIT_BYTES: u64 = 64 * 1024 * 1024;
const LOG_CHECK: Duration = Duration::from_secs(5);
/// How long the supervisor of a failed start stays, to report why.
const FAILED_START_LINGER: Duration = Duration::from_secs(60);

/// Runs the supervisor of the cluster in `state_dir` until it is stopped.
///
/// # Errors
/// When the folder holds no configuration, another supervisor owns it, or the control socket cannot be created.
/// A cluster that fails later is reported over the socket.
pub fn main(state_dir: PathBuf) -> Result<ExitCode, LocalError> {
    // What `ps` shows; the program may have been started through /proc/self/exe.
    let _ = nix::sys::prctl::set_name(c"harness-superv");
    harness_tls::install_crypto();
    let _ = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_env("HARNESS_LOG").unwrap_or_else(|_| "info".into()))
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .try_init();
    let state = StateDir::at(state_dir);
    let mut config = LocalConfig::load(&state)?;
    config.hold_components();
    let Some(_lock) = state.try_lock()? else {
        return Err(LocalError::AlreadyUp { name: config.name, pid: 0 });
    };
    // Started before the runtime: it has to outlive it.
    let spawner = Spawner::start(config.helper.clone())?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(|source| {
            LocalError::Spawn { component: "supervisor".into(), program: config.helper.clone(), source }
        })?;
    runtime.block_on(run(config, state, spawner))
}

async fn run(config: LocalConfig, state: StateDir, spawner: Spawner) -> Result<ExitCode, LocalError> {
    let (shutdown, mut requests) = mpsc::channel(4);
    let shared = Arc::new(Shared::new(config, state, spawner, shutdown));
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .map_err(LocalError::file("listen for SIGTERM for", shared.state.root()))?;
    control::serve(Arc::clone(&shared), &shared.state.socket())?;
    shared.save_status();

    let mut in_process = None;
    let mut following = None;
    let mut reply = None;
    let limit = shared.config.start_timeout;
    let started = tokio::select! {
        result = tokio::time::timeout(limit, start(&shared)) => Some(result.unwrap_or_else(|_| Err(shared.start_timed_out()))),
        request = requests.recv() => { reply = request; None }
        _ = terminate.recv() => None,
    };
    let mut linger = None;
    match started {
        Some(Ok(running)) => {
            let up = Up {
                endpoints: running.endpoints,
                kubernetes_version: running.kubernetes_version,
                announced_version: running.announced_version.announced(),
                on_demand: running.on_demand,
                git_fault: running.git.server.fault_switch(),
            };
            // Set once: there is one start.
            let _ = shared.up.set(up);
            following = Some(tokio::spawn(running.announced_version.follow(running.azure.kubernetes_version())));
            in_process = Some((running.azure, running.git, running.metrics, running.events));
            shared.set_phase(Phase::Ready);
        }
        Some(Err(error)) => {
            tracing::error!(%error, "the start failed");
            shared.fail(failure_of(&error));
            // A partly started cluster is of no use.
            stop_all(&shared).await;
            linger = Some(FAILED_START_LINGER);
        }
        None => {}
    }
    // Neither asked to stop while it started, nor by a signal.
    if *shared.phase.borrow() != Phase::Starting {
        let mut failures = shared.registry.failures();
        // One that happened before the subscription counts too.
        failures.mark_changed();
        let mut log_check = tokio::time::interval(LOG_CHECK);
        loop {
            tokio::select! {
                request = requests.recv() => { reply = request; break }
                _ = terminate.recv() => break,
                () = linger_for(linger) => break,
                Ok(()) = failures.changed() => {
                    let failure = failures.borrow_and_update().clone();
                    if let Some(failure) = failure { shared.fail(failure); }
                }
                _ = log_check.tick() => bound_logs(&shared.state),
            }
        }
    }

    shared.set_phase(Phase::Stopping);
    if let Some(following) = following {
        // It must not start what is about to be stopped.
        following.abort();
        let _ = following.await;
    }
    let started = Instant::now();
    let mut report = stop(&shared, &Stage::VARIANTS[..2]).await;
    // After its client, NAP, and before its upstream, the API server.
    if let Some((azure, git, metrics, events)) = in_process {
        tokio::join!(git.server.shutdown(), azure.shutdown(), shared.metrics.clear());
        drop((metrics, events));
    }
    let rest = stop(&shared, &Stage::VARIANTS[2..]).await;
    report.stopped.extend(rest.stopped);
    report.killed.extend(rest.killed);
    report.duration_ms = started.elapsed().as_millis() as u64;
    if let Some(reply) = reply {
        let _ = reply.send(report);
        // The answer leaves through a task of this runtime.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(ExitCode::SUCCESS)
}

async fn linger_for(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit).await,
        None => std::future::pending().await,
    }
}

/// Starts everything, again with other ports when one was taken meanwhile.
async fn start(shared: &Shared) -> Result<InProcess, LocalError> {
    let mut attempt = 1;
    loop {
        let mut failures = shared.registry.failures();
        let result = tokio::select! {
            result = bring_up(&shared.config, &shared.state, &shared.registry, &shared.steps, &shared.metrics) => result,
            Ok(failure) = failures.wait_for(Option::is_some) => {
                let failure = failure.clone();
                Err(died(failure))
            }
        };
        match result {
            Err(LocalError::ComponentDied { component, log_tail, .. })
                if attempt < START_ATTEMPTS && log_tail.contains("address already in use") =>
            {
                tracing::warn!(component, attempt, "a port was taken; starting again with others");
                stop_all(shared).await;
                shared.registry.forget_failure();
                let data = shared.state.data();
                std::fs::remove_dir_all(&data).map_err(LocalError::file("empty the folder", &data))?;
                private_dir(&data)?;
                attempt += 1;
            }
            other => return other,
        }
    }
}

fn died(failure: Option<Failure>) -> LocalError {
    let (component, exit, log_tail) =
        failure.map(|failure| (failure.component, failure.reason, failure.log_tail.join("\n"))).unwrap_or_default();
    LocalError::ComponentDied { component, exit, log_tail }
}

fn failure_of(error: &LocalError) -> Failure {
    let lines = |text: &str| text.lines().map(str::to_owned).collect();
    let (component, reason, log_tail) = match error {
        LocalError::ComponentDied { component, exit, log_tail } => (component.clone(), exit.clone(), lines(log_tail)),
        LocalError::NotReady { component, waited_ms, last, log_tail } => {
            (component.clone(), format!("was not ready after {waited_ms} ms; last seen: {last}"), lines(log_tail))
        }
        other => ("start".to_owned(), other.to_string(), Vec::new()),
    };
    Failure { component, reason, log_tail, at: Timestamp::now() }
}

async fn stop_all(shared: &Shared) -> TeardownReport {
    stop(shared, Stage::VARIANTS).await
}

/// Stops the components of these stages, one stage after another.
async fn stop(shared: &Shared, stages: &[Stage]) -> TeardownReport {
    let mut report = TeardownReport::default();
    for stage in stages {
        let components: Vec<Component> = Component::ALL.iter().copied().filter(|it| it.stage() == *stage).collect();
        let (stopped, killed) = shared.registry.stop(&components, stage.grace()).await;
        report.stopped.extend(stopped);
        report.killed.extend(killed);
    }
    report
}

/// Keeps each log's newest part. A component appends, so cutting the file at 0 is safe; what it writes during the
/// copy is lost.
fn bound_logs(state: &StateDir) {
    let Ok(entries) = std::fs::read_dir(state.logs()) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let too_large = path.extension().is_some_and(|extension| extension == "log")
            && entry.metadata().is_ok_and(|meta| meta.len() > LOG_LIMIT_BYTES);
        if too_large {
            let older = path.with_extension("log.1");
            let cut = std::fs::copy(&path, &older)
                .and_then(|_| std::fs::OpenOptions::new().write(true).open(&path)?.set_len(0));
            if let Err(error) = cut {
                tracing::warn!(log = %path.display(), %error, "cannot cut a log that has grown too large");
            }
        }
    }
}
