//! Nodes that stay.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Expected, Scope, during};
use crate::Selection;

/// The nodes that existed when the first of the phases started existed when the last one ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Retained {
    /// The NodePools whose nodes are checked.
    pub nodepools: Selection,
    /// From the start of the first of these phases to the end of the last.
    #[serde(rename = "in")]
    #[schemars(length(min = 1))]
    pub phases: Vec<String>,
}

impl Expected for Retained {
    fn scope(&self) -> Scope<'_> {
        Scope { phases: &self.phases, ..Scope::of_nodepools(&self.nodepools) }
    }
}

impl fmt::Display for Retained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nodes of {} retained{}", self.nodepools.describe("nodepools"), during(&self.phases))
    }
}
