//! Namespace, names, labels, annotations, images and replicas.

use std::collections::HashSet;

use super::image;
use super::resource::Resource;
use super::specs::{self, Create, FieldSpec};
use harness_yaml::{Entry, Kind, Mark, Node, plain_scalar};

/// The name of a default service account, the only subject whose namespace follows by itself.
const DEFAULT_SUBJECT: &str = "default";
/// Kinds whose names stay as they are, each with the group that counts. Source: `prefixFieldSpecsToSkip` of
/// api/internal/builtins/PrefixTransformer.go.
const NAMES_KEPT: [(&str, &str); 3] =
    [("", "CustomResourceDefinition"), ("apiregistration.k8s.io", "APIService"), ("", "Namespace")];

/// Sets the namespace of everything that belongs to one, of Namespace objects, and of what refers to services and default service accounts.
/// Source: api/filters/namespace/namespace.go.
///
/// # Errors
/// Two objects would be the same, or a field that must be plain is not.
pub(super) fn namespace(resources: &mut [Resource], specs: &[FieldSpec], value: &Node) -> Result<(), String> {
    let text = || Node::of_text(value.scalar().unwrap_or_default(), value.mark);
    for resource in resources.iter_mut() {
        resource.remember_id();
        let id = resource.id();
        if !id.is_cluster_scoped()
            && let Some(metadata) = resource.node.map_at(&["metadata"], value.mark)
        {
            metadata.put("namespace", text());
        }
        let is_binding = ["RoleBinding", "ClusterRoleBinding"].contains(&id.kind.as_str());
        if is_binding && let Some(subjects) = resource.node.get_mut("subjects").and_then(Node::items_mut) {
            let is_default = |subject: &&mut Node| subject.get("name").and_then(Node::text) == Some(DEFAULT_SUBJECT);
            subjects.iter_mut().filter(is_default).for_each(|subject| subject.put("namespace", text()));
        }
        for spec in specs {
            let of_metadata = spec.path == ["metadata", "namespace"]
                || (spec.path == ["metadata", "name"] && id.api_version() != "v1")
                || (is_binding && spec.path == ["subjects", "namespace"]);
            if !of_metadata {
                specs::visit(&mut resource.node, &id, spec, Create::Scalar, value.mark, &mut |field| {
                    put(field, text())
                })?;
            }
        }
    }
    let mut seen = HashSet::new();
    let twice = resources.iter().map(Resource::id).find(|id| {
        let key = (id.api_version(), id.kind.clone(), id.name.clone(), id.effective_namespace().to_owned());
        !seen.insert(key)
    });
    twice.map_or(Ok(()), |id| Err(format!("with this namespace there are two objects {id}")))
}

/// Replaces a plain value.
fn put(field: &mut Node, value: Node) -> Result<(), String> {
    if matches!(field.kind, Kind::List(_) | Kind::Map(_)) {
        return Err(format!("a plain value is expected instead of {}", field.describe()));
    }
    *field = value;
    Ok(())
}

/// Where a text is put into a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Prefix,
    Suffix,
}

/// Puts a text before or behind each name. Source: api/internal/builtins/PrefixTransformer.go.
///
/// # Errors
/// A name is not a plain value.
pub(super) fn names(
    resources: &mut [Resource],
    specs: &[FieldSpec],
    side: Side,
    affix: &str,
    mark: Mark,
) -> Result<(), String> {
    for resource in resources {
        let id = resource.original_id();
        if affix.is_empty() || NAMES_KEPT.iter().any(|(group, kind)| id.is_of(group, "", kind)) {
            continue;
        }
        for spec in specs.iter().filter(|spec| spec.of.selects(&id)) {
            if spec.path == ["metadata", "name"] {
                resource.remember_id();
                match side {
                    Side::Prefix => resource.prefixes.push(affix.to_owned()),
                    Side::Suffix => resource.suffixes.push(affix.to_owned()),
                }
            }
            let id = resource.id();
            specs::visit(&mut resource.node, &id, spec, Create::Scalar, mark, &mut |name| {
                let current = name.scalar().unwrap_or_default();
                let renamed = match side {
                    Side::Prefix => format!("{affix}{current}"),
                    Side::Suffix => format!("{current}{affix}"),
                };
                put(name, Node::of_text(renamed, name.mark))
            })?;
        }
    }
    Ok(())
}

