//! What is done to the Git repository and its server beside a plain commit.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Nothing, Setting};
use harness_plan::TreeEdit;
use harness_units::Span;

/// What the Git server does wrong: exactly one of them. The run's own commits go through.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "GitFault")]
pub enum GitFaultSpec {
    /// Every request is answered 503: `unavailable: {}`.
    Unavailable(Nothing),
    /// Every request is answered so much later. A fetch is two requests or three.
    Slow(Setting<Span>),
    /// Every request is answered 401, since the server demands credentials that Flux does not have: `wrongCredentials: {}`.
    WrongCredentials(Nothing),
}

/// History that is rewritten.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "ForcePush")]
pub struct ForcePushSpec {
    /// How many of the run's newest commits are dropped (default: 1).
    #[serde(default)]
    pub back: Option<Setting<u32>>,
    /// What the commit in their place changes.
    #[serde(default)]
    pub edits: Vec<TreeEdit>,
    /// The first line of its message (default: the phase's name).
    #[serde(default)]
    pub message: Option<String>,
}

/// Many objects alike.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "AddMany")]
pub struct AddManySpec {
    /// The object. `{n}` in any of its texts becomes the number of the copy, from 1; its name must have one.
    pub object: serde_json::Value,
    /// How many.
    pub count: Setting<u32>,
}
