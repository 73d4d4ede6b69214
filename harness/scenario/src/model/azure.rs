//! How the simulated Azure behaves: the same vocabulary as the plan's, with values that may be parameters.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Setting;
use harness_plan::NoCapacity;
use harness_units::Span;
use harness_units::{Factor, Share};
use harness_yaml::Located;

/// How the simulated Azure behaves from the start.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AzureSpec {
    /// From the accepted creation of a machine to its Node being Ready (default: the simulator's own model).
    #[serde(default)]
    pub boot: Option<Located<DistributionSpec>>,
    /// From the accepted delete of a machine to its VM being gone (default: the simulator's own model).
    #[serde(default)]
    pub delete: Option<Located<DistributionSpec>>,
    /// Cores of quota, by family (`F`), by `regional` and by `spot`; what is not named is ample.
    #[serde(default)]
    pub quota_cores: BTreeMap<String, Setting<u32>>,
    /// Faults that are there from the start.
    #[serde(default)]
    pub faults: Vec<Located<FaultSpec>>,
}

/// A distribution of durations.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Distribution")]
pub enum DistributionSpec {
    /// Always the same.
    Constant(Setting<Span>),
    /// Lognormal, given by two of its percentiles.
    Lognormal {
        /// The 50th percentile.
        median: Setting<Span>,
        /// The 95th percentile; larger than the median.
        p95: Setting<Span>,
    },
    /// Measured values, drawn with replacement.
    Samples(Vec<Setting<Span>>),
}

/// Something that goes wrong in Azure.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "AzureFault")]
pub enum FaultSpec {
    /// Azure has no VM of this kind: `AllocationFailed`, `ZonalAllocationFailed` or `SkuNotAvailable`.
    NoCapacity(NoCapacity),
    /// Resource Manager answers 429 with Retry-After.
    Throttle(ThrottleSpec),
    /// VMs are created and never join the cluster.
    NeverRegister(ShareSpec),
    /// Boots take longer by this factor.
    SlowBoot {
        /// At least 1.
        factor: Setting<Factor>,
    },
    /// Creations fail with this code after they were accepted.
    OperationFail {
        /// Azure's error code, such as `OperationNotAllowed`.
        code: String,
        /// Azure's message, from which the controller classifies some codes (default: none).
        #[serde(default)]
        message: String,
        /// Which part of the creations (default: 1, all).
        #[serde(default)]
        share: Option<Setting<Share>>,
    },
    /// Resource Manager does not answer for this long.
    ArmOutage {
        /// From the moment that the fault is set.
        #[serde(rename = "for")]
        duration: Setting<Span>,
    },
    /// Spot VMs are taken back.
    SpotEvict {
        /// Which part of the running spot VMs (default: 1, all).
        #[serde(default)]
        share: Option<Setting<Share>>,
        /// Warning before the VM is gone (default: 0s); Azure gives at most 30 s.
        #[serde(default)]
        notice: Option<Setting<Span>>,
    },
    /// Running VMs stop: their Nodes turn NotReady.
    VmCrash(NodesOfSpec),
    /// An agent on running VMs writes a condition of their Nodes.
    NodeCondition(NodeConditionSpec),
    /// A quota is changed.
    Quota {
        /// A family's letters (`F`), `regional` or `spot`.
        scope: String,
        /// The limit from now on.
        cores: Setting<u32>,
    },
}

/// Running VMs.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "SomeNodes")]
pub struct NodesOfSpec {
    /// How many (default: 1).
    #[serde(default)]
    pub count: Option<Setting<u32>>,
    /// Only of this NodePool.
    #[serde(default)]
    pub nodepool: Option<Located<String>>,
}

/// A condition that an agent writes.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "NodeCondition")]
pub struct NodeConditionSpec {
    /// The condition's type, such as `kubernetes.azure.com/NodeHealthy`.
    pub condition: String,
    /// Its status.
    pub status: ConditionStatus,
    /// On how many nodes (default: 1).
    #[serde(default)]
    pub count: Option<Setting<u32>>,
    /// Only of this NodePool.
    #[serde(default)]
    pub nodepool: Option<Located<String>>,
}

/// The status of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum ConditionStatus {
    /// `"True"`.
    True,
    /// `"False"`.
    False,
    /// `"Unknown"`.
    Unknown,
}

impl ConditionStatus {
    /// As Kubernetes writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// Which calls are throttled; with nothing given, all of them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Throttle")]
pub struct ThrottleSpec {
    /// Which part of the calls (default: 1, all).
    #[serde(default)]
    pub share: Option<Setting<Share>>,
    /// For how long (default: until the faults are cleared).
    #[serde(default, rename = "for")]
    pub duration: Option<Setting<Span>>,
    /// What Retry-After says (default: 5s).
    #[serde(default)]
    pub retry_after: Option<Setting<Span>>,
}

/// A part of the creations.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "ShareOfCreations")]
pub struct ShareSpec {
    /// Which part (default: 1, all).
    #[serde(default)]
    pub share: Option<Setting<Share>>,
    /// Only this family's letter (default: every family).
    #[serde(default)]
    pub family: Option<String>,
}
