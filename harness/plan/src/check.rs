//! What must hold in the end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Field, FieldPath, GroupBy, Happening, LatencyName};
use harness_units::Amount;
use harness_units::{Bytes, Millicores, Span};

/// One thing that must hold; a line in every report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Expectation {
    /// Unique within the plan, readable: `latency pod_ready by workload p99 <= 60s`.
    pub name: String,
    /// What it belongs to, where the scenario says so; the name begins with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// What is checked.
    pub check: Check,
}

impl Expectation {
    /// An expectation that belongs to no group.
    pub fn new(name: impl Into<String>, check: Check) -> Self {
        Self { name: name.into(), group: None, check }
    }
}

/// What an expectation checks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
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
    /// Something happened so often.
    Happened {
        /// What.
        of: Happening,
        /// In these phases; in all phases of the plan where there are none.
        phases: Vec<String>,
        /// No less often.
        at_least: Option<u32>,
        /// No more often.
        at_most: Option<u32>,
    },
    /// No pod of the workloads was ever bound, there was at least one of each, and a controller said why.
    Pending {
        /// Workload names; never empty.
        workloads: Vec<String>,
        /// A part of a reason about one of each workload's pods.
        says: Option<String>,
    },
    /// Every pod of the workloads that was Ready when the phase began was there and Ready until its end.
    Undisturbed {
        /// Workload names; never empty.
        workloads: Vec<String>,
        /// In each of these phases; never empty.
        phases: Vec<String>,
    },
    /// At no moment were fewer pods of a workload Ready.
    Available {
        /// Workload names; never empty.
        workloads: Vec<String>,
        /// A number for each workload, or a part of the replicas that the plan asks for at that moment.
        at_least: Amount,
        /// In each of these phases; never empty.
        phases: Vec<String>,
    },
    /// The nodes that were there when the phase began were replaced by others, for the reason that was to be caused.
    Replaced {
        /// Of these NodePools; never empty.
        nodepools: Vec<String>,
        /// In this phase.
        phase: String,
        /// The reason of the NodeClaims' disruption (`Drifted`, `Underutilized`); any where there is none.
        reason: Option<String>,
        /// No fewer nodes; all that were there where it is not given.
        at_least: Option<u32>,
        /// What must be different on the nodes that came.
        differs_in: Option<NodeProperty>,
    },
    /// The nodes that were there when the first of the phases began were there when the last ended.
    Kept {
        /// Of these NodePools; never empty.
        nodepools: Vec<String>,
        /// One after another; never empty.
        phases: Vec<String>,
    },
    /// At no moment were more nodes of a pool being disrupted: between the choice (or the deletion) of a NodeClaim and its end.
    AtOnce {
        /// In each of these NodePools; never empty.
        nodepools: Vec<String>,
        /// Only disruptions of this reason.
        reason: Option<String>,
        /// A number, or a part of the pool's NodeClaims at that moment, rounded up as the controller rounds.
        at_most: Amount,
        /// In each of these phases; never empty.
        phases: Vec<String>,
    },
    /// What the VMs cost in an hour has fallen to this part.
    Price {
        /// At the end of this phase...
        before: String,
        /// ... against the end of this one.
        after: String,
        /// In percent of the price before.
        at_most_percent: u32,
    },
    /// What the VMs of the run cost less than the same VMs at on-demand prices.
    Savings {
        /// In percent.
        at_least_percent: u32,
    },
    /// The cores of running VMs never exceeded a quota by more than what was in flight.
    Quota {
        /// The quotas; never empty.
        scopes: Vec<QuotaScope>,
    },
    /// For each spot VM that was given notice, a new node was Ready before the VM was gone.
    ReplacedBeforeLoss {
        /// Of these phases; never empty.
        phases: Vec<String>,
    },
    /// The field of an object is what it must be.
    Field {
        /// Which, and what.
        of: Field,
        /// In these phases; in all phases of the plan where there are none.
        phases: Vec<String>,
        /// At every moment of each of them; only at the end of the last where this is not set.
        always: bool,
    },
    /// The value of a field changed so often.
    Changes {
        /// The object, by its name in the scenario.
        object: String,
        /// What of it.
        path: FieldPath,
        /// No less often.
        at_least: Option<u32>,
        /// No more often.
        at_most: Option<u32>,
        /// In these phases; in all phases of the plan where there are none.
        phases: Vec<String>,
    },
    /// For each commit that was pushed in the phases, each Kustomization was healthy before the next one was applied.
    Order {
        /// Names of Kustomizations, two at least.
        kustomizations: Vec<String>,
        /// Phases of the plan and `prepare`; never empty.
        phases: Vec<String>,
    },
    /// The processes ran all the time, and used no more than this together.
    Usage {
        /// Their names; never empty.
        processes: Vec<String>,
        /// The most CPU, averaged over the phases.
        cpu: Option<Millicores>,
        /// The most resident memory: the sum of what each had at most.
        memory: Option<Bytes>,
        /// In these phases; in all phases of the plan where there are none.
        phases: Vec<String>,
    },
    /// Of the revisions that were pushed, those that were applied were applied in the order of their pushes.
    AppliedInOrder {
        /// Also the one of them that was pushed last is in force when the last of the phases has ended.
        last: bool,
        /// Pushes of these phases; of all phases of the plan where there are none.
        phases: Vec<String>,
    },
}

/// What a node is made from, by which the old and the new are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NodeProperty {
    /// The NodePool's template: annotation `karpenter.sh/nodepool-hash` of the NodeClaim.
    NodepoolHash,
    /// The AKSNodeClass: annotation `karpenter.azure.com/aksnodeclass-hash` of the NodeClaim.
    NodeclassHash,
    /// The node image: `status.imageID` of the NodeClaim.
    Image,
    /// The kubelet's version: `status.nodeInfo.kubeletVersion` of the Node.
    KubeletVersion,
}

impl NodeProperty {
    /// The name as scenarios write it, and the attribute's key in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NodepoolHash => "nodepool-hash",
            Self::NodeclassHash => "nodeclass-hash",
            Self::Image => "image",
            Self::KubeletVersion => "kubelet-version",
        }
    }
}

/// A quota of the simulated Azure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QuotaScope {
    /// A family's letters (`F`), `regional` or `spot`.
    pub scope: String,
    /// The limit.
    pub cores: u32,
}

/// Bounds in words: `at least 3`, `2 to 5`, `exactly 0`.
pub fn bounds(at_least: Option<u32>, at_most: Option<u32>) -> String {
    match (at_least, at_most) {
        (Some(least), Some(most)) if least == most => format!("exactly {least}"),
        (Some(least), Some(most)) => format!("{least} to {most}"),
        (Some(least), None) => format!("at least {least}"),
        (None, Some(most)) => format!("at most {most}"),
        (None, None) => "any number of".to_owned(),
    }
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
