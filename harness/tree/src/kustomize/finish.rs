//! What is done once, when everything has been gathered: hashes, references, vars, order. Source: `makeCustomizedResMap` of
//! api/internal/target/kusttarget.go and `Run` of api/krusty/kustomizer.go.

use super::accumulator::Accumulator;
use super::builder::{Builder, Built};
use super::resource::Resource;
use super::specs::Config;
use super::{hash, names, order, vars};
use crate::files::{Files, index_of};
use harness_yaml::{Kind, Node};

/// Objects that are there for other tools, unless it says `false`.
const LOCAL: &str = "config.kubernetes.io/local-config";
/// Where an object is from.
const ORIGIN: &str = "config.kubernetes.io/origin";
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
        builder.report("kustomization-names", mark, message, "write a name that only one of them has");
    }
    vars::resolve(builder, &vars, config, &mut resources);
    resources.retain(|resource| {
        let local = resource.node.at(&["metadata", "annotations", LOCAL]).and_then(Node::scalar);
        local.is_none_or(|local| local == "false")
    });
    if let Some(options) = builder.sort_options.take() {
        order::sort(&options, &mut resources);
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
    let file = files.decoded(index_of(node.mark)).ok();
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
}
