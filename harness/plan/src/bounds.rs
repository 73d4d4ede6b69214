//! How often.

use std::fmt;

use harness_yaml::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A minimum, a maximum or both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Bounds {
    /// Minimum number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<u32>,
    /// Maximum number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<u32>,
}

impl Bounds {
    /// Whether neither is given.
    pub fn is_open(self) -> bool {
        self == Self::default()
    }

    /// At least once where neither is given.
    #[must_use]
    pub fn or_once(self) -> Self {
        if self.is_open() { Self { at_least: Some(1), at_most: None } } else { self }
    }

    /// Whether a number lies within them.
    pub fn hold(self, number: u32) -> bool {
        self.at_least.is_none_or(|least| number >= least) && self.at_most.is_none_or(|most| number <= most)
    }

    /// `at least 3 times`, `2 to 5 changes`, `exactly 1 time`. The noun is in the singular.
    pub fn describe(self, noun: &str) -> String {
        let plural = if self.at_most.or(self.at_least) == Some(1) { "" } else { "s" };
        format!("{self} {noun}{plural}")
    }

    /// Bounds that hold always, or never. `always` is what to say of a minimum of 0 alone.
    pub(crate) fn problems(self, always: &str) -> Vec<Problem> {
        match (self.at_least, self.at_most) {
            (Some(0), None) => vec![Problem::new(&["atLeast"], always, "give `atLeast: 1`, or `atMost`")],
            (Some(least), Some(most)) if least > most => {
                vec![Problem::new(&["atLeast"], "nothing is between these bounds", "swap them")]
            }
            _ => Vec::new(),
        }
    }
}

/// `at least 3`, `2 to 5`, `exactly 0`.
impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.at_least, self.at_most) {
            (Some(least), Some(most)) if least == most => write!(f, "exactly {least}"),
            (Some(least), Some(most)) => write!(f, "{least} to {most}"),
            (Some(least), None) => write!(f, "at least {least}"),
            (None, Some(most)) => write!(f, "at most {most}"),
            (None, None) => f.write_str("any number of"),
        }
    }
}
