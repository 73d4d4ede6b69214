//! The kinds that kustomize knows: which belong to no namespace, and which lists of theirs a strategic merge patch merges.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::OnceLock;

use harness_yaml::Node;

/// Kinds and types as text; the text says how.
const KINDS: &str = include_str!("data/kinds.txt");
/// What every known kind has.
const METADATA: &str = "ObjectMeta";

/// A field of a type.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Field {
    /// The keys by which the items of the list are merged; none where the items are plain values. `None` where this is no list, or one that is
    /// replaced.
    pub(super) merge_keys: Option<Vec<String>>,
    /// The type of the value or of the items; `None` where nothing in it is merged.
    of: Option<String>,
}

/// Types by name, each with its fields. A field named `*` stands for every other.
type Types = HashMap<String, BTreeMap<String, Field>>;

/// What is known of kinds.
#[derive(Clone, Debug, Default)]
pub(super) struct Schemas {
    /// By API version and kind, the name of the type.
    kinds: HashMap<(String, String), String>,
    types: Types,
}

struct BuiltIn {
    schemas: Schemas,
    cluster_scoped: HashSet<(&'static str, &'static str)>,
}

fn built_in() -> &'static BuiltIn {
    static BUILT_IN: OnceLock<BuiltIn> = OnceLock::new();
    BUILT_IN.get_or_init(|| {
        let mut known = BuiltIn { schemas: Schemas::default(), cluster_scoped: HashSet::new() };
        for line in KINDS.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split(' ');
            let Some(first) = words.next().filter(|word| !word.is_empty()) else { continue };
            let is_type = first.starts_with(char::is_uppercase);
            let name = if is_type {
                first.to_owned()
            } else {
                let kind = words.next().unwrap_or_default();
                if words.next() == Some("cluster") {
                    known.cluster_scoped.insert((first, kind));
                }
                let name = format!("{first} {kind}");
                known.schemas.kinds.insert((first.to_owned(), kind.to_owned()), name.clone());
                name
            };
            let mut fields: BTreeMap<String, Field> = words.filter_map(field).collect();
            if !is_type {
                fields.insert("metadata".to_owned(), Field { of: Some(METADATA.to_owned()), merge_keys: None });
            }
            known.schemas.types.insert(name, fields);
        }
        known
    })
}

fn field(text: &str) -> Option<(String, Field)> {
    let (name, of) = text.split_once(':')?;
    let list = of.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (keys, of) = match list {
        Some((keys, of)) => (Some(keys.split(',').filter(|key| !key.is_empty()).map(str::to_owned).collect()), of),
        None => (None, of),
    };
    Some((name.to_owned(), Field { merge_keys: keys, of: Some(of.to_owned()).filter(|of| !of.is_empty()) }))
}

/// Whether objects of a kind belong to no namespace. kustomize takes a kind that it does not know for one that does.
pub(super) fn is_cluster_scoped(api_version: &str, kind: &str) -> bool {
    built_in().cluster_scoped.contains(&(api_version, kind))
}

/// The type of an object or of a value in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Type<'s> {
    schemas: &'s Schemas,
    name: &'s str,
}

