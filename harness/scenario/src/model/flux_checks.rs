//! What must hold of Flux: the order of its layers, and what its controllers use.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Setting;
use harness_units::{Bytes, Millicores};
use harness_yaml::Located;

/// Kustomizations that wait for each other.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Order")]
pub struct OrderSpec {
    /// Their names, the first to come first. At least two.
    #[schemars(length(min = 1))]
    pub kustomizations: Vec<Located<String>>,
    /// For every commit of these phases; `prepare` is where the tree is pushed first.
    #[serde(rename = "in")]
    #[schemars(length(min = 1))]
    pub phases: Vec<Located<String>>,
}

/// Processes of the target, and what they may use together. Without a limit they must only run.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Usage")]
pub struct UsageSpec {
    /// Their names, such as source-controller.
    #[schemars(length(min = 1))]
    pub processes: Vec<Located<String>>,
    /// The most CPU of all of them together, as the average over the phases.
    #[serde(default)]
    pub cpu: Option<Setting<Millicores>>,
    /// The most resident memory: the sum of what each of them had at most.
    #[serde(default)]
    pub memory: Option<Setting<Bytes>>,
    /// Only in these phases (default: in all of them).
    #[serde(default, rename = "in")]
    pub phases: Vec<Located<String>>,
}
