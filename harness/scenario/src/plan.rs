//! The plan: a scenario with everything decided, as data.
//!
//! A plan holds no expression, no default and no chance: what it says is what is done. It is written to `plan.json` in the
//! run's folder, printed by `harness plan`, and is the same byte for byte for the same scenario, parameters, node
//! configuration and seed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{Bytes, Capability, Millicores, Span};

/// The version of `plan.json`. A reader refuses a plan with another one.
pub const PLAN_VERSION: u32 = 1;

/// A scenario, fully expanded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// [`PLAN_VERSION`] when it was written.
    pub version: u32,
    /// The scenario's name.
    pub scenario: String,
    /// The question that the scenario answers.
    pub question: String,
    /// The profile whose parameter values were taken.
    pub profile: Profile,
    /// The seed of every draw: arrivals here, the simulated Azure there.
    pub seed: u64,
    /// The parameters' values after profile and `--set`, as text.
    pub parameters: BTreeMap<String, String>,
    /// What the target must offer.
    pub needs: BTreeSet<Capability>,
    /// How the simulated Azure behaves from the start.
    pub azure: AzureBehaviour,
    /// The node configuration that is applied first.
    pub node_config: NodeConfig,
    /// What is deployed, one for each class that can be tested.
    pub workloads: Vec<Workload>,
    /// What is done, in order.
    pub phases: Vec<Phase>,
    /// What must hold in the end.
    pub expectations: Vec<Expectation>,
    /// What of the scenario this tree has no place for, a sentence each; reports repeat them.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// The size of a run.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// The smallest run that still exercises every path; for every commit.
    Smoke,
    /// A run of a few minutes on 2 cores; for every pull request.
    #[default]
    Default,
    /// As large and as slow as the question deserves.
    Full,
}

impl Profile {
    /// The name as given to `--profile`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Smoke => "smoke",
            Self::Default => "default",
            Self::Full => "full",
        }
    }
}

impl std::fmt::Display for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How the simulated Azure behaves. Ignored by targets with a real one, which the report says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AzureBehaviour {
    /// From the accepted PUT of a machine to its Node being Ready.
    pub boot: Option<Distribution>,
    /// From the accepted delete of a machine to its VM being gone.
    pub delete: Option<Distribution>,
    /// Cores of quota by family (`F`), by `regional` and by `spot`; what is not named is ample.
    pub quota_cores: BTreeMap<String, u32>,
    /// Faults that are there from the start.
    pub faults: Vec<AzureFault>,
}

/// A distribution of durations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Distribution {
    /// Always the same.
    Constant(Span),
    /// Lognormal, given by two of its percentiles.
    Lognormal {
        /// The 50th percentile.
        median: Span,
        /// The 95th percentile; larger than the median.
        p95: Span,
    },
    /// Measured values, drawn with replacement.
    Samples(Vec<Span>),
}

/// Something that goes wrong in Azure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum AzureFault {
    /// Azure has no VM of this kind: `AllocationFailed`, `ZonalAllocationFailed` or `SkuNotAvailable`.
    NoCapacity(NoCapacity),
    /// Resource Manager answers 429 with Retry-After.
    Throttle(Throttle),
    /// VMs are created and never join the cluster.
    NeverRegister(Share),
    /// Boots take longer by this factor.
    SlowBoot {
        /// At least 1.
        factor: f64,
    },
    /// Creations fail with this code after they were accepted.
    OperationFail {
        /// Azure's error code, such as `OperationNotAllowed`.
        code: String,
        /// Azure's message, from which the controller classifies some codes.
        #[serde(default)]
        message: String,
        /// Which part of the creations, from 0 to 1.
        #[serde(default = "whole")]
        share: f64,
    },
    /// Resource Manager does not answer for this long.
    ArmOutage {
        /// From the moment that the fault is set.
        #[serde(rename = "for")]
        duration: Span,
    },
    /// Spot VMs are taken back.
    SpotEvict {
        /// Which part of the running spot VMs, from 0 to 1.
        #[serde(default = "whole")]
        share: f64,
        /// Warning before the VM is gone; Azure gives at most 30 s.
        #[serde(default)]
        notice: Span,
    },
    /// Running VMs stop: their Nodes turn NotReady.
    VmCrash {
        /// How many.
        #[serde(default = "one")]
        count: u32,
    },
}

fn whole() -> f64 {
    1.0
}

fn one() -> u32 {
    1
}

/// Which VMs Azure does not have; what is not named is not restricted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct NoCapacity {
    /// The zone's number, such as `2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// The family's letter, such as `F`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// The size, such as `Standard_F4s_v2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// `spot` or `on-demand`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity_type: Option<String>,
}

