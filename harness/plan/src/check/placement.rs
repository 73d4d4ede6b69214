//! Pods on nodes of their class.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Expected, Scope};
use crate::Selection;

/// Every pod of the workloads was bound to a node of its class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Placement {
    /// The workloads whose pods are checked.
    pub workloads: Selection,
    /// Where they must be bound (default: their-class).
    #[serde(default)]
    pub on: PlacementTarget,
    /// Also, no pod of another class may be bound there (default: true).
    #[serde(default = "crate::defaults::yes")]
    pub exclusively: bool,
}

/// Where pods must be bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlacementTarget {
    /// To nodes of the NodePool that their workload is for.
    #[default]
    TheirClass,
}

impl Expected for Placement {
    fn scope(&self) -> Scope<'_> {
        Scope::of_workloads(&self.workloads)
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exclusively = if self.exclusively { ", exclusively" } else { "" };
        write!(f, "placement of {} on their class{exclusively}", self.workloads.describe("workloads"))
    }
}
