//! Spot VMs that are replaced in time.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Expected, Scope, during};

/// For each spot VM that was given notice, a new node was Ready before the VM was gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReplacedBeforeLoss {
    /// In these phases.
    #[serde(rename = "in")]
    #[schemars(length(min = 1))]
    pub phases: Vec<String>,
}

impl Expected for ReplacedBeforeLoss {
    fn scope(&self) -> Scope<'_> {
        Scope::of_phases(&self.phases)
    }
}

impl fmt::Display for ReplacedBeforeLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spot VMs replaced before eviction{}", during(&self.phases))
    }
}
