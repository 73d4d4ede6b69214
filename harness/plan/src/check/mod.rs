//! What must hold at the end of a run, a file for each expectation.
//!
//! A scenario may leave selections open (`all`). A plan has them resolved for its tree: it only names.

mod available;
mod facts;
mod field;
mod fleet;
mod happened;
mod latency;
mod limits;
mod max_concurrent_disruptions;
mod max_surge;
mod notified;
mod order;
mod pending;
mod placement;
mod price;
mod quota;
mod replaced;
mod replaced_before_loss;
mod retained;
mod savings;
mod scope;
mod uninterrupted;
mod unready;
mod usage;
mod zones;

use std::fmt;

use harness_yaml::{Beside, Problem, Tagged};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use available::Available;
pub use facts::Facts;
pub use field::{Changes, ExpectedField};
pub use fleet::{Fleet, VmCount};
pub use happened::Happened;
pub use latency::LatencyLimits;
pub use limits::PoolLimits;
pub use max_concurrent_disruptions::MaxConcurrentDisruptions;
pub use max_surge::MaxSurge;
pub use notified::{NotificationPattern, Notified};
pub use order::{AppliedInOrder, Order};
pub use pending::Pending;
pub use placement::{Placement, PlacementTarget};
pub use price::Price;
pub use quota::Quota;
pub use replaced::{NodeProperty, Replaced};
pub use replaced_before_loss::ReplacedBeforeLoss;
pub use retained::Retained;
pub use savings::Savings;
pub use scope::{Candidates, Scope};
pub use uninterrupted::Uninterrupted;
pub use unready::Unready;
pub use usage::Usage;
pub use zones::Zones;

use crate::Selection;

/// The phase before those of the plan, in which the tree is pushed first.
pub const PREPARE: &str = "prepare";

/// One thing that must hold; a line in every report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Expectation {
    /// Unique within the plan, readable: `latency pod_ready by workload p99 <= 60s`.
    pub name: String,
    /// What it belongs to, where the scenario says so; the name starts with it.
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

/// An expectation as a scenario writes it.
pub type LabelledCheck = Tagged<Check, Label>;

/// What reports call an expectation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Label {
    /// What reports call it (default: what is checked, with its limits).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub title: Option<String>,
    /// What it belongs to: it stands before the name, and is the class of the test case in JUnit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub group: Option<String>,
}

impl Beside for Label {
    const KEYS: &'static [&'static str] = &["title", "group"];
}

impl Label {
    /// The name of an expectation: its title, or what is checked, after its group.
    pub fn name(&self, check: &Check) -> String {
        let title = self.title.clone().unwrap_or_else(|| check.to_string());
        match &self.group {
            Some(group) => format!("{group}: {title}"),
            None => title,
        }
    }
}

/// What an expectation checks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, strum::IntoStaticStr, strum::VariantNames)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
#[schemars(rename = "Expectation")]
pub enum Check {
    /// The phase's conditions were reached before its deadline. Every phase with conditions has one of these.
    #[schemars(skip)]
    Phase(PhaseReached),
    /// Every pod was bound to a node of its class.
    Placement(Placement),
    /// Percentiles of a latency stay within their limits, in each group.
    Latency(LatencyLimits),
    /// The resources of each NodePool never exceeded its limits.
    Limits(PoolLimits),
    /// Azure's own record of the VMs agrees with the cluster.
    Fleet(Fleet),
    /// Something happened this often: the proof that what the scenario set out to cause was there, or that what must not happen did not.
    Happened(Happened),
    /// No pod of the workloads was ever bound, and a controller gave the reason.
    Pending(Pending),
    /// Every pod that was Ready when the phase started existed and was Ready until its end.
    Uninterrupted(Uninterrupted),
    /// At no moment were fewer pods of a workload Ready.
    Available(Available),
    /// At the end of the phases no more (or as few) of the workloads' pods were not Ready.
    Unready(Unready),
    /// At no moment did the Ready pods of a workload run in fewer zones.
    Zones(Zones),
    /// The nodes that existed when the phase started were replaced by others.
    Replaced(Replaced),
    /// The nodes that existed when the phases started existed when they ended.
    Retained(Retained),
    /// At no moment were more nodes of a NodePool being disrupted.
    MaxConcurrentDisruptions(MaxConcurrentDisruptions),
    /// At no moment did a NodePool have more nodes beyond those with which the phases started.
    MaxSurge(MaxSurge),
    /// The hourly price of the fleet fell, or did not rise.
    Price(Price),
    /// Spot VMs cost less than the same VMs on demand.
    Savings(Savings),
    /// The cores of running VMs stayed within the quotas of `azure.quotaCores` and of faults, what was in flight excepted: `quota: {}`.
    Quota(Quota),
    /// For each spot VM that was given notice, a new node was Ready before the VM was gone.
    ReplacedBeforeLoss(ReplacedBeforeLoss),
    /// The field of an object has the value that it must have: at the end of the phases, or `always` in them.
    Field(ExpectedField),
    /// The value of a field changed this often: no two of its owners fought over it.
    Changes(Changes),
    /// For each commit of the phases, each Kustomization was healthy before the next one was applied.
    Order(Order),
    /// The processes ran all the time, and used no more than this.
    Usage(Usage),
    /// Flux sent this many notifications to the run's webhook.
    Notified(Notified),
    /// Of the revisions that were pushed, those that Flux applied were applied in the order of their pushes.
    AppliedInOrder(AppliedInOrder),
}

