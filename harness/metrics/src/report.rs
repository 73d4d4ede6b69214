//! What became of the load, for the run that set it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One workload with load, as the metrics show it now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadReport {
    /// The namespace of its pods.
    pub namespace: String,
    /// Its name.
    pub workload: String,
    /// Its pods that are Ready and share the load.
    pub ready_pods: usize,
    /// By metric: `cpu` in thousandths of a core, `memory` in bytes, others in thousandths of their unit.
    pub metrics: BTreeMap<String, DemandReport>,
}

/// One demand, as it was shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DemandReport {
    /// The sum over the pods of what the API answers.
    pub used: u64,
    /// What was demanded beyond it, because pods are saturated or there is none.
    pub overload: u64,
}
