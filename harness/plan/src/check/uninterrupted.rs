//! Pods that stay Ready.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Expected, Scope, during};
use crate::Selection;

/// Every pod of the workloads that was Ready when a phase started existed and was Ready until its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Uninterrupted {
    /// The workloads whose pods are checked.
    pub workloads: Selection,
    /// In each of these phases.
    #[serde(rename = "in")]
    #[schemars(length(min = 1))]
    pub phases: Vec<String>,
}

impl Expected for Uninterrupted {
    fn scope(&self) -> Scope<'_> {
        Scope { phases: &self.phases, ..Scope::of_workloads(&self.workloads) }
    }
}

impl fmt::Display for Uninterrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} uninterrupted{}", self.workloads.describe("workloads"), during(&self.phases))
    }
}
