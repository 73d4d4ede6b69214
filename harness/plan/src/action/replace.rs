//! Deleting pods, so that others are created.

use std::fmt;

use harness_yaml::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Arrival, Names, Selection};

/// Pods to delete. In a plan: one pod of one workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Replace {
    /// Which workloads; `all` includes the derived ones.
    pub workloads: Selection,
    /// How many pods of each of them.
    pub count: u32,
    /// When each of them is deleted (default: burst). Latencies of the pods that follow count from these moments.
    #[serde(default, skip_serializing_if = "Arrival::is_burst")]
    pub arrival: Arrival,
}

impl Replace {
    /// One pod of one workload.
    pub fn one(workload: impl Into<String>) -> Self {
        Self { workloads: Selection::one(workload), count: 1, arrival: Arrival::Burst }
    }

    /// The workload that a plan's step is about.
    pub fn workload(&self) -> &str {
        self.workloads.names().first().map_or("", String::as_str)
    }

    pub(super) fn problems(&self, names: &Names<'_>) -> Vec<Problem> {
        let mut found = names.workloads("workloads", &self.workloads);
        if self.count == 0 {
            found.push(Problem::new(&["count"], "this replaces nothing", "give at least 1"));
        }
        found.extend(self.arrival.problems().into_iter().map(|problem| problem.under("arrival")));
        found
    }
}

impl fmt::Display for Replace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "replace a pod of {}", self.workload())
    }
}
