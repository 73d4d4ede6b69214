//! How the simulated Azure behaves: the same vocabulary as the plan's, with values that may be parameters.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Factor, Setting, Share};
use crate::Span;
use crate::plan::NoCapacity;
use crate::yaml::Located;

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
    VmCrash {
        /// How many (default: 1).
        #[serde(default)]
        count: Option<Setting<u32>>,
    },
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
