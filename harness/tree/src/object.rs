//! One object of a tree.

use crate::builtin::AKS;
use crate::files::Files;
use crate::finding::{Finding, Severity};
use harness_yaml::{Mark, Node};

/// One Kubernetes object and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Object<'a> {
    /// The file in which it starts.
    pub(crate) file: &'a str,
    pub(crate) node: Node,
    /// The files that the places in the node speak of: a patch may have brought a part from another one.
    pub(crate) files: &'a Files,
}

impl<'a> Object<'a> {
    fn text(&self, path: &[&str]) -> &str {
        self.node.at(path).and_then(Node::text).unwrap_or_default()
    }

    pub(crate) fn kind(&self) -> &str {
        self.text(&["kind"])
    }

    pub(crate) fn name(&self) -> &str {
        self.text(&["metadata", "name"])
    }

    /// Its namespace; empty where it says none.
    pub(crate) fn namespace(&self) -> &str {
        self.text(&["metadata", "namespace"])
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

    /// Whether AKS makes it, so that it is in the cluster and not in the tree.
    pub(crate) fn is_of_aks(&self) -> bool {
        self.file.starts_with(AKS)
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

    /// The file that a place is in.
    pub(crate) fn file_of(&self, mark: Mark) -> &'a str {
        match self.files.path_of(mark) {
            "" => self.file,
            path => path,
        }
    }

    pub(crate) fn error(&self, rule: &'static str, mark: Mark, message: impl Into<String>) -> Finding {
        Finding::new(Severity::Error, rule, self.file_of(mark), mark, message)
    }

    /// An error for which the API server refuses the object.
    pub(crate) fn refused(
        &self,
        rule: &'static str,
        mark: Mark,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) -> Finding {
        let effect = "the API server refuses the object: Flux applies nothing of the tree and reports it as not ready";
        self.error(rule, mark, message).refused(effect).fix(fix)
    }

    pub(crate) fn warning(&self, rule: &'static str, mark: Mark, message: impl Into<String>) -> Finding {
        Finding::new(Severity::Warning, rule, self.file_of(mark), mark, message)
    }

    pub(crate) fn note(&self, rule: &'static str, mark: Mark, message: impl Into<String>) -> Finding {
        Finding::new(Severity::Note, rule, self.file_of(mark), mark, message)
    }
}
