//! Ready pods at every moment.

use std::fmt;

use harness_units::Amount;
use harness_yaml::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Expected, Facts, Scope, during};
use crate::Selection;

/// At no moment were fewer pods of a workload Ready.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Available {
    /// The workloads whose pods are checked.
    pub workloads: Selection,
    /// Minimum number of Ready pods of each workload, or a percentage of the replicas that the plan asks for at that moment.
    pub at_least: Amount,
    /// In each of these phases.
    #[serde(rename = "in")]
    #[schemars(length(min = 1))]
    pub phases: Vec<String>,
}

impl Expected for Available {
    fn scope(&self) -> Scope<'_> {
        Scope { phases: &self.phases, ..Scope::of_workloads(&self.workloads) }
    }

    fn problems(&self, _: &Facts<'_>) -> Vec<Problem> {
        let found = Problem::new(&["atLeast"], "0 pods are always available", "give a number above 0");
        (self.at_least.of(100) == 0).then_some(found).into_iter().collect()
    }
}

impl fmt::Display for Available {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let workloads = self.workloads.describe("workloads");
        write!(f, "at least {} of {workloads} available{}", self.at_least, during(&self.phases))
    }
}
