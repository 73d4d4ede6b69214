//! How often something happened.

use std::fmt;

use harness_yaml::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Expected, Facts, Scope, during};
use crate::{Bounds, EventPattern, OccurrenceKind};

/// Something happened this often: the proof that what the scenario set out to cause was there, or that what must not happen did not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Happened {
    /// What is counted.
    #[serde(flatten)]
    pub pattern: EventPattern,
    /// How often (default: at least once).
    #[serde(flatten)]
    pub bounds: Bounds,
    /// Only in these phases (default: in all of them).
    #[serde(default, rename = "in", skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<String>,
}

impl Expected for Happened {
    fn scope(&self) -> Scope<'_> {
        Scope { pattern: Some(&self.pattern), ..Scope::of_phases(&self.phases) }
    }

    fn problems(&self, _: &Facts<'_>) -> Vec<Problem> {
        let mut found = self.bounds.problems("whatever happens, it happens at least 0 times");
        if self.pattern.what == OccurrenceKind::KustomizationFailed
            && self.pattern.code.as_deref() == Some("DependencyNotReady")
        {
            let message = "a Kustomization whose dependency is not ready has not failed";
            let hint = "count `kustomization-waiting`: the revision has not failed, it was not tried";
            found.push(Problem::new(&[], message, hint));
        }
        found
    }
}

impl fmt::Display for Happened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} x {}{}", self.bounds.or_once(), self.pattern, during(&self.phases))
    }
}
