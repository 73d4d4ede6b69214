//! Git and Flux, as the plan knows them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Receiver;
use harness_units::Span;

/// How the run uses Git and Flux. Needs gitops.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Gitops {
    /// A tree of layers that is pushed beside the node configuration, in the folder gitops: `gitops` is the one that comes with the harness,
    /// anything else is a folder beside the scenario's file. Its Flux Kustomizations name their folders from there: `path: ./gitops/apps`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<String>,
    /// The folder of that tree which the node configuration's own kustomization includes (default: clusters/production).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// How often Flux checks the repository (default: as the target has it, 1m on the local one).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_interval: Option<Span>,
    /// How often Flux applies what it has fetched, which is when it corrects drift (default: as the target has it, 10m on the local one).
    /// Layers have intervals of their own, in the tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Span>,
    /// The Flux Kustomizations of the tree that apply other folders of the same repository, each after those that it depends on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(skip)]
    pub layers: Vec<Layer>,
    /// The kinds of the objects that these apply, and of those that commits add: what cleanup looks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(skip)]
    pub kinds: Vec<LayerKind>,
}

impl Gitops {
    /// The folder of the tree of layers which the node configuration includes.
    pub fn entry(&self) -> &str {
        self.entry.as_deref().unwrap_or("clusters/production")
    }
}

/// A Flux Kustomization of the tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Layer {
    /// Its name, in the namespace of Flux.
    pub name: String,
    /// The layers that must be healthy before it is applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<String>,
}

/// A kind of objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LayerKind {
    /// Such as `apps/v1`.
    pub api_version: String,
    /// Such as `Deployment`.
    pub kind: String,
}

/// How Flux learns of a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Trigger {
    /// It polls at its interval: nothing notifies it.
    None,
    /// The source is asked to fetch at once, by its annotation.
    #[default]
    Annotation,
    /// The run plays the Git host and calls a Flux Receiver after the push. Needs flux-notification.
    Receiver(Receiver),
}