/// What every expectation says of itself; its name is its `Display`.
pub trait Expected: fmt::Display {
    /// What it is about.
    fn scope(&self) -> Scope<'_> {
        Scope::default()
    }

    /// What the types cannot rule out, and why it could never fail, with paths from the value.
    fn problems(&self, _: &Facts<'_>) -> Vec<Problem> {
        Vec::new()
    }
}

impl Check {
    /// The key of the variant.
    pub fn as_str(&self) -> &'static str {
        self.into()
    }

    fn expected(&self) -> &dyn Expected {
        match self {
            Self::Phase(check) => check,
            Self::Placement(check) => check,
            Self::Latency(check) => check,
            Self::Limits(check) => check,
            Self::Fleet(check) => check,
            Self::Happened(check) => check,
            Self::Pending(check) => check,
            Self::Uninterrupted(check) => check,
            Self::Available(check) => check,
            Self::Unready(check) => check,
            Self::Zones(check) => check,
            Self::Replaced(check) => check,
            Self::Retained(check) => check,
            Self::MaxConcurrentDisruptions(check) => check,
            Self::MaxSurge(check) => check,
            Self::Price(check) => check,
            Self::Savings(check) => check,
            Self::Quota(check) => check,
            Self::ReplacedBeforeLoss(check) => check,
            Self::Field(check) => check,
            Self::Changes(check) => check,
            Self::Order(check) => check,
            Self::Usage(check) => check,
            Self::Notified(check) => check,
            Self::AppliedInOrder(check) => check,
        }
    }

    /// What it is about.
    pub fn scope(&self) -> Scope<'_> {
        self.expected().scope()
    }

    /// Its selection of workloads or NodePools.
    pub fn selection_mut(&mut self) -> Option<&mut Selection> {
        match self {
            Self::Placement(check) => Some(&mut check.workloads),
            Self::Limits(check) => Some(&mut check.nodepools),
            Self::Pending(check) => Some(&mut check.workloads),
            Self::Uninterrupted(check) => Some(&mut check.workloads),
            Self::Available(check) => Some(&mut check.workloads),
            Self::Unready(check) => Some(&mut check.workloads),
            Self::Zones(check) => Some(&mut check.workloads),
            Self::Replaced(check) => Some(&mut check.nodepools),
            Self::Retained(check) => Some(&mut check.nodepools),
            Self::MaxConcurrentDisruptions(check) => Some(&mut check.nodepools),
            Self::MaxSurge(check) => Some(&mut check.nodepools),
            Self::Phase(_)
            | Self::Latency(_)
            | Self::Fleet(_)
            | Self::Happened(_)
            | Self::Price(_)
            | Self::Savings(_)
            | Self::Quota(_)
            | Self::ReplacedBeforeLoss(_)
            | Self::Field(_)
            | Self::Changes(_)
            | Self::Order(_)
            | Self::Usage(_)
            | Self::Notified(_)
            | Self::AppliedInOrder(_) => None,
        }
    }

    /// What the types cannot rule out, with paths from the expectation.
    pub fn problems(&self, facts: &Facts<'_>) -> Vec<Problem> {
        let mut found = self.scope().problems(facts);
        found.extend(self.expected().problems(facts));
        found.into_iter().map(|problem| problem.under(self.as_str())).collect()
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expected().fmt(f)
    }
}

/// The phase's conditions were reached before its deadline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PhaseReached {
    /// The phase's name.
    pub phase: String,
}

impl Expected for PhaseReached {}

impl fmt::Display for PhaseReached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "phase {}", self.phase)
    }
}

/// ` in burst, drain`, or nothing.
fn during(phases: &[String]) -> String {
    match phases {
        [] => String::new(),
        phases => format!(" in {}", phases.join(", ")),
    }
}
