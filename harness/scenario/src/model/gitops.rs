//! Git and Flux: what lies beside the node configuration, how often Flux looks, and when it is told to.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Setting;
use harness_units::Span;
use harness_yaml::Located;

/// How the run uses Git and Flux. Needs gitops.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Gitops")]
pub struct GitopsSpec {
    /// A tree of layers that is pushed beside the node configuration, in the folder gitops: `gitops` is the one that comes along, anything
    /// else is a folder beside this file. Its Flux Kustomizations name their folders from there: `path: ./gitops/apps`.
    #[serde(default)]
    pub tree: Option<Located<String>>,
    /// The folder of that tree which the node configuration's own kustomization takes in (default: clusters/production).
    #[serde(default)]
    pub entry: Option<Located<String>>,
    /// How often Flux looks into the repository (default: as the target has it, 1m on the local one).
    #[serde(default)]
    pub source_interval: Option<Setting<Span>>,
    /// How often Flux applies what it has fetched, which is when it corrects what somebody changed (default: as the target has it, 10m on the
    /// local one). Layers have intervals of their own, in the tree.
    #[serde(default)]
    pub interval: Option<Setting<Span>>,
}

impl GitopsSpec {
    /// The tree's entry.
    pub fn entry(&self) -> &str {
        self.entry.as_ref().map_or("clusters/production", |entry| entry.value.as_str())
    }
}
