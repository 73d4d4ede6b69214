//! The objects of a tree's files.

use super::{Finding, Severity, SourceFile};
use crate::yaml::{self, Mark, Node};

/// One Kubernetes object and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Object<'a> {
    pub(crate) file: &'a str,
    pub(crate) node: Node,
}

/// The objects of a file; a `List` is taken apart as kustomize does.
pub(crate) fn objects(file: &SourceFile) -> Result<Vec<Object<'_>>, Box<Finding>> {
    let documents = yaml::documents(&file.text).map_err(|error| {
        let finding = Finding::new(Severity::Error, "yaml", &file.path, error.mark, error.message)
            .effect("kustomize cannot build the tree: Flux applies nothing of it")
            .fix("check indentation, colons and brackets near here");
        Box::new(finding)
    })?;
    let mut found = Vec::new();
    for document in documents {
        let list = document.get("kind").and_then(Node::text).is_some_and(|kind| kind.ends_with("List"));
        let nodes = match document.get("items") {
            Some(items) if list => items.items().to_vec(),
            _ => vec![document],
        };
        found.extend(nodes.into_iter().map(|node| Object { file: &file.path, node }));
    }
    Ok(found)
}

impl Object<'_> {
    fn text(&self, path: &[&str]) -> &str {
        self.node.at(path).and_then(Node::text).unwrap_or_default()
    }

    pub(crate) fn kind(&self) -> &str {
        self.text(&["kind"])
    }

    pub(crate) fn name(&self) -> &str {
        self.text(&["metadata", "name"])
    }

    /// The group of `apiVersion`; empty for the core group.
    pub(crate) fn group(&self) -> &str {
        self.text(&["apiVersion"]).split_once('/').map_or("", |(group, _)| group)
    }

    /// The version of `apiVersion`.
    pub(crate) fn version(&self) -> &str {
        let whole = self.text(&["apiVersion"]);
        whole.split_once('/').map_or(whole, |(_, version)| version)
    }

    pub(crate) fn is_node_pool(&self) -> bool {
        self.group() == "karpenter.sh" && self.kind() == "NodePool"
    }

    pub(crate) fn is_node_class(&self) -> bool {
        self.group() == "karpenter.azure.com" && self.kind() == "AKSNodeClass"
    }

    /// The place of the key at the end of a path, or of the nearest parent that is there.
    pub(crate) fn key_mark(&self, path: &[&str]) -> Mark {
        let mut mark = self.node.mark;
        let mut node = &self.node;
        for key in path {
            let Some(entry) = node.entry(key) else { break };
            mark = entry.key_mark;
            node = &entry.value;
        }
        mark
    }

    pub(crate) fn error(&self, rule: &'static str, mark: Mark, message: impl Into<String>) -> Finding {
        Finding::new(Severity::Error, rule, self.file, mark, message)
    }

    pub(crate) fn warning(&self, rule: &'static str, mark: Mark, message: impl Into<String>) -> Finding {
        Finding::new(Severity::Warning, rule, self.file, mark, message)
    }

    pub(crate) fn note(&self, rule: &'static str, mark: Mark, message: impl Into<String>) -> Finding {
        Finding::new(Severity::Note, rule, self.file, mark, message)
    }
}
