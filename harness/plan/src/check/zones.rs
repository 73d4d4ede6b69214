//! Workloads that the loss of a zone does not take down.

use std::fmt;

use harness_yaml::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Expected, Facts, Scope, during};
use crate::Selection;

/// At no moment of the phases did the Ready pods of a workload run in fewer zones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Zones {
    /// The workloads whose pods are checked.
    pub workloads: Selection,
    /// Minimum number of zones with a Ready pod.
    #[schemars(range(min = 1))]
    pub at_least: u32,
    /// In each of these phases.
    #[serde(rename = "in")]
    #[schemars(length(min = 1))]
    pub phases: Vec<String>,
}

impl Expected for Zones {
    fn scope(&self) -> Scope<'_> {
        Scope { phases: &self.phases, ..Scope::of_workloads(&self.workloads) }
    }

    fn problems(&self, _: &Facts<'_>) -> Vec<Problem> {
        let found = Problem::new(&["atLeast"], "every workload runs in at least 0 zones", "give at least 1");
        (self.at_least == 0).then_some(found).into_iter().collect()
    }
}

impl fmt::Display for Zones {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.at_least == 1 { "" } else { "s" };
        let workloads = self.workloads.describe("workloads");
        write!(f, "{workloads} in at least {} zone{plural}{}", self.at_least, during(&self.phases))
    }
}
