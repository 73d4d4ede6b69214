//! One line of `events.jsonl` is one [`Event`] of a closed, versioned set.
//!
//! Times are microseconds of one monotonic clock since the run began (`at_us`). Wall time is for people and appears in
//! the header; server stamps have a resolution of one second and are kept beside ours as a cross-check, never mixed in.

mod azure;
mod daemon_sets;
mod inventory;

use std::collections::{BTreeMap, BTreeSet};

use harness_plan::{Capability, Limits};
use harness_simulation::Simulated;
use harness_units::Amount;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use azure::{Account, AzureFact, AzureFactKind, Ledger, QuotaSet};
pub use daemon_sets::DaemonSetRequests;
pub use inventory::{Inventory, InventoryMoment, InventoryObject, InventoryVm, OfOthers};

/// The major version of the log's format. Each version that was ever written has a reader of its own (`log/v1.rs`, `log/v2.rs`); a version that this
/// harness does not know is refused.
pub const LOG_VERSION: u32 = 2;

/// The minor version: it grows when kinds of events, milestones, facts, fields or attributes are added that change nothing of the meaning
/// of what was there before. In a log of a newer minor version a reader skips what it does not know, and says so.
pub const LOG_MINOR: u32 = 4;

/// Something that happened, and when it was seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Microseconds since the run began, monotonic. For observations: the watch handler's first act.
    #[serde(rename = "t")]
    pub at_us: u64,
    /// What happened.
    #[serde(rename = "e")]
    pub kind: EventKind,
}

/// The closed set of events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The first line of every log.
    RunStarted(RunStarted),
    /// A phase began. `prepare` (tree pushed, Flux healthy) and `cleanup` are phases too, around those of the plan.
    PhaseBegan {
        /// The phase's name.
        phase: String,
    },
    /// A phase ended.
    PhaseEnded {
        /// The phase's name.
        phase: String,
        /// How.
        outcome: PhaseOutcome,
        /// What was still missing, where the condition was not reached.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        detail: String,
    },
    /// An action, with its stamps.
    Action(ActionStamps),
    /// An object reached a milestone.
    Milestone(Milestone),
    /// A fact from the simulated Azure.
    Azure(AzureFact),
    /// A Kubernetes Event of a controller about an object: the controller's own reason.
    Reason(Reason),
    /// The value of a field of an object that the scenario names: the first that is seen, and each that differs from the one before.
    Field(FieldValue),
    /// The self-audit of the harness.
    Audit(Audit),
    /// CPU and memory of the processes, cumulative since each started.
    Usage {
        /// One for each process.
        processes: Vec<ProcessUsage>,
    },
    /// Something that should not be there after cleanup.
    Leak {
        /// `Node`, `NodeClaim`, `NodePool`, `VirtualMachine`, `Namespace`, `Process`, or that of an object that the scenario names.
        kind: String,
        /// Its name.
        name: String,
    },
    /// The last line of a log whose run was not killed.
    RunEnded {
        /// Why it ended.
        reason: EndReason,
        /// Details, where the reason is not `completed`.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        detail: String,
    },
    /// The run's webhook received a notification.
    Notified(Notification),
    /// The watches have shown what a planned action set in motion, or it is not waited for any more. Since minor version 1.
    Effect(ActionEffect),
    /// What a NodePool asks for from now on: when it is first seen, and whenever it changes. Since minor version 1.
    NodePool(NodePoolSpec),
    /// The simulated Azure's own sums over the run's VMs, after the last of its facts. Since minor version 1.
    Ledger(Ledger),
    /// What the preparation waits for; each time that changes.
    Awaited {
        /// It, for people.
        what: String,
    },
    /// Something of an earlier run, or of somebody else, that was on the target before this run.
    Found(Found),
    /// What is on the target and is not the run's: before the first action and after cleanup. Since minor version 3.
    Inventory(Inventory),
    /// What became of something that is not the run's. Since minor version 3.
    Others(OfOthers),
    /// What runs on every node whatever is deployed, before the first action. Since minor version 4.
    DaemonSets {
        /// Those in `kube-system`.
        all: Vec<DaemonSetRequests>,
    },
}

/// Something that a run found on its target before it started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// What it is.
    pub kind: FoundKind,
    /// Which one: the name of a fault, a component or an object; empty where there is only one of the kind.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Whether it was undone. Otherwise the run has met it.
    pub is_restored: bool,
}

