//! Starting, finding and taking down local clusters, from the side of the command that wants one.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use super::config::{LocalConfig, cluster_folders, validate_name};
use super::control_client::ControlClient;
use super::error::LocalError;
use super::handle::Local;
use super::process::{Launch, Process, Spawner, log_tail};
use super::state_dir::{StateDir, open_log, private_dir};
use super::teardown::{saved_status, teardown};
use harness_components::control::{ComponentControl, Failure, Phase, ProcessRef, Status, TeardownReport};

/// How long a supervisor may take until its socket answers.
const SOCKET_LIMIT: Duration = Duration::from_secs(15);
/// A folder without a supervisor is only taken for abandoned when it is older than any start takes.
const ABANDONED_AFTER: Duration = Duration::from_secs(600);

/// Starts a cluster that stays after this process has ended, and waits until it is usable.
///
/// # Errors
/// When one of that name is up, a component is missing, or the start fails (the message has the last log lines and
/// the folder to which the logs were moved; no process stays).
pub async fn up(config: LocalConfig) -> Result<Local, LocalError> {
    let state = prepare(&config)?;
    let log = open_log(&state.log("supervisor"))?;
    let err = log.try_clone().map_err(LocalError::file("open the log", state.log("supervisor")))?;
    let mut command = Command::new(&config.helper);
    command
        .args(["internal", "supervise", "--detach", "--state-dir"])
        .arg(state.root())
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(err);
    let mut child = command.spawn().map_err(|source| LocalError::Spawn {
        component: "supervisor".into(),
        program: config.helper.clone(),
        source,
    })?;
    let process = ProcessRef::of(child.id());
    // A parent that stays must not keep a dead supervisor as a zombie.
    let _ =
        std::thread::Builder::new().name("wait-supervisor".into()).stack_size(64 * 1024).spawn(move || child.wait());
    let alive = move || process.is_some_and(ProcessRef::alive);
    connect(config, state, &alive, None).await
}

/// Starts a cluster that dies with this process, however this process ends, and waits until it is usable.
///
/// # Errors
/// As [`up`].
pub async fn throwaway(config: LocalConfig) -> Result<Local, LocalError> {
    let state = prepare(&config)?;
    let spawner = Spawner::start(config.helper.clone())?;
    let launch = Launch {
        name: "supervisor".into(),
        program: config.helper.clone(),
        args: vec!["internal".into(), "supervise".into(), "--state-dir".into(), state.root().into()],
        env: std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect(),
        service_account: None,
        keep: Vec::new(),
        log: state.log("supervisor"),
    };
    let process = spawner.spawn(&launch).await?;
    let watched = process.clone();
    let alive = move || watched.exited().is_none();
    connect(config, state, &alive, Some(process)).await
}

/// The cluster of that name, if it is up. One that has failed is also returned, to be asked why or taken down.
///
/// # Errors
/// When its folder cannot be read or its supervisor does not answer.
pub async fn attach(state_root: &Path, name: &str) -> Result<Option<Local>, LocalError> {
    validate_name(name)?;
    let state = StateDir::at(state_root.join(name));
    if !supervised(&state)? {
        return Ok(None);
    }
    let config = LocalConfig::load(&state)?;
    let control = ControlClient::new(name, &state)?;
    let status = control.status().await?;
    Ok(Some(Local::new(config, state, control, status, None).await?))
}

/// What the cluster of that name does; `None` when there is none.
///
/// # Errors
/// As [`attach`].
pub async fn status(state_root: &Path, name: &str) -> Result<Option<Status>, LocalError> {
    validate_name(name)?;
    let state = StateDir::at(state_root.join(name));
    if !supervised(&state)? {
        return Ok(None);
    }
    Ok(Some(ControlClient::new(name, &state)?.status().await?))
}

/// The names of the clusters that are up.
pub fn list(state_root: &Path) -> Vec<String> {
    let mut names: Vec<String> = cluster_folders(state_root)
        .into_iter()
        .filter(|(_, state)| supervised(state).unwrap_or(false))
        .map(|(name, _)| name)
        .collect();
    names.sort();
    names
}

