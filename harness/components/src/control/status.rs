//! The status of a local cluster, as its supervisor reports it; also the content of `cluster.json`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How far a cluster is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Phase {
    /// Components are being started.
    Starting,
    /// Usable.
    Ready,
    /// A component has died, or the start failed.
    Failed,
    /// Being taken down.
    Stopping,
}

/// A cluster as its supervisor sees it. Holds no secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// The cluster's name.
    pub name: String,
    /// How far it is.
    pub phase: Phase,
    /// The supervisor.
    pub supervisor: ProcessRef,
    /// When the supervisor started.
    pub started_at: Timestamp,
    /// The cluster's folder.
    pub state_dir: PathBuf,
    /// The address of each endpoint: `kubernetes`, `git`, `arm`, `identity`, `azure-control`.
    pub endpoints: BTreeMap<String, String>,
    /// What each component is and does, in the order of their start.
    pub components: Vec<ComponentStatus>,
    /// The name and version of what runs, as far as a component reports it.
    pub versions: BTreeMap<String, String>,
    /// How long each step of the start took.
    pub timings: Vec<StepTiming>,
    /// Why it failed.
    pub failure: Option<Failure>,
}

/// One process, named so that a reused process id is not taken for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessRef {
    /// The process id.
    pub pid: u32,
    /// When it started, in clock ticks since boot (proc(5), field 22).
    pub start_ticks: u64,
}

impl ProcessRef {
    /// The process with that id as it is now; `None` when there is none.
    pub fn of(pid: u32) -> Option<Self> {
        Some(Self { pid, start_ticks: super::usage::start_ticks(pid)? })
    }

    /// Whether it still runs.
    pub fn alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }
}

/// One component.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ComponentStatus {
    /// Its name, also of its log.
    pub name: String,
    /// Its process while it runs.
    pub process: Option<ProcessRef>,
    /// How often it was started again.
    pub restarts: u32,
    /// How its last process ended, when that has.
    pub last_exit: Option<String>,
}

/// One step of the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTiming {
    /// What was done.
    pub step: String,
    /// Its start, in milliseconds after the supervisor's start.
    pub from_ms: u64,
    /// Its end, in milliseconds after the supervisor's start.
    pub to_ms: u64,
}

/// Why a cluster cannot be used any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The component, or `supervisor` when the supervisor itself has ended, or `start` when a step of the start failed.
    pub component: String,
    /// What happened, in one line: the exit status, or the failed step.
    pub reason: String,
    /// The component's last log lines, oldest first, at most 20.
    pub log_tail: Vec<String>,
    /// When it was noticed.
    pub at: Timestamp,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.component, self.reason)?;
        for line in &self.log_tail {
            write!(f, "\n  {line}")?;
        }
        Ok(())
    }
}

/// What a teardown did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeardownReport {
    /// Components that ended when asked to.
    pub stopped: Vec<String>,
    /// Components that had to be killed.
    pub killed: Vec<String>,
    /// What is still there: processes and folders, in words. Empty unless something went wrong.
    pub left: Vec<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}