/// What a run can find on its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FoundKind {
    /// The Lease of a run that has ended without giving it back.
    DeadRun,
    /// A component that was not running.
    StoppedComponent,
    /// A fault of the simulated Azure.
    AzureFault,
    /// Prices that an earlier run had set. Since minor version 3.
    AzurePrices,
    /// Another behaviour of the simulated Azure than before that run.
    AzureBehaviour,
    /// A fault of the Git server.
    GitFault,
    /// A Flux object that was suspended.
    SuspendedFlux,
    /// Another version of the control plane.
    KubernetesVersion,
    /// The tree of an earlier run in the repository.
    GitTree,
    /// An object of an earlier run, with its kind.
    Object,
    /// What the NAP controller remembers of shortages; the name is that of the run which may have caused them.
    Shortages,
}

/// What a reader of the log must know before anything else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunStarted {
    /// [`LOG_VERSION`] when it was written.
    pub version: u32,
    /// [`LOG_MINOR`] when it was written; 0 is not written.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub minor: u32,
    /// The version of the harness.
    pub harness: String,
    /// The run's id: sortable by time, unique.
    pub run_id: String,
    /// The scenario's name.
    pub scenario: String,
    /// `local`, `kubeconfig`, `kind`, `k3s`, `aks`.
    pub target: String,
    /// The seed.
    pub seed: u64,
    /// Wall time of `at_us` 0.
    pub started_at: Timestamp,
    /// The command that repeats the run.
    pub command: String,
    /// What was simulated.
    pub simulated: BTreeSet<Simulated>,
    /// What the target offered.
    pub capabilities: BTreeSet<Capability>,
    /// Versions of the target's parts (`kubernetes`, `karpenter`, ...).
    pub versions: BTreeMap<String, String>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// How a phase ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhaseOutcome {
    /// Its condition was reached.
    Reached,
    /// Its time was held.
    Held,
    /// Its deadline passed first.
    DeadlinePassed,
    /// The run was interrupted or failed in it.
    Cancelled,
}

/// Why a run ended. Ordered: the larger one wins when two happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// Every phase ended, whatever its outcome.
    Completed,
    /// What the scenario needs is not there; nothing was done.
    NotRun,
    /// The target or a component failed.
    TargetFailed,
    /// A person or a pipeline stopped it.
    Interrupted,
}

/// An action and its stamps, each in microseconds since the run began; absent ones did not happen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActionStamps {
    /// What was done.
    pub what: ActionKind,
    /// The phase it belongs to.
    pub phase: String,
    /// When it was due.
    pub intended_us: u64,
    /// When the request was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_us: Option<u64>,
    /// When the API answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acked_us: Option<u64>,
    /// Why it failed, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What was done: an action of the plan, by its id, or something that the plan does not list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionKind {
    /// The planned action of this id.
    Planned(u32),
    /// A commit was pushed.
    Push {
        /// The planned action's id; `None` for the first push of the tree and for those of Flux's image automation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<u32>,
        /// The commit's SHA-1, 40 hexadecimal digits.
        revision: String,
    },
    /// A Flux Receiver was called, as a Git host does after a push.
    ReceiverCall {
        /// The Receiver's name.
        receiver: String,
    },
}

impl ActionKind {
    /// The planned action's id.
    pub fn id(&self) -> Option<u32> {
        match self {
            Self::Planned(id) => Some(*id),
            Self::Push { id, .. } => *id,
            Self::ReceiverCall { .. } => None,
        }
    }
}

/// What became of the effect of a planned action: a pod that is deleted, a commit that Flux applies, NodeClaims that drift.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionEffect {
    /// The planned action's id.
    pub action: u32,
    /// What became of it.
    pub outcome: EffectOutcome,
}

/// What became of an action's effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectOutcome {
    /// The watches have shown it.
    Observed,
    /// It is known not to come: Flux failed at the commit, or another took its place.
    NeverComes,
    /// It was not seen within its limit or its phase; conditions no longer wait for it.
    NotSeen,
}

/// The value of a field of an object that the scenario names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldValue {
    /// The object, by its name in the scenario.
    pub object: String,
    /// What of it: `spec.replicas`, `exists`, `owners:spec.replicas`.
    pub path: String,
    /// The value; absent where the field is. A value of more than 4 KiB is replaced by its hash:
    /// `sha256:... (5120 bytes)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<serde_json::Value>,
    /// The object's UID; empty where the object does not exist.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// Whether the change itself was seen. Every value is reported again after the watch was interrupted.
    #[serde(default, skip_serializing_if = "Seen::is_live")]
    pub seen: Seen,
}

