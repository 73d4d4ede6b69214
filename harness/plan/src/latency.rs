//! The latencies and how they are grouped.

use serde::{Deserialize, Serialize};

/// The latencies that are measured; the definitions are in `reports/README.md`.
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
    schemars::JsonSchema,
    strum::Display,
    strum::IntoStaticStr,
    strum::VariantArray,
    strum::VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
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
    /// NodeClaim deletion observed to the last of the run's pods on its node gone: what budgets and grace periods cost.
    NodeDrained,
    /// Push acknowledged to artifact of that revision.
    GitopsFetched,
    /// Push acknowledged to revision applied.
    GitopsApplied,
    /// Push acknowledged to health checks passed.
    GitopsHealthy,
    /// Push acknowledged to Flux saying that it failed at this revision.
    GitopsRefused,
    /// What repairs (a revert or commit after a failure, the end of a Git fault, the start of a Flux controller) acknowledged to health
    /// checks passed at the newest revision.
    GitopsRecovered,
    /// Foreign change acknowledged to declared value seen again.
    DriftCorrected,
    /// Disruption reason observed to replacement initialized and old node gone.
    NodeReplaced,
    /// Scale action's intended time to Node Ready, over the nodes of the growth: when the fleet was filled to 50, 70, 90, 100 %.
    NodeFill,
    /// Last pod of a node gone to its VM gone: what an empty node costs.
    NodeIdle,
    /// Ready pods of a workload below what was asked for, without the plan having caused it, to as many as asked for again.
    WorkloadRecovered,
    /// Load set to the first pod that the autoscaler adds or takes away.
    Autoscaled,
    /// Cause acknowledged to alert firing.
    AlertFired,
    /// Cause acknowledged to notification received.
    AlertDelivered,
}

impl LatencyName {
    /// All of them.
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The name as written in scenarios and reports.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Its start and its end, as in the table of `reports/README.md`.
    pub const fn definition(self) -> &'static str {
        match self {
            Self::PodReady => "intended start of the pod's creation, to Ready seen",
            Self::PodReadyService => "creation acknowledged, to Ready seen (service time)",
            Self::PodScheduled => "intended start of the pod's creation, to bound",
            Self::Capacity => "first observed Unschedulable, to bound",
            Self::NodeProvisioning => "NodeClaim observed, to its Node Ready observed",
            Self::NodeclaimLaunched => "NodeClaim observed, to Launched",
            Self::NodeclaimRegistered => "Launched, to Registered",
            Self::NodeclaimInitialized => "Registered, to Initialized",
            Self::NodeTermination => "NodeClaim deletion observed, to Node, NodeClaim and VM gone",
            Self::NodeDrained => "NodeClaim deletion observed, to the last of the run's pods on its node gone",
            Self::GitopsFetched => "push acknowledged, to artifact of that revision",
            Self::GitopsApplied => "push acknowledged, to revision applied",
            Self::GitopsHealthy => "push acknowledged, to health checks passed",
            Self::GitopsRefused => "push acknowledged, to Flux saying that it failed at this revision",
            Self::GitopsRecovered => "repair acknowledged, to health checks passed at the newest revision",
            Self::DriftCorrected => "foreign change acknowledged, to declared value seen again",
            Self::NodeReplaced => "disruption reason observed, to replacement initialized and old node gone",
            Self::NodeFill => "scale action's intended time, to Node Ready, over the nodes of the growth",
            Self::NodeIdle => "last pod of a node gone, to its VM gone",
            Self::WorkloadRecovered => "Ready pods below what was asked for, to as many as asked for again",
            Self::Autoscaled => "load set, to the first pod that the autoscaler adds or takes away",
            Self::AlertFired => "cause acknowledged, to alert firing",
            Self::AlertDelivered => "cause acknowledged, to notification received",
        }
    }

    /// Whether it is measured between a push and the cluster.
    pub fn is_of_gitops(self) -> bool {
        use LatencyName::{GitopsApplied, GitopsFetched, GitopsHealthy, GitopsRecovered, GitopsRefused};
        matches!(self, GitopsFetched | GitopsApplied | GitopsHealthy | GitopsRefused | GitopsRecovered)
    }

    /// The keys by which its samples can be grouped.
    pub fn groups(self) -> &'static [GroupBy] {
        use GroupBy::{CapacityType, InstanceType, Kustomization, Nodepool, Object, Workload, Zone};
        match self {
            Self::PodReady | Self::PodReadyService | Self::PodScheduled | Self::Capacity => {
                &[Workload, Nodepool, InstanceType, CapacityType, Zone]
            }
            Self::WorkloadRecovered | Self::Autoscaled => &[Workload],
            Self::DriftCorrected => &[Object],
            Self::NodeProvisioning
            | Self::NodeclaimLaunched
            | Self::NodeclaimRegistered
            | Self::NodeclaimInitialized
            | Self::NodeTermination
            | Self::NodeDrained
            | Self::NodeReplaced
            | Self::NodeFill
            | Self::NodeIdle => &[Nodepool, InstanceType, CapacityType, Zone],
            Self::GitopsApplied | Self::GitopsHealthy | Self::GitopsRefused | Self::GitopsRecovered => &[Kustomization],
            Self::GitopsFetched | Self::AlertFired | Self::AlertDelivered => &[],
        }
    }
}

/// How samples are grouped for a check.
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
    schemars::JsonSchema,
    strum::IntoStaticStr,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
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
    /// By the object that was changed, by its name in the scenario.
    Object,
    /// By the name of the Flux Kustomization.
    Kustomization,
}

impl GroupBy {
    /// The name as written in scenarios, and the key of a sample's label (`instance-type`).
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
