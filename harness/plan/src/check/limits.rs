//! Limits of NodePools.

use std::fmt;

use harness_yaml::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Candidates, Expected, Facts, Scope};
use crate::Selection;

/// The resources of each NodePool never exceeded its limits by more than what was in flight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Limits")]
pub struct PoolLimits {
    /// The NodePools that are checked; `all` means those that have limits.
    pub nodepools: Selection,
}

impl Expected for PoolLimits {
    fn scope(&self) -> Scope<'_> {
        Scope { selection: Some((&self.nodepools, Candidates::LimitedNodepools)), ..Scope::default() }
    }

    fn problems(&self, facts: &Facts<'_>) -> Vec<Problem> {
        let hint = "scale workloads up in a phase, or remove this";
        let found = Problem::new(&["nodepools"], "limits of NodePools without nodes cannot be exceeded", hint);
        (!facts.scales_up).then_some(found).into_iter().collect()
    }
}

impl fmt::Display for PoolLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "limits of {}", self.nodepools.describe("nodepools"))
    }
}
