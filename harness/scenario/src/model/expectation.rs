//! What must hold.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Selection, Setting};
use crate::Span;
use crate::plan::{GroupBy, LatencyName};
use crate::yaml::Located;

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
