//! Pods that are not Ready when a phase is over.

use std::fmt;

use harness_yaml::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Expected, Facts, Scope};
use crate::{Bounds, Selection};

/// How many of the pods that the plan asks for are not Ready at the end of each phase, be it reached or its deadline: pods that never came, wait
/// for a node, or are stuck on one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unready {
    /// The workloads whose pods are counted, each for itself.
    pub workloads: Selection,
    /// How many (default: none).
    #[serde(flatten)]
    pub bounds: Bounds,
    /// At the end of each of these phases.
    #[serde(rename = "in")]
    #[schemars(length(min = 1))]
    pub phases: Vec<String>,
}

impl Unready {
    /// The bounds; at most 0 where neither is given.
    pub fn allowed(&self) -> Bounds {
        if self.bounds.is_open() { Bounds { at_least: None, at_most: Some(0) } } else { self.bounds }
    }
}

impl Expected for Unready {
    fn scope(&self) -> Scope<'_> {
        Scope { phases: &self.phases, ..Scope::of_workloads(&self.workloads) }
    }

    fn problems(&self, facts: &Facts<'_>) -> Vec<Problem> {
        let mut found = self.bounds.problems("at least 0 pods are never Ready");
        let Bounds { at_least, at_most } = self.bounds;
        found.extend(at_least.and_then(|least| facts.never_so_many(&["atLeast"], &self.workloads, least)));
        if at_least.is_none_or(|least| least == 0) {
            found.extend(at_most.and_then(|most| facts.never_more(&["atMost"], &self.workloads, most)));
        }
        found
    }
}

impl fmt::Display for Unready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (pods, workloads) = (self.allowed().describe("pod"), self.workloads.describe("workloads"));
        write!(f, "{pods} of {workloads} not Ready at the end of {}", self.phases.join(", "))
    }
}
