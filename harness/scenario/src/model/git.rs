//! What is done to the Git repository and its server beside a plain commit.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Setting;
use harness_plan::TreeEdit;

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