/// Which calls are throttled; with nothing given, all of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Throttle {
    /// Which part of the calls, from 0 to 1 (default: all).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// For how long.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub duration: Option<Span>,
    /// What Retry-After says (default 5s).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Span>,
}

/// A part of the creations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Share {
    /// From 0 to 1.
    #[serde(default = "whole")]
    pub share: f64,
    /// Only this family's letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
}

/// The node configuration, read from the tree that is applied.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeConfig {
    /// How the tree was named, such as `node-config` or the given path.
    pub source: String,
    /// SHA-256 over the tree's paths and contents, hexadecimal.
    pub sha256: String,
    /// One for each NodePool of the tree, in the order of their names.
    pub classes: Vec<NodeClass>,
}

/// A node class: one NodePool of the tree.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeClass {
    /// The NodePool's name.
    pub name: String,
    /// The AKSNodeClass that it refers to.
    pub node_class: String,
    /// Karpenter's weight; the heavier pool is tried first. 0 where none is set.
    pub weight: u32,
    /// The limits of the pool.
    pub limits: Limits,
    /// Where the NodePool stands: `path:line:column`, relative to the tree.
    pub at: String,
    /// Why no workload can be aimed at this pool; `None` where one can.
    pub untestable: Option<String>,
    /// Why the pods are aimed at the pool by the node selector that they have.
    #[serde(default)]
    pub aimed_by: String,
}

/// The limits of a NodePool; `None` is unlimited.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// `limits.cpu`.
    pub cpu: Option<Millicores>,
    /// `limits.memory`.
    pub memory: Option<Bytes>,
    /// `limits.nodes`.
    pub nodes: Option<u64>,
}

/// A Deployment of identical pods that fit one class and no other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Workload {
    /// The Deployment's name.
    pub name: String,
    /// The class (NodePool) that its pods must land on.
    pub class: String,
    /// CPU request of one pod.
    pub cpu: Millicores,
    /// Memory request of one pod.
    pub memory: Bytes,
    /// The pods' `nodeSelector`.
    pub node_selector: BTreeMap<String, String>,
    /// The pods' tolerations.
    pub tolerations: Vec<Toleration>,
    /// The most replicas that any phase asks for.
    pub replicas_peak: u32,
}

/// A toleration as Kubernetes writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Toleration {
    /// The taint's key.
    pub key: String,
    /// `Equal` or `Exists`.
    pub operator: String,
    /// The taint's value, for `Equal`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The taint's effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<String>,
}

/// One step of a run: its actions are sent at their times, then its condition is awaited or its time is held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Phase {
    /// Unique within the plan.
    pub name: String,
    /// In the order of their times.
    pub actions: Vec<PlannedAction>,
    /// The condition that ends the phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Until>,
    /// The phase's deadline, from its begin; always there when `until` is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
    /// How long the phase is held, from its begin, where it has no condition.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub hold: Option<Span>,
}

/// An action and the moment at which it is due.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedAction {
    /// Unique within the plan; events refer to it.
    pub id: u32,
    /// Intended time in microseconds after the phase's begin. The driver is an open loop: it does not wait for
    /// earlier actions, and latencies count from here.
    pub at_us: u64,
    /// What is done.
    pub action: Action,
}

/// What can be done to a cluster and its cloud.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// Set a Deployment's replicas.
    Scale {
        /// The workload's name.
        workload: String,
        /// Replicas before, by the plan.
        from: u32,
        /// Replicas after.
        to: u32,
    },
    /// Let something go wrong in the simulated Azure.
    AzureFault(AzureFault),
    /// End every fault of the simulated Azure.
    ClearAzureFaults,
    /// Send SIGKILL to a component of the local cluster.
    KillComponent {
        /// Such as `karpenter`.
        component: String,
    },
    /// Start a killed component again.
    StartComponent {
        /// Such as `karpenter`.
        component: String,
    },
}

/// The condition that ends a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Until {
    /// As many pods Ready as the plan asks for, for every workload.
    AllPodsReady,
    /// No pod of the run is left.
    NoPods,
    /// No Node, no NodeClaim and, where the target can tell, no VM is left.
    NoNodes,
}

impl Until {
    /// The condition as a scenario writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AllPodsReady => "all-pods-ready",
            Self::NoPods => "no-pods",
            Self::NoNodes => "no-nodes",
        }
    }
}

/// One thing that must hold; a line in every report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Expectation {
    /// Unique within the plan, readable: `latency pod_ready by workload p99 <= 60s`.
    pub name: String,
    /// What is checked.
    pub check: Check,
}

