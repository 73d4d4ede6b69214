//! How the simulated Azure behaves.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use harness_units::Span;

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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
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
    VmCrash(NodeSelection),
    /// An agent on running VMs writes a condition of their Nodes, such as `kubernetes.azure.com/NodeHealthy`.
    NodeCondition {
        /// The condition's type.
        condition: String,
        /// `True`, `False` or `Unknown`.
        status: String,
        /// On which nodes.
        #[serde(flatten)]
        nodes: NodeSelection,
    },
    /// A quota is changed.
    Quota {
        /// A family's letters (`F`), `regional` or `spot`.
        scope: String,
        /// The limit from now on.
        cores: u32,
    },
}

/// Running VMs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeSelection {
    /// How many at most.
    pub count: u32,
    /// Only of this NodePool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodepool: Option<String>,
}

fn whole() -> f64 {
    1.0
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
