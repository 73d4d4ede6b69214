//! What the fleet costs in an hour.

use std::fmt;

use harness_units::Percent;
use harness_yaml::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Expected, Facts, Scope};

/// The hourly price of the fleet fell between the ends of two phases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Price {
    /// The phase at whose end the later price is taken.
    pub after: String,
    /// The phase at whose end the earlier price is taken.
    pub before: String,
    /// Upper bound of the later price, as a part of the earlier one.
    pub at_most_percent: Percent,
}

impl Expected for Price {
    fn scope(&self) -> Scope<'_> {
        Scope { phase: Some(("after", &self.after)), other_phase: Some(("before", &self.before)), ..Scope::default() }
    }

    fn problems(&self, _: &Facts<'_>) -> Vec<Problem> {
        let hint = "expect `fleet: {atEnd: 0}`";
        let found = Problem::new(&["atMostPercent"], "a fleet that costs nothing has no nodes", hint);
        (self.at_most_percent == Percent(0)).then_some(found).into_iter().collect()
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "price after {} at most {} of that after {}", self.after, self.at_most_percent, self.before)
    }
}