/// What an expectation checks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Check {
    /// The phase's condition was reached before its deadline. Every phase with a condition has one of these.
    Phase {
        /// The phase's name.
        phase: String,
    },
    /// Every pod of the workloads was bound to a node of its class, and (`exclusively`) no pod of another class was bound there.
    Placement {
        /// Workload names; never empty.
        workloads: Vec<String>,
        /// Also that nothing else landed on those nodes.
        exclusively: bool,
    },
    /// Percentiles of a latency stay below their limits, in each group.
    Latency(LatencyCheck),
    /// The resources of each pool never exceeded its limits by more than what was in flight.
    Limits {
        /// NodePool names; never empty.
        nodepools: Vec<String>,
    },
    /// The cloud's own record of VMs agrees with the cluster's NodeClaims.
    Fleet {
        /// As many VMs were booted as NodeClaims were launched.
        as_many_as_nodeclaims: bool,
        /// VMs left when the last phase ended.
        at_the_end: Option<u32>,
    },
}

/// Limits on one latency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LatencyCheck {
    /// Which latency.
    pub of: LatencyName,
    /// How its samples are grouped; `None` is one group of all.
    pub by: Option<GroupBy>,
    /// The limits, from percentile (`50`, `90`, `95`, `99`, `100` for the maximum) to duration; may be empty when `censored` is given.
    pub limits: BTreeMap<u8, Span>,
    /// The most censored samples that a group may have.
    pub censored: Option<u64>,
    /// Fewer samples than this in a group are inconclusive; at least 1.
    pub samples_min: u64,
}

/// The latencies that are measured; the definitions are in `reports/README.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LatencyName {
    /// Intended start of the pod's creation to Ready seen.
    PodReady,
    /// Acknowledged creation of the pod to Ready seen: the service time beside the response time.
    PodReadyService,
    /// Intended start of the pod's creation to bound.
    PodScheduled,
    /// First observed Unschedulable to bound.
    Capacity,
    /// NodeClaim observed to its Node Ready observed.
    NodeProvisioning,
    /// NodeClaim observed to condition Launched.
    NodeclaimLaunched,
    /// Launched to condition Registered.
    NodeclaimRegistered,
    /// Registered to condition Initialized.
    NodeclaimInitialized,
    /// NodeClaim deletion observed to Node, NodeClaim and VM gone.
    NodeTermination,
    /// Push acknowledged to artifact of that revision.
    GitopsFetched,
    /// Push acknowledged to revision applied.
    GitopsApplied,
    /// Push acknowledged to health checks passed.
    GitopsHealthy,
    /// Foreign change acknowledged to declared value seen again.
    DriftCorrected,
    /// Disruption reason observed to replacement initialized and old node gone.
    NodeReplaced,
    /// Cause acknowledged to alert firing.
    AlertFired,
    /// Cause acknowledged to notification received.
    AlertDelivered,
}

impl LatencyName {
    /// Every latency, in the order of the reports.
    pub const ALL: [Self; 16] = [
        Self::PodReady,
        Self::PodReadyService,
        Self::PodScheduled,
        Self::Capacity,
        Self::NodeProvisioning,
        Self::NodeclaimLaunched,
        Self::NodeclaimRegistered,
        Self::NodeclaimInitialized,
        Self::NodeTermination,
        Self::GitopsFetched,
        Self::GitopsApplied,
        Self::GitopsHealthy,
        Self::DriftCorrected,
        Self::NodeReplaced,
        Self::AlertFired,
        Self::AlertDelivered,
    ];

    /// The name as written in scenarios and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PodReady => "pod_ready",
            Self::PodReadyService => "pod_ready_service",
            Self::PodScheduled => "pod_scheduled",
            Self::Capacity => "capacity",
            Self::NodeProvisioning => "node_provisioning",
            Self::NodeclaimLaunched => "nodeclaim_launched",
            Self::NodeclaimRegistered => "nodeclaim_registered",
            Self::NodeclaimInitialized => "nodeclaim_initialized",
            Self::NodeTermination => "node_termination",
            Self::GitopsFetched => "gitops_fetched",
            Self::GitopsApplied => "gitops_applied",
            Self::GitopsHealthy => "gitops_healthy",
            Self::DriftCorrected => "drift_corrected",
            Self::NodeReplaced => "node_replaced",
            Self::AlertFired => "alert_fired",
            Self::AlertDelivered => "alert_delivered",
        }
    }
}

impl std::fmt::Display for LatencyName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How samples are grouped for a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GroupBy {
    /// By the pod's workload.
    Workload,
    /// By the node's pool.
    Nodepool,
    /// By the VM size.
    InstanceType,
    /// By `spot` or `on-demand`.
    CapacityType,
    /// By the node's zone.
    Zone,
}

impl GroupBy {
    /// The name as written in scenarios, and the key of a sample's label (`instance-type`).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Workload => "workload",
            Self::Nodepool => "nodepool",
            Self::InstanceType => "instance-type",
            Self::CapacityType => "capacity-type",
            Self::Zone => "zone",
        }
    }
}