/// What a NodePool asks for, as far as a verdict may depend on it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NodePoolSpec {
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// Whether the change itself was seen.
    #[serde(default, skip_serializing_if = "Seen::is_live")]
    pub seen: Seen,
    /// `spec.limits`.
    #[serde(default)]
    pub limits: Limits,
    /// `spec.weight`; 0 where none is set.
    #[serde(default)]
    pub weight: u32,
    /// The labels of its Nodes: `spec.template.metadata.labels`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The taints of its Nodes, `spec.template.spec.taints`, as `key=value:Effect`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub taints: BTreeSet<String>,
    /// `spec.disruption.budgets`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub budgets: Vec<DisruptionBudget>,
}

/// How many nodes of a NodePool may be disrupted at the same time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DisruptionBudget {
    /// That many, or that part of them.
    pub nodes: Amount,
    /// For these reasons; for all where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// When it starts to hold, as a cron expression in UTC; always where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub schedule: String,
    /// For how long from then on, as Go writes durations.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub duration: String,
}

/// An object reached a milestone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Milestone {
    /// Which object. Equality is by UID.
    pub object: ObjectKey,
    /// What it reached.
    pub reached: Reached,
    /// Whether the transition itself was seen.
    #[serde(default, skip_serializing_if = "Seen::is_live")]
    pub seen: Seen,
    /// The server's own stamp for it, resolution one second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<Timestamp>,
    /// What became known of the object with it: any of the keys of [`attribute`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

/// The keys of [`Milestone::attributes`].
pub mod attribute {
    /// Of a pod: its workload.
    pub const WORKLOAD: &str = "workload";
    /// Of a bound pod and of a NodeClaim: the Node's name.
    pub const NODE: &str = "node";
    /// Of a Node: the NodeClaim's name, where known.
    pub const NODECLAIM: &str = "nodeclaim";
    /// Of a NodeClaim and a Node: the NodePool.
    pub const NODEPOOL: &str = "nodepool";
    /// Of a NodeClaim and a Node: the VM size.
    pub const INSTANCE_TYPE: &str = "instance-type";
    /// Of a NodeClaim and a Node: `spot` or `on-demand`.
    pub const CAPACITY_TYPE: &str = "capacity-type";
    /// Of a NodeClaim and a Node: the zone, such as `eastus-2`.
    pub const ZONE: &str = "zone";
    /// Of a disrupted NodeClaim, and of a GitRepository or Kustomization that failed or waits: the reason.
    pub const REASON: &str = "reason";
    /// Of a GitRepository or Kustomization: the revision that the milestone is about, such as `main@sha1:...`.
    pub const REVISION: &str = "revision";
    /// Of a GitRepository or Kustomization that failed or waits: its own words, cut to 500 characters.
    pub const SAYS: &str = "says";
    /// Of a NodeClaim and a Node: capacity in thousandths of a core.
    pub const CPU_MILLICORES: &str = "cpu-millicores";
    /// Of a NodeClaim and a Node: capacity in bytes.
    pub const MEMORY_BYTES: &str = "memory-bytes";
    /// Of a Node: what it offers to pods, in thousandths of a core. Since minor version 4.
    pub const ALLOCATABLE_CPU_MILLICORES: &str = "allocatable-cpu-millicores";
    /// Of a Node: what it offers to pods, in bytes. Since minor version 4.
    pub const ALLOCATABLE_MEMORY_BYTES: &str = "allocatable-memory-bytes";
    /// Of a NodeClaim: the NodePool's template that it was made from, annotation `karpenter.sh/nodepool-hash`.
    pub const NODEPOOL_HASH: &str = "nodepool-hash";
    /// Of a NodeClaim: the AKSNodeClass that it was made from, annotation `karpenter.azure.com/aksnodeclass-hash`.
    pub const NODECLASS_HASH: &str = "nodeclass-hash";
    /// Of a NodeClaim: the node image, `status.imageID`.
    pub const IMAGE: &str = "image";
    /// Of a Node: `status.nodeInfo.kubeletVersion`, such as `v1.34.2`.
    pub const KUBELET_VERSION: &str = "kubelet-version";
}

/// Names an object for ever: a new object of the same name has another UID.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectKey {
    /// Its kind.
    pub kind: ObjectKind,
    /// Its namespace; empty for cluster-scoped objects.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
}

/// The kinds of objects that are observed. As text they are spelled as Kubernetes does.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
pub enum ObjectKind {
    /// A pod of the run.
    Pod,
    /// A Karpenter NodeClaim.
    NodeClaim,
    /// A Node.
    Node,
    /// A Karpenter NodePool.
    NodePool,
    /// A Flux GitRepository.
    GitRepository,
    /// A Flux Kustomization.
    Kustomization,
}

