//! Pods that must not find a node.

use std::fmt;

use harness_yaml::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Expected, Facts, Scope, during};
use crate::Selection;

/// No pod of the workloads was ever bound, or none of those that waited in the phases was bound in them; there was at least one of each, and a
/// controller gave the reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pending {
    /// The workloads whose pods are checked; without `in` they must be marked `staysPending`.
    pub workloads: Selection,
    /// A part of the reason that a controller gives for one of each workload's pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_contains: Option<String>,
    /// Only in these phases: afterwards the pods may find nodes (default: in the whole run).
    #[serde(default, rename = "in", skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<String>,
}

impl Expected for Pending {
    fn scope(&self) -> Scope<'_> {
        match self.phases.as_slice() {
            [] => Scope::of_pending_workloads(&self.workloads),
            phases => Scope { phases, ..Scope::of_any_workloads(&self.workloads) },
        }
    }

    /// Pods that may find nodes cannot be expected to stay pending for the whole run.
    fn problems(&self, facts: &Facts<'_>) -> Vec<Problem> {
        if !self.phases.is_empty() {
            return Vec::new();
        }
        let hint = "mark them: `staysPending: true`; or say when they are to wait: `in: [...]`";
        if self.workloads == Selection::All && facts.pending.is_empty() {
            return vec![Problem::new(&["workloads"], "no workload is marked as staying pending", hint)];
        }
        let unmarked = |(index, name): (usize, &String)| {
            let name = name.as_str();
            let is_unmarked = facts.peaks.contains_key(name) && !facts.pending.contains(name);
            let message = match facts.not_awaited.contains(name) {
                true => format!("the pods of `{name}` may find nodes"),
                false => format!("phases wait for the pods of `{name}`"),
            };
            is_unmarked.then(|| Problem::new(&["workloads", &index.to_string()], message, hint))
        };
        self.workloads.names().iter().enumerate().filter_map(unmarked).collect()
    }
}

impl fmt::Display for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pods of {} stay pending{}", self.workloads.describe("workloads"), during(&self.phases))?;
        match &self.message_contains {
            Some(part) => write!(f, ", with a reason that contains `{part}`"),
            None => Ok(()),
        }
    }
}
