//! What the pods of a workload use.

use std::collections::BTreeMap;

use harness_units::{Bytes, Millicores};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a workload's pods use together; what is not given stays as it was.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Load {
    /// The workload.
    pub workload: String,
    /// CPU of all its pods together, spread evenly over those that are Ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Millicores>,
    /// Memory of all its pods together, spread evenly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Bytes>,
    /// The application's own metrics by name: the sum over its pods, spread evenly.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pod_metrics: BTreeMap<String, u32>,
    /// Metrics of something outside the cluster, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub external_metrics: BTreeMap<String, u32>,
}