/// Takes the cluster of that name down; `None` when there is none. Also removes the folder of a supervisor that was killed.
///
/// # Errors
/// When the folder cannot be read. What could not be stopped or removed is in the report.
pub async fn down(state_root: &Path, name: &str, logs_to: Option<&Path>) -> Result<Option<TeardownReport>, LocalError> {
    validate_name(name)?;
    let state = StateDir::at(state_root.join(name));
    if !state.root().exists() {
        return Ok(None);
    }
    let control = ControlClient::new(name, &state)?;
    Ok(Some(teardown(name, &state, &control, logs_to).await))
}

/// Whether a supervisor owns the folder.
fn supervised(state: &StateDir) -> Result<bool, LocalError> {
    Ok(state.root().exists() && state.try_lock()?.is_none())
}

/// Checks the configuration and creates a new folder with it.
fn prepare(config: &LocalConfig) -> Result<StateDir, LocalError> {
    harness_tls::install_crypto();
    config.validate()?;
    private_dir(&config.state_root)?;
    sweep(&config.state_root);
    let state = config.state();
    if supervised(&state)? {
        return Err(LocalError::AlreadyUp {
            name: config.name.clone(),
            pid: saved_status(&state).map_or(0, |status| status.supervisor.pid),
        });
    }
    // Left by a supervisor that was killed.
    state.remove()?;
    let state = StateDir::create(state.root())?;
    config.save()?;
    Ok(state)
}

/// Removes folders of clusters whose supervisor is dead and whose start is long over.
fn sweep(state_root: &Path) {
    for (name, state) in cluster_folders(state_root) {
        let age = std::fs::metadata(state.config_file())
            .and_then(|meta| meta.modified())
            .ok()
            .and_then(|at| SystemTime::now().duration_since(at).ok());
        if age.is_some_and(|age| age > ABANDONED_AFTER) && !supervised(&state).unwrap_or(true) {
            tracing::info!(name, "removing the folder of a cluster that was killed");
            if let Err(error) = state.remove() {
                tracing::warn!(name, %error, "cannot remove it");
            }
        }
    }
}

/// Waits for the supervisor's socket, then for the cluster.
async fn connect(
    config: LocalConfig,
    state: StateDir,
    alive: &(dyn Fn() -> bool + Sync),
    process: Option<Process>,
) -> Result<Local, LocalError> {
    let control = ControlClient::new(&config.name, &state)?;
    let started = Instant::now();
    let result = async {
        loop {
            let last = match control.status().await {
                Ok(_) => break,
                Err(error) => error,
            };
            if !alive() || started.elapsed() > SOCKET_LIMIT {
                return Err(LocalError::StartTimeout {
                    name: config.name.clone(),
                    waited_ms: started.elapsed().as_millis() as u64,
                    last: format!("{last}; supervisor's log: {}", log_tail(&state.log("supervisor"), 5).join(" | ")),
                    logs: kept_logs(&config),
                });
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // A little more than the supervisor's own limit, so that its reason arrives.
        let status = control.ready(config.start_timeout + Duration::from_secs(10)).await?;
        match (status.phase, &status.failure) {
            (Phase::Ready, _) => Ok(status),
            (_, failure) => Err(start_failed(&config, failure.as_ref(), started)),
        }
    }
    .await;
    match result {
        Ok(status) => Local::new(config, state, control, status, process).await,
        Err(error) => {
            // The logs are the only trace of what went wrong.
            let kept = kept_logs(&config);
            let _ = std::fs::remove_dir_all(&kept);
            let report = teardown(&config.name, &state, &control, Some(&kept)).await;
            for left in report.left {
                tracing::warn!(left, "left behind by a failed start");
            }
            Err(error)
        }
    }
}

fn start_failed(config: &LocalConfig, failure: Option<&Failure>, started: Instant) -> LocalError {
    match failure {
        Some(failure) if failure.component != "start" => LocalError::ComponentDied {
            component: failure.component.clone(),
            exit: format!("{}; all logs are in {}", failure.reason, kept_logs(config).display()),
            log_tail: failure.log_tail.join("\n"),
        },
        failure => LocalError::StartTimeout {
            name: config.name.clone(),
            waited_ms: started.elapsed().as_millis() as u64,
            last: failure.map_or_else(|| "the supervisor was stopped".to_owned(), ToString::to_string),
            logs: kept_logs(config),
        },
    }
}

/// Where the logs of a failed start are kept: not a cluster's folder, its name has a dot.
fn kept_logs(config: &LocalConfig) -> PathBuf {
    config.state_root.join(format!("{}.failed", config.name))
}
