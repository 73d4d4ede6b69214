//! What spot VMs save.

use std::fmt;

use harness_units::Percent;
use harness_yaml::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Expected, Facts, Scope, during};

/// The VMs of the run cost less than the same VMs at on-demand prices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Savings {
    /// Minimum savings, as a part of the on-demand price.
    pub at_least_percent: Percent,
    /// Only what they cost in these phases (default: in the whole run, with its preparation and cleanup).
    #[serde(default, rename = "in", skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<String>,
}

impl Expected for Savings {
    fn scope(&self) -> Scope<'_> {
        Scope { phases: &self.phases, ..Scope::default() }
    }

    fn problems(&self, _: &Facts<'_>) -> Vec<Problem> {
        let hint = "give a percentage above 0";
        let found = Problem::new(&["atLeastPercent"], "every run saves at least 0%", hint);
        (self.at_least_percent == Percent(0)).then_some(found).into_iter().collect()
    }
}

impl fmt::Display for Savings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spot saves at least {}{}", self.at_least_percent, during(&self.phases))
    }
}
