//! The process that owns a cluster.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use harness_plan::Capability;
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use super::config::LocalConfig;
use super::control;
use super::error::LocalError;
use super::flux_processes;
use super::image_registry;
use super::kubernetes_version::{Told, wait_until_told};
use super::layout::Layout;
use super::on_demand::{ON_DEMAND, OnDemand};
use super::probes::Probes;
use super::process::{Spawner, log_tail};
use super::registry::Registry;
use super::start::{InProcess, bring_up};
use super::state_dir::{StateDir, private_dir, write_private};
use super::status::{Failure, Phase, ProcessRef, Status, TeardownReport};
use super::steps::Steps;
use super::usage::{self, ComponentUsage};
use crate::git::GitFaultSwitch;
use crate::metrics::Metrics;

/// How often a start is repeated when somebody else took one of the chosen ports.
const START_ATTEMPTS: u32 = 3;
/// The order of the stop: who writes goes before who stores. Each group has this long before it is killed.
const STOP_ORDER: [(&[&str], Duration); 5] = [
    (&ON_DEMAND, Duration::from_millis(400)),
    (&["karpenter", "source-controller", "kustomize-controller", "kwok", "kwok-leases"], Duration::from_millis(600)),
    (&["kube-controller-manager", "kube-scheduler"], Duration::from_millis(400)),
    // It waits for open watches when asked to stop; there is nobody left to be polite to.
    (&["kube-apiserver"], Duration::from_millis(1000)),
    (&["etcd"], Duration::from_millis(400)),
];
/// How long the NAP controller may take to be started with another version of the control plane.
pub(crate) const TELL_LIMIT: Duration = Duration::from_secs(20);
/// How long a component that was started again may take to be ready.
pub(crate) const READY_LIMIT: Duration = Duration::from_secs(60);
/// A log larger than this is cut to its newest part.
const LOG_LIMIT_BYTES: u64 = 64 * 1024 * 1024;
const LOG_CHECK: Duration = Duration::from_secs(5);
/// How long a cluster that could not start stays to be asked why.
const FAILED_START_LINGER: Duration = Duration::from_secs(60);

/// What the control socket and the supervisor share.
pub(crate) struct Shared {
    config: LocalConfig,
    state: StateDir,
    pub(crate) registry: Registry,
    steps: Steps,
    pub(crate) metrics: Arc<Metrics>,
    started_at: Timestamp,
    phase: watch::Sender<Phase>,
    pub(crate) failure: watch::Sender<Option<Failure>>,
    running: Mutex<Option<Running>>,
    /// Set once the cluster is up.
    told_version: OnceLock<watch::Receiver<Told>>,
    /// Set once the cluster is up.
    probes: OnceLock<(Layout, Probes)>,
    on_demand: OnceLock<OnDemand>,
    /// Set once the cluster is up.
    pub(crate) git_faults: OnceLock<GitFaultSwitch>,
    pub(crate) shutdown: mpsc::Sender<tokio::sync::oneshot::Sender<TeardownReport>>,
}

/// Facts about what runs in this process, for the status.
struct Running {
    endpoints: std::collections::BTreeMap<String, String>,
    versions: std::collections::BTreeMap<String, String>,
}

