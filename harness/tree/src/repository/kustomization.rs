//! A Flux Kustomization, as far as it says what is applied.

use std::fmt;

use serde_json::Value;

use crate::kustomize::{self, Built};
use harness_yaml::{Entry, Mark, Node};

/// Where a cluster has a Kustomization.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct KustomizationId {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl fmt::Display for KustomizationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Where a Kustomization has its files from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SourceRef {
    pub(crate) kind: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl fmt::Display for SourceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}/{}`", self.kind, self.namespace, self.name)
    }
}

/// A Kustomization as it is in the tree, or as its parent has made it.
#[derive(Clone, Debug)]
pub(crate) struct FluxKustomization {
    pub(crate) built: Built,
    /// Whether flux-operator makes it of a FluxInstance, so that it is no object of the repository.
    pub(crate) of_an_instance: bool,
    /// Whether its path had variables, for which one of the folders that they can stand for was taken.
    pub(crate) of_variables: bool,
}

impl From<Built> for FluxKustomization {
    fn from(built: Built) -> Self {
        Self { built, of_an_instance: false, of_variables: false }
    }
}

impl FluxKustomization {
    fn text(&self, path: &[&str]) -> Option<&str> {
        self.built.node.at(path).and_then(Node::text)
    }

    /// Its namespace is that of `flux bootstrap` where it has none: whoever applies it says so.
    fn namespace(&self) -> &str {
        self.text(&["metadata", "namespace"]).unwrap_or("flux-system")
    }

    pub(crate) fn id(&self) -> KustomizationId {
        let name = self.text(&["metadata", "name"]).unwrap_or_default();
        KustomizationId { namespace: self.namespace().to_owned(), name: name.to_owned() }
    }

    pub(crate) fn spec(&self) -> Option<&Node> {
        self.built.node.get("spec")
    }

    /// `spec.path`; empty for the top of the source.
    pub(crate) fn path(&self) -> &str {
        self.text(&["spec", "path"]).unwrap_or_default()
    }

    /// The same at a folder that the variables of its path can stand for.
    pub(crate) fn at_folder(&self, folder: &str) -> Self {
        let mut node = self.built.node.clone();
        let path = Node::of_text(folder, self.path_mark());
        if let Some(spec) = node.get_mut("spec") {
            spec.put("path", path);
        }
        Self { built: Built { file: self.built.file, node }, of_variables: true, ..*self }
    }

    /// The place of the path, or else of the object.
    pub(crate) fn path_mark(&self) -> Mark {
        self.built.node.at(&["spec", "path"]).map_or(self.built.node.mark, |path| path.mark)
    }

    /// `None` where the parent is expected to put it in.
    pub(crate) fn source(&self) -> Option<SourceRef> {
        Some(SourceRef {
            kind: self.text(&["spec", "sourceRef", "kind"])?.to_owned(),
            namespace: self.text(&["spec", "sourceRef", "namespace"]).unwrap_or_else(|| self.namespace()).to_owned(),
            name: self.text(&["spec", "sourceRef", "name"])?.to_owned(),
        })
    }

    /// `spec.kubeConfig`: of the other cluster that it applies to; `None` for its own.
    pub(crate) fn other_cluster(&self) -> Option<&Node> {
        self.spec()?.get("kubeConfig")
    }

    /// The Kustomizations that must be ready before this one, each with its place.
    pub(crate) fn depends_on(&self) -> Vec<(KustomizationId, Mark)> {
        let needs = self.built.node.items_at(&["spec", "dependsOn"]);
        let id = |need: &Node| {
            let namespace = need.get("namespace").and_then(Node::text).unwrap_or_else(|| self.namespace());
            let name = need.get("name").and_then(Node::text)?;
            Some((KustomizationId { namespace: namespace.to_owned(), name: name.to_owned() }, need.mark))
        };
        needs.iter().filter_map(id).collect()
    }

    /// Whether some of the values that Flux fills in are only in the cluster.
    pub(crate) fn has_unknown_values(&self) -> bool {
        let Some(post_build) = self.built.node.at(&["spec", "postBuild"]) else { return self.of_variables };
        let is_unset = |pair: &Entry| pair.value.text().is_some_and(kustomize::is_unset);
        self.of_variables
            || !post_build.items_at(&["substituteFrom"]).is_empty()
            || post_build.entries_at(&["substitute"]).iter().any(is_unset)
    }

    /// The object for Flux's own code, without the values that are not known.
    pub(crate) fn to_json(&self) -> Value {
        let mut object = self.built.node.to_json();
        if let Some(values) = object.pointer_mut("/spec/postBuild/substitute").and_then(Value::as_object_mut) {
            values.retain(|_, value| !value.as_str().is_some_and(kustomize::is_unset));
        }
        object
    }

    /// The same object of the same file, whatever its parents have made of it.
    pub(crate) fn place(&self) -> (usize, usize) {
        (self.built.file, self.built.node.mark.offset)
    }
}
