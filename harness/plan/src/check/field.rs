//! Fields of objects.

use std::fmt;

use harness_yaml::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Expected, Facts, Scope, during};
use crate::{Bounds, Field, FieldPath};

/// The field of an object has the value that it must have, at the end of the phases or throughout them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "FieldExpectation")]
pub struct ExpectedField {
    /// Which field, and its value.
    #[serde(flatten)]
    pub field: Field,
    /// At the end of the last of these phases (default: of the last phase of all).
    #[serde(default, rename = "in", skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<String>,
    /// At every moment of each of these phases (default: false).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub always: bool,
}

impl Expected for ExpectedField {
    fn scope(&self) -> Scope<'_> {
        Scope { object: Some(&self.field.object), ..Scope::of_phases(&self.phases) }
    }

    fn problems(&self, _: &Facts<'_>) -> Vec<Problem> {
        self.field.problems()
    }
}

impl fmt::Display for ExpectedField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.field.fmt(f)?;
        match (self.always, self.phases.last()) {
            (true, _) => write!(f, " always{}", during(&self.phases)),
            (false, None) => f.write_str(" at the end"),
            (false, Some(last)) => write!(f, " at the end of {last}"),
        }
    }
}

/// The value of a field changed this often: no two of its owners fought over it. At least one of the bounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Changes {
    /// One of `objects`.
    pub object: String,
    /// Which field, as in `field`.
    pub path: FieldPath,
    /// How often.
    #[serde(flatten)]
    pub bounds: Bounds,
    /// Only in these phases (default: in all of them).
    #[serde(default, rename = "in", skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<String>,
}

impl Expected for Changes {
    fn scope(&self) -> Scope<'_> {
        Scope { object: Some(&self.object), ..Scope::of_phases(&self.phases) }
    }

    fn problems(&self, _: &Facts<'_>) -> Vec<Problem> {
        let any = "every value changes any number of times";
        match self.bounds {
            Bounds { at_least: None, at_most: None } => {
                vec![Problem::new(&[], any, "give `atMost`, or `atLeast` above 0")]
            }
            bounds => bounds.problems(any),
        }
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let changes = self.bounds.describe("time");
        write!(f, "{}: {} changes {changes}{}", self.object, self.path, during(&self.phases))
    }
}