/// Puts pairs into the maps at the specs: labels and annotations. Their values become texts.
///
/// # Errors
/// A path leads to something that is not a map.
pub(super) fn pairs(resources: &mut [Resource], specs: &[FieldSpec], pairs: &[Entry]) -> Result<(), String> {
    let mut pairs: Vec<&Entry> = pairs.iter().collect();
    pairs.sort_by(|a, b| a.key.cmp(&b.key));
    for resource in resources {
        let id = resource.id();
        for (pair, spec) in pairs.iter().flat_map(|pair| specs.iter().map(move |spec| (pair, spec))) {
            let value = Node::of_text(pair.value.scalar().unwrap_or_default(), pair.value.mark);
            specs::visit(&mut resource.node, &id, spec, Create::Map, pair.key_mark, &mut |map| {
                if !matches!(map.kind, Kind::Map(_)) {
                    return Err(format!("a map is expected instead of {}", map.describe()));
                }
                map.put(&pair.key, value.clone());
                Ok(())
            })?;
        }
    }
    Ok(())
}

/// Changes the images of a name. Source: api/filters/imagetag.
///
/// # Errors
/// An image is not a plain value, or the name is not a pattern.
pub(super) fn images(resources: &mut [Resource], specs: &[FieldSpec], item: &Node) -> Result<(), String> {
    let change = image::Change::of(item)?;
    for resource in resources {
        let id = resource.id();
        if id.kind == "CustomResourceDefinition" {
            continue;
        }
        let mut set = |field: &mut Node| {
            if matches!(field.kind, Kind::List(_) | Kind::Map(_)) {
                return Err(format!("an image is a text, not {}", field.describe()));
            }
            if let Some(new) = field.scalar().and_then(|current| change.apply(&current)) {
                *field = Node::of_text(new, item.mark);
            }
            Ok(())
        };
        // First those of containers, wherever they are, and then those at the places of the configuration.
        each_container_image(&mut resource.node, &mut set)?;
        for spec in specs {
            specs::visit(&mut resource.node, &id, spec, Create::Nothing, item.mark, &mut set)?;
        }
    }
    Ok(())
}

/// The images of lists that are called like lists of containers, in whatever kind. Source: api/filters/imagetag/legacy.go.
fn each_container_image(node: &mut Node, set: &mut dyn FnMut(&mut Node) -> Result<(), String>) -> Result<(), String> {
    match &mut node.kind {
        Kind::List(items) => items.iter_mut().try_for_each(|item| each_container_image(item, set)),
        Kind::Map(entries) => entries.iter_mut().try_for_each(|entry| {
            each_container_image(&mut entry.value, set)?;
            let is_list = ["containers", "initContainers"].contains(&entry.key.as_str());
            let items = entry.value.items_mut().filter(|_| is_list);
            let mut images = items.into_iter().flatten().filter_map(|item| item.get_mut("image"));
            images.try_for_each(&mut *set)
        }),
        _ => Ok(()),
    }
}

/// Sets the count of the workloads of a name, of today or of before. Source: api/internal/builtins/ReplicaCountTransformer.go.
///
/// # Errors
/// There is none.
pub(super) fn replicas(resources: &mut [Resource], specs: &[FieldSpec], item: &Node) -> Result<(), String> {
    let name = item.get("name").and_then(Node::scalar).unwrap_or_default();
    let count = item.get("count").and_then(Node::scalar).unwrap_or_else(|| "0".to_owned());
    let mark = item.get("count").map_or(item.mark, |count| count.mark);
    let mut found = false;
    for spec in specs {
        let is_meant = |resource: &&mut Resource| resource.any_id(|id| id.name == name && spec.of.selects(id));
        for resource in resources.iter_mut().filter(is_meant) {
            found = true;
            let id = resource.id();
            specs::visit(&mut resource.node, &id, spec, Create::Scalar, mark, &mut |field| {
                put(field, Node { kind: plain_scalar(&count), ..Node::of_text("", mark) })
            })?;
        }
    }
    if found { Ok(()) } else { Err(format!("no workload is called `{name}`")) }
}

