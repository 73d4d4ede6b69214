//! Setting the replicas of workloads.

use std::fmt;

use harness_yaml::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Arrival, Names, Selection};

/// New replicas for workloads. In a plan: one workload, one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scale {
    /// Which workloads; `all` includes the derived ones.
    pub workloads: Selection,
    /// Replicas before, by the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub from: Option<u32>,
    /// Replicas of each of them afterwards.
    pub to: u32,
    /// When each pod is asked for (default: burst). Latencies count from these moments, whatever the cluster does meanwhile.
    #[serde(default, skip_serializing_if = "Arrival::is_burst")]
    pub arrival: Arrival,
}

/// More replicas than Kubernetes supports pods in a cluster are a typing error, and a plan has an action for each.
/// Source: kubernetes.io, "Considerations for large clusters".
const REPLICAS_MAX: u32 = 150_000;

impl Scale {
    /// One step of one workload.
    pub fn step(workload: impl Into<String>, from: u32, to: u32) -> Self {
        Self { workloads: Selection::one(workload), from: Some(from), to, arrival: Arrival::Burst }
    }

    /// The workload that a plan's step is about.
    pub fn workload(&self) -> &str {
        self.workloads.names().first().map_or("", String::as_str)
    }

    pub(super) fn problems(&self, names: &Names<'_>) -> Vec<Problem> {
        let mut found = names.workloads("workloads", &self.workloads);
        if self.to > REPLICAS_MAX {
            let message = format!("{} replicas are more pods than a cluster can have", self.to);
            found.push(Problem::new(&["to"], message, format!("ask for at most {REPLICAS_MAX}")));
        }
        found.extend(self.arrival.problems().into_iter().map(|problem| problem.under("arrival")));
        found
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.from {
            Some(from) => write!(f, "scale {} {from} -> {}", self.workload(), self.to),
            None => write!(f, "scale {} to {}", self.workload(), self.to),
        }
    }
}
