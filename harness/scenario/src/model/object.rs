//! Objects of the cluster: which are looked at, what they must be, and how somebody changes them.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::Setting;
use harness_yaml::Located;

/// The field of an object and what its value must be. At least one of `is`, `not`, `atLeast`, `atMost`, `contains`, `present`; all
/// that are given must hold.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Field")]
pub struct FieldSpec {
    /// One of `objects`.
    pub object: Located<String>,
    /// What of it: `spec.replicas`, `metadata.annotations[example.com/owner]`, `status.conditions[type=Ready].status`, `exists`, or
    /// `owners:spec.replicas` for the field managers that own a value.
    pub path: Located<String>,
    /// Exactly this.
    #[serde(default)]
    pub is: Option<Value>,
    /// Anything but this; nothing at all is something else.
    #[serde(default)]
    pub not: Option<Value>,
    /// A number, or a list or map with so many items, of no less.
    #[serde(default)]
    pub at_least: Option<Setting<u32>>,
    /// A number, or a list or map with so many items, of no more.
    #[serde(default)]
    pub at_most: Option<Setting<u32>>,
    /// A text with this part, a list with this item, a map with this key.
    #[serde(default)]
    pub contains: Option<Value>,
    /// There, whatever it is, or not there.
    #[serde(default)]
    pub present: Option<bool>,
    /// Of an expectation: at the end of the last of these phases (default: of the last phase of all).
    #[serde(default, rename = "in")]
    pub phases: Vec<Located<String>>,
    /// Of an expectation: at every moment of each of these phases.
    #[serde(default)]
    pub always: bool,
}

/// How often the value of a field changes. At least one of the bounds.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Changes")]
pub struct ChangesSpec {
    /// One of `objects`.
    pub object: Located<String>,
    /// What of it, as in `field`.
    pub path: Located<String>,
    /// No less often.
    #[serde(default)]
    pub at_least: Option<Setting<u32>>,
    /// No more often.
    #[serde(default)]
    pub at_most: Option<Setting<u32>>,
    /// Only in these phases (default: in all of them).
    #[serde(default, rename = "in")]
    pub phases: Vec<Located<String>>,
}
