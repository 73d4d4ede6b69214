//! What the supervisor and its control socket share.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use harness_components::control::{ComponentUsage, Failure, Phase, ProcessRef, Status, TeardownReport, read_usage};
use harness_gitops::git::GitFaultSwitch;
use harness_metrics::Metrics;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};

use super::config::LocalConfig;
use super::error::LocalError;
use super::kubernetes_version::Announced;
use super::on_demand::OnDemand;
use super::process::{Spawner, log_tail};
use super::registry::Registry;
use super::state_dir::{StateDir, write_private};
use super::step_timings::StepTimings;

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
    /// Set once the cluster is up.
    pub(crate) up: OnceLock<Up>,
    pub(crate) shutdown: mpsc::Sender<oneshot::Sender<TeardownReport>>,
}

/// What a cluster has from the moment that it is up.
pub(crate) struct Up {
    /// Addresses by name.
    pub(crate) endpoints: BTreeMap<String, String>,
    /// The version in the API server's `/version`.
    pub(crate) kubernetes_version: String,
    pub(crate) announced_version: watch::Receiver<Announced>,
    pub(crate) on_demand: OnDemand,
    pub(crate) git_fault: GitFaultSwitch,
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
            up: OnceLock::new(),
            shutdown,
            config,
            state,
        }
    }

    /// What only a cluster that is up has.
    pub(crate) fn up(&self) -> Result<&Up, LocalError> {
        self.up.get().ok_or(LocalError::NotUp)
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
            waited_ms: self.config.start_timeout.as_millis() as u64,
            last: format!(
                "finished steps: {last}; supervisor: {}",
                log_tail(&self.state.log("supervisor"), 1).join("")
            ),
            logs: self.state.logs(),
        }
    }

    /// The state of the cluster; holds no secret.
    pub(crate) fn status(&self) -> Status {
        let up = self.up.get();
        let pid = std::process::id();
        Status {
            name: self.config.name.clone(),
            phase: *self.phase.borrow(),
            supervisor: ProcessRef::of(pid).unwrap_or(ProcessRef { pid, start_ticks: 0 }),
            started_at: self.started_at,
            state_dir: self.state.root().to_owned(),
            endpoints: up.map(|up| up.endpoints.clone()).unwrap_or_default(),
            components: self.registry.status(),
            versions: up.map(|up| ("kubernetes".to_owned(), up.kubernetes_version.clone())).into_iter().collect(),
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
