//! One object on its way through a build: what it is, what it was called before, and how it is told from others.

use std::collections::HashSet;

use super::kinds;
use harness_yaml::Node;

/// What kustomize tells objects apart by. Source: `ResId` and `Gvk` of kyaml/resid.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Id {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) is_cluster_scoped: bool,
}

/// The namespace that kustomize writes down for what belongs to none.
const NO_NAMESPACE: &str = "_non_namespaceable_";
const DEFAULT_NAMESPACE: &str = "default";

impl Id {
    /// The id of an object as it stands.
    pub(super) fn of(node: &Node) -> Self {
        let text = |path: &[&str]| node.at(path).and_then(Node::scalar).unwrap_or_default();
        let api_version = text(&["apiVersion"]);
        let (group, version) = split_api_version(&api_version);
        let kind = text(&["kind"]);
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
            name: text(&["metadata", "name"]),
            namespace: text(&["metadata", "namespace"]),
            is_cluster_scoped: kinds::is_cluster_scoped(&api_version, &kind),
            kind,
        }
    }

    pub(super) fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    pub(super) fn is_cluster_scoped(&self) -> bool {
        self.is_cluster_scoped
    }

    /// The namespace for comparisons: `default` where none is written.
    pub(super) fn effective_namespace(&self) -> &str {
        match self.namespace.as_str() {
            _ if self.is_cluster_scoped => NO_NAMESPACE,
            "" => DEFAULT_NAMESPACE,
            other => other,
        }
    }

    pub(super) fn is_in_namespace_of(&self, other: &Self) -> bool {
        self.effective_namespace() == other.effective_namespace()
    }

    /// The same object by kind and name, in whatever namespace.
    pub(super) fn is_same_kind_and_name(&self, other: &Self) -> bool {
        self.name == other.name && self.kind == other.kind && self.group == other.group && self.version == other.version
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.is_in_namespace_of(other) && self.is_same_kind_and_name(other)
    }

    /// Whether the kind is the one that is asked for; what is empty does not count.
    pub(super) fn is_of(&self, group: &str, version: &str, kind: &str) -> bool {
        let meets = |own: &str, asked: &str| asked.is_empty() || own == asked;
        meets(&self.group, group) && meets(&self.version, version) && meets(&self.kind, kind)
    }

    /// The id as if it belonged to a namespace.
    pub(super) fn without_scope(self) -> Self {
        Self { is_cluster_scoped: false, ..self }
    }

    /// The id as it was before a change, with the namespace that counted.
    fn before(self) -> Self {
        Self { namespace: self.effective_namespace().to_owned(), is_cluster_scoped: false, ..self }
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} `{}`", self.kind, self.name)?;
        if self.namespace.is_empty() { Ok(()) } else { write!(f, " in namespace `{}`", self.namespace) }
    }
}

/// Group and version of an `apiVersion`.
pub(crate) fn split_api_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

/// What a generated object does to one of its name that is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Behavior {
    #[default]
    Unspecified,
    Create,
    Replace,
    Merge,
}

/// An object, and what the build has to remember of it.
#[derive(Clone, Debug)]
pub(super) struct Resource {
    /// The file that it is from, by its index.
    pub(super) file: usize,
    pub(super) node: Node,
    /// What it was called, first to last. A patch of an overlay may use any of these names.
    pub(super) previous: Vec<Id>,
    pub(super) prefixes: Vec<String>,
    pub(super) suffixes: Vec<String>,
    /// Whether a hash of the content becomes a part of the name.
    pub(super) has_hash_suffix: bool,
    pub(super) behavior: Behavior,
    /// Whether a generator made it.
    pub(super) is_generated: bool,
    /// Where it is from, as an annotation says it.
    pub(super) origin: Option<String>,
    /// Names of the `vars` that take their value from here.
    pub(super) vars: Vec<String>,
}

impl Resource {
    pub(super) fn new(file: usize, node: Node) -> Self {
        Self {
            file,
            node,
            previous: Vec::new(),
            prefixes: Vec::new(),
            suffixes: Vec::new(),
            has_hash_suffix: false,
            behavior: Behavior::default(),
            is_generated: false,
            origin: None,
            vars: Vec::new(),
        }
    }

    pub(super) fn id(&self) -> Id {
        Id::of(&self.node)
    }

