//! Nodes beyond those that are needed.

use std::fmt;

use harness_units::Amount;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Expected, Scope, during};
use crate::Selection;

/// At no moment did a NodePool have more nodes beyond those with which the first of the phases started: as `maxSurge` of an AKS agent pool, but nodes
/// that are still being made or deleted count too, at the start as well. For phases that replace nodes while the load stays the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MaxSurge {
    /// Each of these NodePools by itself.
    pub nodepools: Selection,
    /// Maximum number of additional nodes, or percentage of the NodePool's Ready nodes at the start of the first phase, rounded up.
    pub at_most: Amount,
    /// In each of these phases.
    #[serde(rename = "in")]
    #[schemars(length(min = 1))]
    pub phases: Vec<String>,
}

impl Expected for MaxSurge {
    fn scope(&self) -> Scope<'_> {
        Scope { phases: &self.phases, ..Scope::of_nodepools(&self.nodepools) }
    }
}

impl fmt::Display for MaxSurge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pools = self.nodepools.describe("nodepools");
        write!(f, "surge of at most {} in {pools}{}", self.at_most, during(&self.phases))
    }
}
