//! The whole document.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    Action, Expectation, Gitops, LatencyName, NamedObject, NamespaceQuota, NodeConfig, Phase, PlannedAction, Workload,
};
use crate::Capability;
use harness_simulation::{Behaviour, Fault};
use harness_units::Span;

/// The version of `plan.json`. A reader refuses a plan with another one.
pub const PLAN_VERSION: u32 = 2;

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
    pub azure: Behaviour,
    /// The node configuration that is applied first.
    pub node_config: NodeConfig,
    /// What of Flux is set for the run, and what it applies beside the node configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gitops: Option<Gitops>,
    /// What the pods of the run may ask for together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_quota: Option<NamespaceQuota>,
    /// Whether the run listens for notifications.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub webhook: bool,
    /// What is deployed, one for each class that can be tested.
    pub workloads: Vec<Workload>,
    /// Objects of the cluster that are watched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<NamedObject>,
    /// What is done, in order.
    pub phases: Vec<Phase>,
    /// What must hold in the end.
    pub expectations: Vec<Expectation>,
    /// Figures that others have published, to be shown beside ours.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub published: Vec<Published>,
    /// What of the scenario this tree has no place for, a sentence each; reports repeat them.
    #[serde(default)]
    pub notes: Vec<String>,
}

impl Plan {
    /// Every action of the phases, in their order.
    pub fn actions(&self) -> impl Iterator<Item = &PlannedAction> {
        self.phases.iter().flat_map(|phase| &phase.actions)
    }

    /// Every fault of the simulated Azure: those from the start, and those that the phases set.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        let set = self.actions().filter_map(|planned| match &planned.action {
            Action::AzureFault(asked) => Some(&asked.fault),
            _ => None,
        });
        self.azure.faults.iter().chain(set)
    }
}

/// The size of a run.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
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
    strum::VariantNames,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
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
        self.into()
    }
}

/// What a scenario is about; `harness list` sorts by it.
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
    strum::VariantArray,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Group {
    /// Pods are created and nodes follow.
    Scaling,
    /// The fleet shrinks and costs less.
    Cost,
    /// Something declared changes and rolls through the fleet.
    Change,
    /// Azure, a node or a controller fails.
    Failure,
    /// Replicas follow a metric or the clock.
    Autoscaling,
    /// Between a commit and the cluster.
    Gitops,
}

impl Group {
    /// All of them, in the order of `harness list`.
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The name as scenarios write it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A figure that others have published for the same thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Published {
    /// The latency of a run that it is compared with.
    pub of: LatencyName,
    /// Only samples of this workload (default: all).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<String>,
    /// Only samples of this NodePool (default: all).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodepool: Option<String>,
    /// The percentile; 100 is the maximum.
    #[schemars(range(min = 1, max = 100))]
    pub percentile: u8,
    /// The published value.
    pub value: Span,
    /// Who published it, and where.
    #[schemars(length(min = 1))]
    pub source: String,
    /// How their method differs from that of the harness.
    #[schemars(length(min = 1))]
    pub differs: String,
}
