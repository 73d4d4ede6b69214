//! What must hold.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{ChangesSpec, FieldSpec, HappenedSpec, NotifiedSpec, OrderSpec, Selection, Setting, UsageSpec};
use harness_plan::{GroupBy, LatencyName, NodeProperty, Nothing};
use harness_units::Amount;
use harness_units::Span;
use harness_yaml::Located;

/// One thing that must hold; a line in every report.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Expectation")]
pub enum ExpectationSpec {
    /// Every pod was bound to a node of its class.
    Placement(PlacementSpec),
    /// Percentiles of a latency stay within their limits, in each group.
    Latency(Box<LatencySpec>),
    /// The resources of each pool never exceeded the pool's limits.
    Limits(LimitsSpec),
    /// The cloud's own record of VMs agrees with the cluster.
    Fleet(FleetSpec),
    /// Something happened so often: the proof that what the scenario set out to cause was there, or that what must not happen did not.
    Happened(Box<HappenedSpec>),
    /// No pod of the workloads was ever bound, and a controller said why.
    Pending(PendingSpec),
    /// Every pod that was Ready when the phase began was there and Ready until its end.
    Undisturbed(DuringSpec),
    /// At no moment were fewer pods of a workload Ready.
    Available(AvailableSpec),
    /// The nodes that were there when the phase began were replaced by others.
    Replaced(ReplacedSpec),
    /// The nodes that were there when the phases began were there when they ended.
    Kept(KeptSpec),
    /// At no moment were more nodes of a pool being disrupted.
    AtOnce(AtOnceSpec),
    /// What the VMs cost in an hour has fallen.
    Price(PriceSpec),
    /// Spot VMs cost less than the same VMs on demand.
    Savings(SavingsSpec),
    /// The cores of running VMs stayed within the quotas of `azure.quotaCores`, what was in flight excepted: `quota: {}`.
    Quota(Nothing),
    /// For each spot VM that was given notice, a new node was Ready before the VM was gone.
    ReplacedBeforeLoss(InPhasesSpec),
    /// The field of an object is what it must be: at the end of the phases, or `always` in them.
    Field(Box<FieldSpec>),
    /// The value of a field changed no more often, or no less: no two of its owners fought over it.
    Changes(ChangesSpec),
    /// For each commit of the phases, each Kustomization was healthy before the next one was applied.
    Order(OrderSpec),
    /// The processes ran all the time, and used no more than this.
    Usage(UsageSpec),
    /// Flux has sent so many notifications to the run's webhook.
    Notified(Box<NotifiedSpec>),
    /// Of the revisions that were pushed, those that Flux applied were applied in the order of their pushes.
    AppliedInOrder(AppliedInOrderSpec),
}

/// The phase before those of the plan, in which the tree is pushed first.
pub(crate) const PREPARE: &str = "prepare";

impl ExpectationSpec {
    /// The workloads that it names.
    pub fn workloads(&self) -> Option<&Located<Selection>> {
        match self {
            Self::Placement(spec) => Some(&spec.workloads),
            Self::Pending(spec) => Some(&spec.workloads),
            Self::Undisturbed(spec) => Some(&spec.workloads),
            Self::Available(spec) => Some(&spec.workloads),
            _ => None,
        }
    }

    /// The NodePools that it names.
    pub fn nodepools(&self) -> Option<&Located<Selection>> {
        match self {
            Self::Limits(spec) => Some(&spec.nodepools),
            Self::Replaced(spec) => Some(&spec.nodepools),
            Self::Kept(spec) => Some(&spec.nodepools),
            Self::AtOnce(spec) => Some(&spec.nodepools),
            _ => None,
        }
    }

    /// The phases that it names.
    pub fn phases(&self) -> Vec<&Located<String>> {
        match self {
            Self::Happened(spec) => spec.phases.iter().collect(),
            Self::Undisturbed(spec) => spec.phases.iter().collect(),
            Self::Available(spec) => spec.phases.iter().collect(),
            Self::Replaced(spec) => vec![&spec.phase],
            Self::Kept(spec) => spec.phases.iter().collect(),
            Self::AtOnce(spec) => spec.phases.iter().collect(),
            Self::Price(spec) => vec![&spec.before, &spec.after],
            Self::ReplacedBeforeLoss(spec) => spec.phases.iter().collect(),
            Self::Field(spec) => spec.phases.iter().collect(),
            Self::Changes(spec) => spec.phases.iter().collect(),
            Self::Order(spec) => spec.phases.iter().filter(|name| name.value != PREPARE).collect(),
            Self::Usage(spec) => spec.phases.iter().collect(),
            Self::Notified(spec) => spec.phases.iter().collect(),
            Self::AppliedInOrder(spec) => spec.phases.iter().collect(),
            _ => Vec::new(),
        }
    }
}

/// Pods that must not find a node.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Pending")]
pub struct PendingSpec {
    /// Whose pods; they must be marked `staysPending`.
    pub workloads: Located<Selection>,
    /// A part of the reason that a controller gives for one of each workload's pods.
    #[serde(default)]
    pub says: Option<String>,
}

/// Workloads during phases.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "During")]
pub struct DuringSpec {
    /// Whose pods.
    pub workloads: Located<Selection>,
    /// In each of these phases.
    #[serde(rename = "in")]
    #[schemars(length(min = 1))]
    pub phases: Vec<Located<String>>,
}

/// Phases.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "InPhases")]
pub struct InPhasesSpec {
    /// In these phases.
    #[serde(rename = "in")]
    #[schemars(length(min = 1))]
    pub phases: Vec<Located<String>>,
}

