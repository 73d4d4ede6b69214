//! Workloads that the loss of a zone does not take down.

use std::fmt;

use harness_yaml::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Expected, Facts, Scope, during};
use crate::Selection;

/// At no moment of the phases did the Ready pods of a workload run in fewer zones, or were spread over them more unevenly. At least one of the
/// limits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Zones {
    /// The workloads whose pods are checked.
    pub workloads: Selection,
    /// Minimum number of zones with a Ready pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub at_least: Option<u32>,
    /// By how many Ready pods two zones may differ, of those in which the workload ran in the phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_skew: Option<u32>,
    /// In each of these phases.
    #[serde(rename = "in")]
    #[schemars(length(min = 1))]
    pub phases: Vec<String>,
}

impl Expected for Zones {
    fn scope(&self) -> Scope<'_> {
        Scope { phases: &self.phases, ..Scope::of_workloads(&self.workloads) }
    }

    fn problems(&self, facts: &Facts<'_>) -> Vec<Problem> {
        match (self.at_least, self.max_skew) {
            (None, None) => vec![Problem::new(&[], "every workload runs in some zones", "give `atLeast` or `maxSkew`")],
            (Some(0), _) => {
                vec![Problem::new(&["atLeast"], "every workload runs in at least 0 zones", "give at least 1")]
            }
            (least, most) => {
                let never = least.and_then(|least| facts.never_so_many(&["atLeast"], &self.workloads, least));
                let always = most.and_then(|most| facts.never_more(&["maxSkew"], &self.workloads, most));
                never.into_iter().chain(always).collect()
            }
        }
    }
}

impl fmt::Display for Zones {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.workloads.describe("workloads"))?;
        if let Some(least) = self.at_least {
            write!(f, " in at least {}", harness_units::count(least, "zone"))?;
        }
        if let Some(most) = self.max_skew {
            write!(f, " with a skew over zones of at most {most}")?;
        }
        f.write_str(&during(&self.phases))
    }
}
