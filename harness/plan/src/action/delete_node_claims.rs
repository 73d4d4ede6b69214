//! Deleting NodeClaims.

use std::fmt;

use harness_units::count;
use harness_yaml::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// NodeClaims to delete, as an on-call engineer does it with `kubectl delete nodeclaim`: their nodes are drained and their VMs deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteNodeClaims {
    /// The NodePool whose NodeClaims are deleted.
    #[schemars(length(min = 1))]
    pub nodepool: String,
    /// How many of those that are not being deleted yet, the oldest first (default: all).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub count: Option<u32>,
}

impl DeleteNodeClaims {
    /// Which NodePools there are depends on the tree, and so an unknown one is found when the scenario meets its tree.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        if self.nodepool.is_empty() {
            found.push(Problem::new(
                &["nodepool"],
                "no NodePool has an empty name",
                "name one, such as general-purpose",
            ));
        }
        if self.count == Some(0) {
            let hint = "give at least 1, or leave it out to delete all of them";
            found.push(Problem::new(&["count"], "this deletes nothing", hint));
        }
        found
    }
}

impl fmt::Display for DeleteNodeClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            Some(wanted) => write!(f, "delete {} of {}", count(wanted, "NodeClaim"), self.nodepool),
            None => write!(f, "delete the NodeClaims of {}", self.nodepool),
        }
    }
}