/// Runs the supervisor of the cluster in `state_dir` until it is told to stop.
///
/// # Errors
/// When the folder holds no configuration, another supervisor owns it, or the control socket cannot be made.
/// A cluster that fails later is reported over the socket.
pub fn main(state_dir: PathBuf) -> Result<ExitCode, LocalError> {
    // What `ps` shows; the program may have been started through /proc/self/exe.
    let _ = nix::sys::prctl::set_name(c"harness-superv");
    super::install_crypto();
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
    let shared = Arc::new(Shared {
        registry: Registry::new(spawner),
        steps: Steps::new(),
        metrics: Arc::default(),
        started_at: Timestamp::now(),
        phase: watch::channel(Phase::Starting).0,
        failure: watch::channel(None).0,
        running: Mutex::new(None),
        told_version: OnceLock::new(),
        probes: OnceLock::new(),
        on_demand: OnceLock::new(),
        git_faults: OnceLock::new(),
        shutdown,
        config,
        state,
    });
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
            shared.set_running(&running);
            // The one start is over; a second value cannot come.
            let _ = shared.told_version.set(running.told_version.told());
            let _ = shared.on_demand.set(running.on_demand);
            let _ = shared.git_faults.set(running.git.server.fault_switch());
            following = Some(tokio::spawn(running.told_version.follow(running.azure.kubernetes_version())));
            let _ = shared.probes.set((running.layout, running.probes));
            in_process = Some((running.azure, running.git, running.metrics, running.events));
            shared.set_phase(Phase::Ready);
        }
        Some(Err(error)) => {
            tracing::error!(%error, "the start failed");
            shared.fail(failure_of(&error));
            // What did come up is of no use to anybody.
            stop_all(&shared).await;
            linger = Some(FAILED_START_LINGER);
        }
        None => {}
    }
    if started_is_serving(reply.is_some(), &shared) {
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
    let began = Instant::now();
    let mut report = stop(&shared, &STOP_ORDER[..2]).await;
    // Between those who ask it and the API server that it asks.
    if let Some((azure, git, metrics, events)) = in_process {
        tokio::join!(git.server.shutdown(), azure.shutdown(), shared.metrics.clear());
        drop((metrics, events));
    }
    let rest = stop(&shared, &STOP_ORDER[2..]).await;
    report.stopped.extend(rest.stopped);
    report.killed.extend(rest.killed);
    report.duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    if let Some(reply) = reply {
        let _ = reply.send(report);
        // The answer leaves through a task of this runtime.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(ExitCode::SUCCESS)
}

fn started_is_serving(asked_to_stop: bool, shared: &Shared) -> bool {
    !asked_to_stop && *shared.phase.borrow() != Phase::Starting
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
    stop(shared, &STOP_ORDER).await
}

async fn stop(shared: &Shared, order: &[(&[&str], Duration)]) -> TeardownReport {
    let mut report = TeardownReport::default();
    for (names, grace) in order {
        let (stopped, killed) = shared.registry.stop(names, *grace).await;
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

impl Shared {
    pub(crate) fn phase(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    fn set_phase(&self, phase: Phase) {
        self.phase.send_replace(phase);
        self.save_status();
    }

    fn fail(&self, failure: Failure) {
        self.failure.send_replace(Some(failure));
        self.set_phase(Phase::Failed);
    }

    fn start_timed_out(&self) -> LocalError {
        let steps = self.steps.timings();
        let last = steps.iter().map(|timing| timing.step.as_str()).collect::<Vec<_>>().join(", ");
        LocalError::StartTimeout {
            name: self.config.name.clone(),
            waited_ms: u64::try_from(self.config.start_timeout.as_millis()).unwrap_or(u64::MAX),
            last: format!(
                "finished steps: {last}; supervisor: {}",
                log_tail(&self.state.log("supervisor"), 1).join("")
            ),
            logs: self.state.logs(),
        }
    }

    fn set_running(&self, running: &InProcess) {
        let endpoints = [
            ("kubernetes", running.layout.api_url()),
            ("git", running.git.url.clone()),
            ("arm", running.azure.arm_url()),
            ("identity", running.azure.identity_url()),
            ("azure-control", running.azure.control_url()),
            // These two answer once somebody has asked for them.
            ("flux-receiver", format!("http://{}", running.layout.ports.address(flux_processes::RECEIVER))),
            ("image-registry", running.layout.ports.address(image_registry::NAME)),
        ];
        let facts = Running {
            endpoints: endpoints.into_iter().map(|(name, url)| (name.to_owned(), url)).collect(),
            versions: [("kubernetes".to_owned(), running.kubernetes_version.clone())].into(),
        };
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(facts);
    }

    /// Waits until a component answers its readiness probe.
    pub(crate) async fn wait_until_ready(&self, component: &str) -> Result<(), LocalError> {
        self.registry.known(component)?;
        match self.probes.get() {
            Some((layout, probes)) => probes.ready(&self.registry, layout, component, READY_LIMIT).await,
            None => Err(LocalError::NotReady {
                component: component.to_owned(),
                waited_ms: 0,
                last: "the cluster is not up".to_owned(),
                log_tail: String::new(),
            }),
        }
    }

    /// Waits until the NAP controller is told this version of the control plane.
    pub(crate) async fn wait_until_told(&self, version: &str) -> Result<(), String> {
        match self.told_version.get() {
            Some(told) => wait_until_told(told.clone(), version, TELL_LIMIT).await,
            None => Err("the cluster is not up".to_owned()),
        }
    }

    /// Starts what a capability needs and waits until it is ready.
    pub(crate) async fn provide(&self, capability: Capability) -> Result<(), String> {
        let Some(on_demand) = self.on_demand.get() else { return Err("the cluster is not up".to_owned()) };
        on_demand.start(capability).await.map_err(|error| error.to_string())
    }

    /// Everything that may be told about the cluster.
    pub(crate) fn status(&self) -> Status {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let (endpoints, versions) =
            running.as_ref().map(|facts| (facts.endpoints.clone(), facts.versions.clone())).unwrap_or_default();
        let pid = std::process::id();
        Status {
            name: self.config.name.clone(),
            phase: *self.phase.borrow(),
            supervisor: ProcessRef::of(pid).unwrap_or(ProcessRef { pid, start_ticks: 0 }),
            started_at: self.started_at,
            state_dir: self.state.root().to_owned(),
            endpoints,
            components: self.registry.status(),
            versions,
            timings: self.steps.timings(),
            failure: self.failure.borrow().clone(),
        }
    }

    /// CPU time and memory of every process, this one included.
    pub(crate) fn usage(&self) -> Vec<ComponentUsage> {
        let mut all = self.registry.usage();
        all.extend(usage::read("supervisor", std::process::id()));
        all
    }

    fn save_status(&self) {
        let saved = serde_json::to_vec_pretty(&self.status())
            .map_err(|error| error.to_string())
            .and_then(|text| write_private(&self.state.cluster_file(), text).map_err(|error| error.to_string()));
        if let Err(error) = saved {
            tracing::warn!(error, "cannot write cluster.json");
        }
    }
}
