//! The order in which Flux applies.

use std::fmt;

use harness_yaml::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Expected, Facts, Scope, during};

/// For each commit that was pushed in the phases, each Kustomization was healthy before the next one was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Order {
    /// Names of Kustomizations in the order of their application. At least two.
    #[schemars(length(min = 1))]
    pub kustomizations: Vec<String>,
    /// For every commit of these phases; `prepare` is where the tree is pushed first.
    #[serde(rename = "in")]
    #[schemars(length(min = 1))]
    pub phases: Vec<String>,
}

impl Expected for Order {
    fn scope(&self) -> Scope<'_> {
        Scope { with_prepare: true, ..Scope::of_phases(&self.phases) }
    }

    fn problems(&self, _: &Facts<'_>) -> Vec<Problem> {
        let hint = "name those that follow it too";
        let found = Problem::new(&["kustomizations"], "a single Kustomization is always in order", hint);
        (self.kustomizations.len() < 2).then_some(found).into_iter().collect()
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in this order{}", self.kustomizations.join(", "), during(&self.phases))
    }
}

/// Of the revisions that were pushed, those that Flux applied were applied in the order of their pushes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AppliedInOrder {
    /// Also, the revision that was pushed last is in force at the end of the phases (default: true).
    #[serde(default = "crate::defaults::yes")]
    pub last: bool,
    /// Only pushes of these phases (default: of all).
    #[serde(default, rename = "in", skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<String>,
}

impl Expected for AppliedInOrder {
    fn scope(&self) -> Scope<'_> {
        Scope::of_phases(&self.phases)
    }

    fn problems(&self, facts: &Facts<'_>) -> Vec<Problem> {
        let hint = "commit something in a phase, or remove this";
        let found = Problem::new(&[], "without a commit nothing can be out of order", hint);
        (!facts.pushes).then_some(found).into_iter().collect()
    }
}

impl fmt::Display for AppliedInOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = if self.last { ", the last in force" } else { "" };
        write!(f, "revisions applied in order{last}{}", during(&self.phases))
    }
}
