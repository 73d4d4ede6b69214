//! Phases and what is done in them.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{FaultSpec, Rate, Selection, Setting};
use crate::Span;
use crate::plan::Until;
use crate::yaml::Located;

/// One step: its actions are sent, then its condition is awaited (`until` and `within`) or its time is held (`for`).
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PhaseSpec {
    /// Unique in the scenario: lower-case letters, digits and hyphens.
    #[schemars(regex(pattern = r"^[a-z]([-a-z0-9]{0,40}[a-z0-9])?$"))]
    pub name: Located<String>,
    /// What is done, each `after` its time from the phase's begin.
    #[serde(default, rename = "do")]
    pub actions: Vec<Located<ActionSpec>>,
    /// The condition that ends the phase. It needs `within`.
    #[serde(default)]
    pub until: Option<Located<Until>>,
    /// The deadline of `until`, from the phase's begin. There is no default: a wait without a limit is not a test.
    #[serde(default)]
    pub within: Option<Setting<Span>>,
    /// How long the phase lasts, where it has no condition.
    #[serde(default, rename = "for")]
    pub hold: Option<Setting<Span>>,
}

/// One action: exactly one of its keys beside `after`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("oneOf" = [
    {"required": ["scale"]},
    {"required": ["azureFault"]},
    {"required": ["clearAzureFaults"]},
    {"required": ["killComponent"]},
    {"required": ["startComponent"]},
]))]
pub struct ActionSpec {
    /// When, from the phase's begin (default: 0s).
    #[serde(default)]
    pub after: Option<Setting<Span>>,
    /// Set the replicas of workloads.
    #[serde(default)]
    pub scale: Option<ScaleSpec>,
    /// Let something go wrong in the simulated Azure. Needs simulated-azure.
    #[serde(default)]
    pub azure_fault: Option<FaultSpec>,
    /// End every fault of the simulated Azure: `clearAzureFaults: {}`. Needs simulated-azure.
    #[serde(default)]
    pub clear_azure_faults: Option<Nothing>,
    /// Send SIGKILL to a component of the local cluster, such as `karpenter`. Needs component-control.
    #[serde(default)]
    pub kill_component: Option<Located<String>>,
    /// Start a component that was killed. Needs component-control.
    #[serde(default)]
    pub start_component: Option<Located<String>>,
}

/// `{}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// New replicas for workloads.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScaleSpec {
    /// Which workloads; `all` includes the derived ones.
    pub workloads: Located<Selection>,
    /// Replicas of each of them afterwards.
    pub to: Setting<u32>,
    /// When each pod is asked for (default: burst). Latencies count from these moments, whatever the cluster does meanwhile.
    #[serde(default)]
    pub arrival: Option<Located<ArrivalSpec>>,
}

/// When each pod is asked for. Rates are those of each workload, not of all together.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum ArrivalSpec {
    /// All at once.
    Burst,
    /// Evenly, the first at once.
    #[serde(rename_all = "camelCase")]
    Constant {
        /// Pods in a second.
        per_second: Setting<Rate>,
    },
    /// At a rate that rises or falls evenly until the last pod.
    #[serde(rename_all = "camelCase")]
    Ramp {
        /// Pods in a second at the begin.
        from_per_second: Setting<Rate>,
        /// Pods in a second at the end.
        to_per_second: Setting<Rate>,
    },
    /// At a rate for each stretch of time; the last rate lasts until the last pod.
    Steps(Vec<RateStep>),
    /// At random with this mean rate; the seed decides the moments.
    #[serde(rename_all = "camelCase")]
    Poisson {
        /// Pods in a second, in the mean.
        per_second: Setting<Rate>,
    },
}

/// A stretch of time with one rate.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateStep {
    /// Pods in a second.
    pub per_second: Setting<Rate>,
    /// For how long.
    #[serde(rename = "for")]
    pub duration: Setting<Span>,
}
