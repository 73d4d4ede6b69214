//! Git and Flux, as the plan knows them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Receiver;
use harness_units::Span;

/// What of Flux is set for the run, and what it applies beside the node configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gitops {
    /// How often Flux looks into the repository; as the target has it where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_interval: Option<Span>,
    /// How often Flux applies the root; as the target has it where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Span>,
    /// The Flux Kustomizations of the tree that apply other folders of the same repository, each after those that it depends on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<Layer>,
    /// The kinds of the objects that these apply, and of those that commits add: what cleanup looks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<LayerKind>,
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

/// How Flux comes to know of a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Trigger {
    /// It looks at its interval: nobody tells it.
    None,
    /// The source is asked to fetch at once, by its annotation.
    #[default]
    Annotation,
    /// The run plays the Git host and calls a Flux Receiver after the push. Needs flux-notification.
    Receiver(Receiver),
}