#[cfg(test)]
mod tests {
    use super::super::specs::Config;
    use super::*;

    fn resources(texts: &[&str]) -> Vec<Resource> {
        let node = |text: &&str| harness_yaml::documents(text).unwrap().remove(0);
        texts.iter().map(|text| Resource::new(0, node(text))).collect()
    }

    fn text<'n>(resource: &'n Resource, path: &[&str]) -> Option<&'n str> {
        resource.node.at(path).and_then(Node::text)
    }

    /// Before, a Namespace kept its name, so that two of the name `_`, which their overlays rename, were said to be one object.
    #[test]
    fn the_namespace_is_that_of_objects_and_of_what_refers_to_it() {
        let mut all = resources(&[
            "{apiVersion: v1, kind: Namespace, metadata: {name: _}}",
            "{apiVersion: karpenter.sh/v1, kind: NodePool, metadata: {name: a}}",
            "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: b}, subjects: [{name: default}, {name: c}]}",
            "{apiVersion: v1, kind: Node, metadata: {name: d}}",
        ]);
        let value = Node::of_text("prod", Mark::START);
        namespace(&mut all, Config::built_in().section("namespace"), &value).unwrap();
        assert_eq!(text(&all[0], &["metadata", "name"]), Some("prod"));
        assert_eq!(text(&all[0], &["metadata", "namespace"]), None);
        // kustomize knows no custom resource, and takes it for one that belongs to a namespace.
        assert_eq!(text(&all[1], &["metadata", "namespace"]), Some("prod"));
        let subjects = all[2].node.get("subjects").unwrap().items();
        assert_eq!(subjects[0].get("namespace").and_then(Node::text), Some("prod"));
        assert_eq!(subjects[1].get("namespace"), None);
        assert_eq!(text(&all[3], &["metadata", "namespace"]), None);
    }

    /// The place of a CronJob's containers is not one that kustomize lists: it looks for lists of containers everywhere.
    #[test]
    fn images_of_containers_are_found_everywhere() {
        let mut all = resources(&[
            "{apiVersion: batch/v1, kind: CronJob, metadata: {name: a}, spec: {jobTemplate: {spec: {containers: [{image: 'app:1'}]}}}}",
        ]);
        let item = harness_yaml::documents("{name: app, newTag: '2'}").unwrap().remove(0);
        images(&mut all, Config::built_in().section("images"), &item).unwrap();
        let containers = all[0].node.items_at(&["spec", "jobTemplate", "spec", "containers"]);
        assert_eq!(containers[0].get("image").and_then(Node::text), Some("app:2"));
    }

    #[test]
    fn two_objects_that_become_one_are_refused() {
        let mut all = resources(&[
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: x}}",
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: y}}",
        ]);
        assert!(namespace(&mut all, &[], &Node::of_text("z", Mark::START)).is_err());
    }

    #[test]
    fn an_original_name_is_found_after_a_prefix() {
        let mut all =
            resources(&["{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 1}}"]);
        let config = Config::built_in();
        names(&mut all, config.section("namePrefix"), Side::Prefix, "prod-", Mark::START).unwrap();
        assert_eq!(all[0].id().name, "prod-web");
        let item = harness_yaml::documents("{name: web, count: 3}").unwrap().remove(0);
        replicas(&mut all, config.section("replicas"), &item).unwrap();
        assert_eq!(all[0].node.at(&["spec", "replicas"]).and_then(Node::whole), Some(3));
        let item = harness_yaml::documents("{name: other, count: 3}").unwrap().remove(0);
        assert!(replicas(&mut all, config.section("replicas"), &item).is_err());
    }
}