/// The milestones, over all kinds of objects. For each object the first reach counts; `NotReady` and `Ready`, and
/// `Spared` and `Disrupted`, may be reached again and are then kept as transitions. Flux's objects reach theirs once for each revision, and again
/// when an earlier revision returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "kebab-case")]
pub enum Reached {
    /// First seen.
    Created,
    /// Pod: condition PodScheduled is False with reason Unschedulable.
    Unschedulable,
    /// Pod: bound to a node.
    Scheduled,
    /// NodeClaim: condition Launched is True.
    Launched,
    /// NodeClaim: condition Registered is True.
    Registered,
    /// NodeClaim: condition Initialized is True.
    Initialized,
    /// Pod, Node, NodePool, Kustomization: condition Ready is True.
    Ready,
    /// Pod, Node, NodePool, Kustomization: condition Ready was True and is not any more.
    NotReady,
    /// NodeClaim: condition Drifted is True.
    Drifted,
    /// NodeClaim: chosen for disruption (condition DisruptionReason). May be reached again after [`Self::Spared`].
    Disrupted,
    /// NodeClaim: was chosen for disruption and is not any more, because its replacement failed.
    Spared,
    /// GitRepository: an artifact of the revision is stored.
    Fetched,
    /// Kustomization: the revision was applied.
    Applied,
    /// Kustomization: the revision was applied and its health checks passed.
    Healthy,
    /// Has a deletion timestamp.
    Deleting,
    /// Gone.
    Deleted,
    /// GitRepository: its source cannot be fetched. Kustomization: it failed at the revision. With the reason; reported again when it
    /// fails for another reason, at another revision, or after a success.
    Failed,
    /// Kustomization: one that it depends on is not ready, so that the revision is not tried.
    Waiting,
}

/// How a milestone came to be known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// In a live watch event: the stamp is the moment of the transition, as seen from here.
    #[default]
    Live,
    /// In a list, at the start or after a reconnect: the moment of the transition is unknown. Censored for latencies that need it.
    Listed,
    /// Missing from a list after a reconnect: deleted at an unknown moment.
    Inferred,
}

impl Seen {
    fn is_live(&self) -> bool {
        *self == Self::Live
    }
}

/// A Kubernetes Event, as far as it explains a verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// The kind of the object that it is about (`NodeClaim`, `NodePool`, `Pod`, `Kustomization`).
    pub kind: String,
    /// Its name.
    pub name: String,
    /// `InsufficientCapacityError`, `FailedScheduling`, ...
    pub reason: String,
    /// The controller's message, cut to 1,000 characters.
    pub message: String,
    /// `Normal` or `Warning`.
    pub severity: String,
}

/// A notification as Flux's generic Provider sends it (`Event` in fluxcd/pkg `apis/event/v1beta1`). Of one of another form only the path and
/// the message are known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Notification {
    /// The path that it was sent to, such as `/errors`.
    pub path: String,
    /// The kind of the object that it is about.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Its namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Its name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// `info` or `error`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub severity: String,
    /// `ReconciliationSucceeded`, `BuildFailed`, ...
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The controller's message, or the whole body of one that is not a Flux event; cut to 1,000 characters.
    pub message: String,
    /// The revision that it names, such as `main@sha1:...`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub revision: String,
    /// The controller that it is from.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub controller: String,
}

/// The harness's own doings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audit {
    /// Watch lag: from an event read off the socket to its stamp. One line holds many samples, in microseconds.
    WatchLag {
        /// Samples since the last such line.
        lag_us: Vec<u64>,
    },
    /// A watch was interrupted and listed again.
    WatchRestarted {
        /// Which.
        watch: String,
        /// Why.
        error: String,
    },
    /// A bounded queue was full; observations were lost.
    QueueOverflow {
        /// Which queue.
        queue: String,
        /// How many were lost since the last such line.
        lost: u64,
    },
    /// Requests that the harness itself sent, cumulative.
    Requests {
        /// To the API server, watches excepted.
        sent: u64,
    },
}

/// CPU and memory of one process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProcessUsage {
    /// `harness`, `supervisor`, `kube-apiserver`, ...
    pub name: String,
    /// User and system time in milliseconds, cumulative.
    pub cpu_ms: u64,
    /// Resident memory in bytes, now.
    pub rss_bytes: u64,
    /// The most that it was.
    pub rss_max_bytes: u64,
}
