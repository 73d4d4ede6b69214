//! What the pods of a workload use.

use std::collections::BTreeMap;

use harness_units::{Bytes, Millicores};
use harness_yaml::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Names;

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

impl Load {
    pub(super) fn problems(&self, names: &Names<'_>) -> Vec<Problem> {
        let mut found = names.workload(&["workload"], &self.workload);
        let Self { workload: _, cpu, memory, pod_metrics, external_metrics } = self;
        if cpu.is_none() && memory.is_none() && pod_metrics.is_empty() && external_metrics.is_empty() {
            let hint = "give one of `cpu`, `memory`, `podMetrics`, `externalMetrics`";
            found.push(Problem::new(&[], "this sets nothing", hint));
        }
        found
    }
}
