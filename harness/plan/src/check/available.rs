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
    /// Minimum number of Ready pods of each workload, or a percentage of the replicas that the plan asks for at that moment (default: what the
    /// workload's `disruptionBudget` keeps available).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<Amount>,
    /// In each of these phases.
    #[serde(rename = "in")]
    #[schemars(length(min = 1))]
    pub phases: Vec<String>,
}

impl Expected for Available {
    fn scope(&self) -> Scope<'_> {
        Scope { phases: &self.phases, ..Scope::of_workloads(&self.workloads) }
    }

    fn problems(&self, facts: &Facts<'_>) -> Vec<Problem> {
        if let Some(at_least) = self.at_least {
            return match at_least {
                _ if at_least.of(100) == 0 => {
                    vec![Problem::new(&["atLeast"], "0 pods are always available", "give a number above 0")]
                }
                Amount::Count(least) => {
                    let found = facts.never_so_many(&["atLeast"], &self.workloads, least);
                    let percent = (least <= 100).then(|| format!("; where a part of the pods is meant, `{least}%`"));
                    found
                        .map(|found| Problem { hint: found.hint + &percent.unwrap_or_default(), ..found })
                        .into_iter()
                        .collect()
                }
                Amount::Percent(_) => Vec::new(),
            };
        }
        let has_none = |name: &&str| !facts.budgeted.contains(name) && !facts.pending.contains(name);
        let without = facts.names.workloads.iter().copied().filter(|name| self.workloads.selects(name));
        let problem = |name| {
            let message = format!("`{name}` has no disruptionBudget that would keep pods available");
            Problem::new(&["workloads"], message, "give it one, or say how many: `atLeast: 80%`")
        };
        without.filter(has_none).map(problem).collect()
    }
}

impl fmt::Display for Available {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let workloads = self.workloads.describe("workloads");
        match self.at_least {
            Some(at_least) => write!(f, "at least {at_least} of {workloads} available")?,
            None => write!(f, "as much of {workloads} available as its disruption budget keeps")?,
        }
        f.write_str(&during(&self.phases))
    }
}
