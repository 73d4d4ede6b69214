//! What is done once, when everything has been gathered: hashes, references, vars, order. Source: `makeCustomizedResMap` of
//! api/internal/target/kusttarget.go and `Run` of api/krusty/kustomizer.go.

use super::accumulator::Accumulator;
use super::builder::{Builder, Built};
use super::resource::{Id, Resource};
use super::specs::Config;
use super::{hash, names, vars};
use crate::files::{Files, index_of};
use harness_yaml::{Kind, Node};

/// Objects that are there for other tools, unless it says `false`.
const LOCAL: &str = "config.kubernetes.io/local-config";
/// Where an object is from.
const ORIGIN: &str = "config.kubernetes.io/origin";
/// The legacy order: these first, and in this order. Source: api/internal/builtins/SortOrderTransformer.go.
const FIRST: [&str; 22] = [
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];
/// And these last.
const LAST: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// Where objects of a kind stand by default: below 0 first, above 0 last.
pub(super) fn place_of(kind: &str) -> i32 {
    let place = |list: &[&str]| list.iter().position(|known| *known == kind).and_then(|at| i32::try_from(at).ok());
    let count = i32::try_from(FIRST.len()).unwrap_or(i32::MAX);
    place(&FIRST).map(|at| at - count).or_else(|| place(&LAST).map(|at| at + 1)).unwrap_or(0)
}

/// The objects as they are printed.
pub(super) fn finish(builder: &mut Builder<'_>, built: Accumulator) -> Vec<Built> {
    let Accumulator { mut resources, vars, config } = built;
    let config = config.as_ref().unwrap_or_else(|| Config::built_in());
    for resource in resources.iter_mut().filter(|resource| resource.has_hash_suffix) {
        let hash = hash::of(&resource.node);
        resource.remember_id();
        if let Some(name) = resource.node.at_mut(&["metadata", "name"]) {
            *name = Node::of_text(format!("{}-{hash}", name.scalar().unwrap_or_default()), name.mark);
        }
    }
    for (mark, message) in names::follow(&mut resources, config) {
        builder.report("kustomization-names", mark, message, "name one that is there once");
    }
    vars::resolve(builder, &vars, config, &mut resources);
    resources.retain(|resource| {
        let local = resource.node.at(&["metadata", "annotations", LOCAL]).and_then(Node::scalar);
        local.is_none_or(|local| local == "false")
    });
    if let Some(options) = builder.sort_options.take() {
        sort(&options, &mut resources);
    }
    for resource in &mut resources {
        if builder.has_origins {
            say_origin(resource);
        }
        annotations_are_texts(builder.files, &mut resource.node);
    }
    resources.into_iter().map(|resource| Built { file: resource.file, node: resource.node }).collect()
}

/// kustomize writes annotations of its own and takes them away: what is left are texts, sorted, and never an empty map.
fn annotations_are_texts(files: &Files, node: &mut Node) {
    let Some(metadata) = node.get_mut("metadata") else { return };
    let is_empty = match metadata.get_mut("annotations").map(|annotations| &mut annotations.kind) {
        Some(Kind::Map(entries)) => {
            for entry in entries.iter_mut() {
                let text = match entry.value.kind {
                    Kind::Null if entry.value.mark.length > 0 => Some("null".to_owned()),
                    Kind::Null => Some(String::new()),
                    Kind::Number(..) => as_written(files, &entry.value),
                    _ => entry.value.scalar(),
                };
                if let Some(text) = text {
                    entry.value.kind = Kind::Text(text);
                }
            }
            entries.sort_by(|a, b| a.key.cmp(&b.key));
            entries.is_empty()
        }
        Some(Kind::Null) => true,
        _ => false,
    };
    if is_empty && let Some(entries) = metadata.entries_mut() {
        entries.retain(|entry| entry.key != "annotations");
    }
}

