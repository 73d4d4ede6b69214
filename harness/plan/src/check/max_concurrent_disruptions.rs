//! Nodes that are disrupted at the same time.

use std::fmt;

use harness_units::Amount;
use harness_yaml::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Expected, Facts, Scope, during};
use crate::Selection;
use crate::event_pattern::disruption_reason;

/// At no moment were more nodes of a NodePool being disrupted. A disruption lasts from the choice (or the deletion) of a NodeClaim to its
/// end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MaxConcurrentDisruptions {
    /// In each of these NodePools.
    pub nodepools: Selection,
    /// Only disruptions of this reason (default: all).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Maximum number, or percentage of the NodePool's NodeClaims at that moment, rounded up as the controller rounds.
    pub at_most: Amount,
    /// In each of these phases.
    #[serde(rename = "in")]
    #[schemars(length(min = 1))]
    pub phases: Vec<String>,
}

impl Expected for MaxConcurrentDisruptions {
    fn scope(&self) -> Scope<'_> {
        Scope { phases: &self.phases, ..Scope::of_nodepools(&self.nodepools) }
    }

    fn problems(&self, _: &Facts<'_>) -> Vec<Problem> {
        let found = Problem::new(&["atMost"], "no more than 100% of the nodes can be disrupted", "give less than 100%");
        let mut found: Vec<Problem> = (self.at_most == Amount::Percent(100)).then_some(found).into_iter().collect();
        found.extend(disruption_reason(&["reason"], self.reason.as_deref()));
        found
    }
}

impl fmt::Display for MaxConcurrentDisruptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.at_most == Amount::Count(1) { "" } else { "s" };
        write!(f, "at most {} concurrent disruption{plural}", self.at_most)?;
        if let Some(reason) = &self.reason {
            write!(f, " ({reason})")?;
        }
        write!(f, " in {}{}", self.nodepools.describe("nodepools"), during(&self.phases))
    }
}