impl Schemas {
    /// What kustomize knows by itself.
    pub(super) fn built_in() -> &'static Self {
        &built_in().schemas
    }

    /// The type of an object by its API version and kind.
    pub(super) fn of(&self, node: &Node) -> Option<Type<'_>> {
        let text = |key: &str| node.get(key).and_then(Node::text).map(str::to_owned);
        let name = self.kinds.get(&(text("apiVersion")?, text("kind")?))?;
        Some(Type { schemas: self, name })
    }

    /// The fields of a type. Definitions of `openapi.path` name kustomize's own in full: `io.k8s.api.core.v1.PodSpec`.
    fn fields(&self, name: &str) -> Option<&BTreeMap<String, Field>> {
        self.types.get(name).or_else(|| self.types.get(name.rsplit('.').next()?))
    }

    /// Adds the definitions of an OpenAPI document, which `openapi.path` names. Source: `AddDefinitions` of kyaml/openapi.
    pub(super) fn add(&mut self, document: &Node) {
        for entry in document.entries_at(&["definitions"]) {
            let definition = &entry.value;
            let mut fields: BTreeMap<String, Field> = BTreeMap::new();
            for property in definition.entries_at(&["properties"]) {
                fields.insert(property.key.clone(), self.property(&entry.key, &property.key, &property.value));
            }
            for kind in definition.items_at(&["x-kubernetes-group-version-kind"]) {
                let text = |key: &str| kind.get(key).and_then(Node::text).unwrap_or_default();
                let group = text("group");
                let api_version =
                    if group.is_empty() { text("version").to_owned() } else { format!("{group}/{}", text("version")) };
                self.kinds.insert((api_version, text("kind").to_owned()), entry.key.clone());
            }
            self.types.insert(entry.key.clone(), fields);
        }
    }

    /// A property of a definition. Properties of its own, without a `$ref`, become a type of their own.
    fn property(&mut self, owner: &str, name: &str, property: &Node) -> Field {
        let text = |node: &Node, key: &str| node.get(key).and_then(Node::text).unwrap_or_default().to_owned();
        let merges = text(property, "x-kubernetes-patch-strategy").split(',').any(|strategy| strategy == "merge");
        let is_list = text(property, "type") == "array";
        let merge_keys = (is_list && merges).then(|| {
            let several = property.items_at(&["x-kubernetes-list-map-keys"]);
            let one = property.get("x-kubernetes-patch-merge-key");
            if several.is_empty() { one } else { None }.into_iter().chain(several).filter_map(Node::scalar).collect()
        });
        let value = if is_list { property.get("items").unwrap_or(property) } else { property };
        let own = format!("{owner}.{name}");
        let of = if let Some(reference) = value.get("$ref").and_then(Node::text) {
            reference.rsplit('/').next().map(str::to_owned)
        } else if let Some(values) = value.get("additionalProperties") {
            let field = self.property(&own, "*", values);
            self.types.insert(own.clone(), BTreeMap::from([("*".to_owned(), field)]));
            Some(own)
        } else if value.get("properties").is_some() {
            let fields = value
                .entries_at(&["properties"])
                .iter()
                .map(|inner| (inner.key.clone(), &inner.value))
                .collect::<Vec<_>>();
            let fields =
                fields.into_iter().map(|(key, inner)| (key.clone(), self.property(&own, &key, inner))).collect();
            self.types.insert(own.clone(), fields);
            Some(own)
        } else {
            None
        };
        Field { merge_keys, of }
    }
}

impl<'s> Type<'s> {
    /// A field of the type.
    pub(super) fn field(&self, name: &str) -> Option<&'s Field> {
        let fields = self.schemas.fields(self.name)?;
        fields.get(name).or_else(|| fields.get("*"))
    }

    /// The type of a field's value, or of its items.
    pub(super) fn of_field(&self, name: &str) -> Option<Self> {
        let name = self.field(name)?.of.as_deref()?;
        Some(Self { schemas: self.schemas, name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("v1", "Namespace", true)]
    #[case("rbac.authorization.k8s.io/v1", "ClusterRole", true)]
    #[case("v1", "Pod", false)]
    // kustomize asks for the version too, and knows no custom resource.
    #[case("rbac.authorization.k8s.io/v2", "ClusterRole", false)]
    #[case("karpenter.sh/v1", "NodePool", false)]
    fn a_scope_is_that_which_kustomize_knows(#[case] api_version: &str, #[case] kind: &str, #[case] expected: bool) {
        assert_eq!(is_cluster_scoped(api_version, kind), expected);
    }

    #[test]
    fn a_list_is_merged_where_its_path_says_so() {
        let schemas = Schemas::built_in();
        let node = harness_yaml::documents("{apiVersion: apps/v1, kind: StatefulSet}").unwrap().remove(0);
        let spec = schemas.of(&node).unwrap().of_field("spec").unwrap();
        // Before, `volumeClaimTemplates` was merged by name: the API says that it is atomic.
        assert_eq!(spec.field("volumeClaimTemplates"), None);
        let pod = spec.of_field("template").unwrap().of_field("spec").unwrap();
        assert_eq!(pod.field("containers").unwrap().merge_keys, Some(vec!["name".to_owned()]));
        let ports = pod.of_field("containers").unwrap().field("ports").unwrap();
        assert_eq!(ports.merge_keys, Some(vec!["containerPort".to_owned(), "protocol".to_owned()]));
    }
}