/// A number as it stands in its file, which may be in another notation: `0755`.
fn as_written(files: &Files, node: &Node) -> Option<String> {
    let file = files.text(index_of(node.mark)).ok();
    let written = file.and_then(|text| text.get(node.mark.offset..node.mark.offset + node.mark.length));
    let is_it = |text: &&str| {
        harness_yaml::documents_of(text, 0).is_ok_and(|read| read.len() == 1 && read[0].kind == node.kind)
    };
    written.filter(is_it).map(str::to_owned).or_else(|| node.scalar())
}

/// The annotation that says where an object is from. Source: api/resource/origin.go.
fn say_origin(resource: &mut Resource) {
    let Some(origin) = resource.origin.take() else { return };
    let mark = resource.node.mark;
    if let Some(annotations) = resource.node.map_at(&["metadata", "annotations"], mark) {
        annotations.put(ORIGIN, Node::of_text(origin, mark));
    }
}

fn sort(options: &Node, resources: &mut [Resource]) {
    if options.get("order").and_then(Node::scalar).as_deref() != Some("legacy") {
        return;
    }
    let given = |key: &str, default: &[&str]| -> Vec<String> {
        match options.at(&["legacySortOptions", key]) {
            Some(list) => list.items().iter().filter_map(Node::scalar).collect(),
            None => default.iter().map(|kind| (*kind).to_owned()).collect(),
        }
    };
    let (first, last) = (given("orderFirst", &FIRST), given("orderLast", &LAST));
    let place = |kind: &str| match (
        first.iter().position(|known| known == kind),
        last.iter().position(|known| known == kind),
    ) {
        (_, Some(at)) => (2, at),
        (Some(at), None) => (0, at),
        (None, None) => (1, 0),
    };
    resources.sort_by_cached_key(|resource| {
        let id = resource.id();
        (place(&id.kind), kind_key(&id), id_key(&id))
    });
}

fn or<'t>(text: &'t str, other: &'t str) -> &'t str {
    if text.is_empty() { other } else { text }
}

fn kind_key(id: &Id) -> String {
    format!("{}_{}_{}", or(&id.group, "~G"), or(&id.version, "~V"), or(&id.kind, "~K"))
}

fn id_key(id: &Id) -> String {
    format!("{}|{}", or(&id.namespace, "~X"), or(&id.name, "~N"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(text: &str) -> Node {
        harness_yaml::documents(text).unwrap().remove(0)
    }

    /// Before, a number stayed one, which the API server refuses; kustomize writes texts.
    #[test]
    fn annotations_become_texts() {
        let mut object = node("{metadata: {annotations: {b: 1, a: true, c: x}}}");
        annotations_are_texts(&Files::default(), &mut object);
        assert_eq!(object.to_json().to_string(), r#"{"metadata":{"annotations":{"a":"true","b":"1","c":"x"}}}"#);
        for empty in ["{metadata: {annotations: {}}}", "{metadata: {annotations: null}}"] {
            let mut object = node(empty);
            annotations_are_texts(&Files::default(), &mut object);
            assert_eq!(object.to_json().to_string(), r#"{"metadata":{}}"#);
        }
    }

    #[test]
    fn the_legacy_order_is_that_of_kinds() {
        let kinds = |all: &[Resource]| all.iter().map(|resource| resource.id().kind).collect::<Vec<_>>();
        let one =
            |kind: &str| Resource::new(0, node(&format!("{{apiVersion: v1, kind: {kind}, metadata: {{name: a}}}}")));
        let mut all: Vec<Resource> =
            ["ValidatingWebhookConfiguration", "Zebra", "Deployment", "Namespace"].into_iter().map(one).collect();
        sort(&node("{order: fifo}"), &mut all);
        assert_eq!(kinds(&all)[0], "ValidatingWebhookConfiguration");
        sort(&node("{order: legacy}"), &mut all);
        assert_eq!(kinds(&all), ["Namespace", "Deployment", "Zebra", "ValidatingWebhookConfiguration"]);
    }
}