    /// Whether kustomize has annotations of its own on the object, so that it has a map of annotations while it is built.
    pub(super) fn is_annotated(&self) -> bool {
        self.is_generated || !self.previous.is_empty() || !self.prefixes.is_empty() || !self.suffixes.is_empty()
    }

    /// The id that it had first, with its group and version of today.
    pub(super) fn original_id(&self) -> Id {
        self.previous_ids().next().unwrap_or_else(|| self.id())
    }

    /// The ids that it had, first to last. Group and version are today's: kustomize keeps names, namespaces and kinds.
    pub(super) fn previous_ids(&self) -> impl Iterator<Item = Id> {
        let id = self.id();
        self.previous.iter().map(move |previous| Id {
            group: id.group.clone(),
            version: id.version.clone(),
            ..previous.clone()
        })
    }

    /// Whether any of the ids that it has or had is one of those that are meant.
    pub(super) fn any_id(&self, is_meant: impl Fn(&Id) -> bool) -> bool {
        self.previous_ids().any(|id| is_meant(&id)) || is_meant(&self.id())
    }

    /// Remembers what it is called now.
    pub(super) fn remember_id(&mut self) {
        let id = self.id().before();
        self.previous.push(id);
    }

    /// Whether the prefixes and suffixes of both end alike, so that both went through the same kustomizations.
    pub(super) fn shares_prefixes_and_suffixes(&self, other: &Self, with_none: bool) -> bool {
        let alike = |own: &[String], others: &[String]| match (own.is_empty(), others.is_empty()) {
            (false, false) => own.ends_with(others) || others.ends_with(own),
            (true, true) => true,
            _ => with_none,
        };
        alike(&self.prefixes, &other.prefixes) && alike(&self.suffixes, &other.suffixes)
    }
}

/// Whether any of the objects from an index on has the id of one before it. kustomize refuses that; which these are the rules about objects
/// say.
pub(super) fn repeats_one(resources: &[Resource], first: usize) -> bool {
    let text = |node: &Node, path: &[&str]| node.at(path).and_then(Node::text).is_some();
    // A name that is a number differs from the text with the same digits.
    let key = |Resource { node, .. }: &Resource| {
        (text(node, &["metadata", "name"]), text(node, &["kind"]), text(node, &["apiVersion"]), Id::of(node).before())
    };
    let mut known = HashSet::new();
    let are_new = |(index, resource): (usize, &Resource)| known.insert(key(resource)) || index < first;
    first < resources.len() && !resources.iter().enumerate().all(are_new)
}

/// The kind of an object; empty where it has none.
pub(crate) fn kind(node: &Node) -> &str {
    node.get("kind").and_then(Node::text).unwrap_or_default()
}

/// The objects of a document: itself, or those of the List that it is.
pub(crate) fn listed(document: &Node) -> &[Node] {
    let list = document.get("kind").and_then(Node::text).is_some_and(|kind| kind.ends_with("List"));
    match document.get("items") {
        Some(items) if list => items.items(),
        _ => std::slice::from_ref(document),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// Before, each object was compared with each.
    #[rstest]
    #[case(0, "{kind: A, metadata: {name: a}}", "{kind: A, metadata: {name: a, namespace: default}}", true)]
    #[case(0, "{kind: A, metadata: {name: a}}", "{kind: A, metadata: {name: a, namespace: other}}", false)]
    #[case(0, "{kind: A, metadata: {name: a}}", "{kind: B, metadata: {name: a}}", false)]
    #[case(
        0,
        "{kind: Namespace, apiVersion: v1, metadata: {name: a}}",
        "{kind: Namespace, apiVersion: v1, metadata: {name: a, namespace: x}}",
        true
    )]
    // What was there before is not asked about again.
    #[case(1, "{kind: A, metadata: {name: a}}", "{kind: A, metadata: {name: a}}", true)]
    #[case(2, "{kind: A, metadata: {name: a}}", "{kind: A, metadata: {name: a}}", false)]
    fn two_of_one_id_are_found(#[case] first: usize, #[case] one: &str, #[case] other: &str, #[case] expected: bool) {
        let resource = |text: &str| Resource::new(0, harness_yaml::documents(text).unwrap().remove(0));
        assert_eq!(repeats_one(&[resource(one), resource(other)], first), expected);
    }
}