/// The order of revisions.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "AppliedInOrder")]
pub struct AppliedInOrderSpec {
    /// Also the revision that was pushed last is in force at the end of the phases (default: true).
    #[serde(default = "yes")]
    pub last: bool,
    /// Only pushes of these phases (default: of all).
    #[serde(default, rename = "in")]
    pub phases: Vec<Located<String>>,
}

/// Ready pods at every moment.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Available")]
pub struct AvailableSpec {
    /// Whose pods.
    pub workloads: Located<Selection>,
    /// A number for each workload, or a part of the replicas that are asked for.
    pub at_least: Setting<Amount>,
    /// In each of these phases.
    #[serde(rename = "in")]
    #[schemars(length(min = 1))]
    pub phases: Vec<Located<String>>,
}

/// Nodes that go and others that come.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Replaced")]
pub struct ReplacedSpec {
    /// Of which NodePools.
    pub nodepools: Located<Selection>,
    /// In this phase.
    #[serde(rename = "in")]
    pub phase: Located<String>,
    /// The reason of the disruption, such as Drifted or Underutilized (default: any).
    #[serde(default)]
    pub because: Option<String>,
    /// No fewer nodes (default: all that were there).
    #[serde(default)]
    pub at_least: Option<Setting<u32>>,
    /// What must be different on the nodes that came.
    #[serde(default)]
    pub differs_in: Option<NodeProperty>,
}

/// Nodes that stay.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Kept")]
pub struct KeptSpec {
    /// Of which NodePools.
    pub nodepools: Located<Selection>,
    /// From the begin of the first of these phases to the end of the last.
    #[serde(rename = "in")]
    #[schemars(length(min = 1))]
    pub phases: Vec<Located<String>>,
}

/// How many nodes may be disrupted at once.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "AtOnce")]
pub struct AtOnceSpec {
    /// In each of these NodePools.
    pub nodepools: Located<Selection>,
    /// Only disruptions of this reason (default: all).
    #[serde(default)]
    pub because: Option<String>,
    /// A number, or a part of the pool's nodes at that moment, rounded up.
    pub at_most: Setting<Amount>,
    /// In each of these phases.
    #[serde(rename = "in")]
    #[schemars(length(min = 1))]
    pub phases: Vec<Located<String>>,
}

/// The price of the fleet.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Price")]
pub struct PriceSpec {
    /// The price at the end of this phase ...
    pub after: Located<String>,
    /// ... against that at the end of this one.
    pub before: Located<String>,
    /// In percent of the price before.
    pub at_most_percent: Setting<u32>,
}

/// What spot saves.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Savings")]
pub struct SavingsSpec {
    /// In percent of what the same VMs cost on demand.
    pub at_least_percent: Setting<u32>,
}

/// Where pods must land.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Placement")]
pub struct PlacementSpec {
    /// Whose pods.
    pub workloads: Located<Selection>,
    /// Where (default: their-class).
    #[serde(default)]
    pub on: PlacementPlace,
    /// Whether also no pod of another class may land there (default: true).
    #[serde(default = "yes")]
    pub exclusively: bool,
}

fn yes() -> bool {
    true
}

/// Where pods must land.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlacementPlace {
    /// On nodes of the pool that their workload is for.
    #[default]
    TheirClass,
}

/// Limits on one latency. At least one of the percentiles or `censored`.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Latency")]
pub struct LatencySpec {
    /// Which latency.
    pub of: Located<LatencyName>,
    /// How its samples are grouped; the limits hold in each group (default: one group of all).
    #[serde(default)]
    pub by: Option<Located<GroupBy>>,
    /// The most that the median may be.
    #[serde(default)]
    pub p50: Option<Setting<Span>>,
    /// The most that the 90th percentile may be.
    #[serde(default)]
    pub p90: Option<Setting<Span>>,
    /// The most that the 95th percentile may be.
    #[serde(default)]
    pub p95: Option<Setting<Span>>,
    /// The most that the 99th percentile may be.
    #[serde(default)]
    pub p99: Option<Setting<Span>>,
    /// The most that any sample may be.
    #[serde(default)]
    pub max: Option<Setting<Span>>,
    /// The most samples that may never have arrived (default: as many as the percentiles allow).
    #[serde(default)]
    pub censored: Option<Setting<u32>>,
    /// Fewer samples than this in a group are inconclusive (default: 1).
    #[serde(default)]
    pub samples_min: Option<Setting<u32>>,
}

impl LatencySpec {
    /// The limits that are given: percentile (100 for `max`), key, value.
    pub fn limits(&self) -> Vec<(u8, &'static str, &Setting<Span>)> {
        [
            (50, "p50", &self.p50),
            (90, "p90", &self.p90),
            (95, "p95", &self.p95),
            (99, "p99", &self.p99),
            (100, "max", &self.max),
        ]
        .into_iter()
        .filter_map(|(percentile, key, limit)| limit.as_ref().map(|limit| (percentile, key, limit)))
        .collect()
    }
}

/// Whose limits must hold.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Limits")]
pub struct LimitsSpec {
    /// Which NodePools; `all` means those that have limits.
    pub nodepools: Located<Selection>,
}

/// What the cloud's record of VMs must show. At least one of the two.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Fleet")]
pub struct FleetSpec {
    /// How many VMs there were.
    #[serde(default)]
    pub vms: Option<VmCount>,
    /// How many VMs are left when the last phase has ended.
    #[serde(default, rename = "at-the-end")]
    pub at_the_end: Option<Setting<u32>>,
}

/// How many VMs there were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VmCount {
    /// One booted for each NodeClaim that was launched.
    AsManyAsNodeclaims,
}
