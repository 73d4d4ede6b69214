//! What the fleet costs in an hour.

use std::fmt;

use harness_units::Percent;
use harness_yaml::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Expected, Facts, Scope};

/// The hourly price of the fleet fell, or did not rise, from the end of a phase to that of a later one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Price {
    /// The phase at whose end the later price is taken; with `always`, in which it is taken.
    pub after: String,
    /// The phase at whose end the earlier price is taken.
    pub before: String,
    /// Upper bound of the later price, as a part of the earlier one.
    pub at_most_percent: Percent,
    /// Whether it holds at every moment of the later phase, and not only at its end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub always: bool,
}

impl Expected for Price {
    fn scope(&self) -> Scope<'_> {
        Scope { phase: Some(("after", &self.after)), other_phase: Some(("before", &self.before)), ..Scope::default() }
    }

    fn problems(&self, facts: &Facts<'_>) -> Vec<Problem> {
        let Self { after, before, at_most_percent, always: _ } = self;
        let mut found = Vec::new();
        if *at_most_percent == Percent(0) {
            let hint = "expect `fleet: {atEnd: 0}`";
            found.push(Problem::new(&["atMostPercent"], "a fleet that costs nothing has no nodes", hint));
        }
        let number = |name: &String| facts.names.phases.iter().position(|phase| phase == name);
        if let (Some(later), Some(earlier)) = (number(after), number(before))
            && later <= earlier
        {
            let (message, hint) = match later == earlier {
                true => (format!("the price at the end of `{after}` is compared with itself"), "name an earlier phase"),
                false => (format!("the phase `{after}` ends before `{before}`"), "swap them"),
            };
            found.push(Problem::new(&["before"], message, hint));
        }
        found
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let when = if self.always { "always in" } else { "after" };
        write!(f, "price {when} {} at most {} of that after {}", self.after, self.at_most_percent, self.before)
    }
}
