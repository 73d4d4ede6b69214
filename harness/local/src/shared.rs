//! What the supervisor and its control socket share.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use harness_catalogue::{Component, Port};
use harness_components::control::{ComponentUsage, Failure, Phase, ProcessRef, Status, TeardownReport, read_usage};
use harness_gitops::git::GitFaultSwitch;
use harness_metrics::Metrics;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};

use super::config::LocalConfig;
use super::error::LocalError;
use super::kubernetes_version::{Announced, wait_until_announced};
use super::layout::Layout;
use super::on_demand::OnDemand;
use super::probes::Probes;
use super::process::{Spawner, log_tail};
use super::registry::Registry;
use super::start::InProcess;
use super::state_dir::{StateDir, write_private};
use super::step_timings::StepTimings;

/// How long the NAP controller may take to be started with another version of the control plane.
pub(crate) const ANNOUNCE_LIMIT: Duration = Duration::from_secs(20);
/// How long a component that was started again may take to be ready.
pub(crate) const READY_LIMIT: Duration = Duration::from_secs(60);
/// What the control socket and the supervisor share.
pub(crate) struct Shared {
    pub(crate) config: LocalConfig,
    pub(crate) state: StateDir,
    pub(crate) registry: Registry,
    pub(crate) steps: StepTimings,
    pub(crate) metrics: Arc<Metrics>,
    started_at: Timestamp,
    pub(crate) phase: watch::Sender<Phase>,
    pub(crate) failure: watch::Sender<Option<Failure>>,
    running: Mutex<Option<Running>>,
    /// Set once the cluster is up.
    pub(crate) announced_version: OnceLock<watch::Receiver<Announced>>,
    /// Set once the cluster is up.
    pub(crate) probes: OnceLock<(Layout, Probes)>,
    pub(crate) on_demand: OnceLock<OnDemand>,
    /// Set once the cluster is up.
    pub(crate) git_faults: OnceLock<GitFaultSwitch>,
    pub(crate) shutdown: mpsc::Sender<oneshot::Sender<TeardownReport>>,
}

/// Facts about what runs in this process, for the status.
struct Running {
    endpoints: std::collections::BTreeMap<String, String>,
    versions: std::collections::BTreeMap<String, String>,
}

impl Shared {
    pub(crate) fn new(
        config: LocalConfig,
        state: StateDir,
        spawner: Spawner,
        shutdown: mpsc::Sender<oneshot::Sender<TeardownReport>>,
    ) -> Self {
        Self {
            registry: Registry::new(spawner),
            steps: StepTimings::new(),
            metrics: Arc::default(),
            started_at: Timestamp::now(),
            phase: watch::channel(Phase::Starting).0,
            failure: watch::channel(None).0,
            running: Mutex::new(None),
            announced_version: OnceLock::new(),
            probes: OnceLock::new(),
            on_demand: OnceLock::new(),
            git_faults: OnceLock::new(),
            shutdown,
            config,
            state,
        }
    }

    pub(crate) fn phase(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    pub(crate) fn set_phase(&self, phase: Phase) {
        self.phase.send_replace(phase);
        self.save_status();
    }

    pub(crate) fn fail(&self, failure: Failure) {
        self.failure.send_replace(Some(failure));
        self.set_phase(Phase::Failed);
    }

    pub(crate) fn start_timed_out(&self) -> LocalError {
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

    pub(crate) fn set_running(&self, running: &InProcess) {
        let ports = &running.layout.ports;
        let endpoints = [
            ("kubernetes", running.layout.api_url()),
            ("git", running.git.url.clone()),
            ("arm", running.azure.arm_url()),
            ("identity", running.azure.identity_url()),
            ("azure-control", running.azure.control_url()),
            // These two answer once a run has needed them.
            ("flux-receiver", format!("http://{}", ports.address(Component::NotificationController, Port::Receiver))),
            ("image-registry", ports.address(Component::ImageRegistry, Port::Main)),
        ];
        let facts = Running {
            endpoints: endpoints.into_iter().map(|(name, url)| (name.to_owned(), url)).collect(),
            versions: [("kubernetes".to_owned(), running.kubernetes_version.clone())].into(),
        };
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(facts);
    }

    /// Waits until a component answers its readiness probe.
    pub(crate) async fn wait_until_ready(&self, component: Component) -> Result<(), LocalError> {
        self.registry.knows(component)?;
        let (layout, probes) = self.probes.get().ok_or(LocalError::NotUp)?;
        probes.ready(&self.registry, layout, component, READY_LIMIT).await
    }

    /// Waits until the NAP controller has been given this version of the control plane.
    pub(crate) async fn wait_until_announced(&self, version: &str) -> Result<(), LocalError> {
        let announced = self.announced_version.get().ok_or(LocalError::NotUp)?;
        wait_until_announced(announced.clone(), version, ANNOUNCE_LIMIT).await
    }

    /// Starts a component that runs on demand, and waits until it is ready.
    pub(crate) async fn start_on_demand(&self, component: Component) -> Result<(), LocalError> {
        self.on_demand.get().ok_or(LocalError::NotUp)?.start(component).await
    }

    /// The state of the cluster; holds no secret.
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
        all.extend(read_usage("supervisor", std::process::id()));
        all
    }

    pub(crate) fn save_status(&self) {
        let saved = serde_json::to_vec_pretty(&self.status())
            .map_err(|error| error.to_string())
            .and_then(|text| write_private(&self.state.cluster_file(), text).map_err(|error| error.to_string()));
        if let Err(error) = saved {
            tracing::warn!(error, "cannot write cluster.json");
        }
    }
}
