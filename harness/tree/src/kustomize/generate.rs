//! `configMapGenerator` and `secretGenerator`, as far as they need no other files than the tree's.

use super::builder::{Builder, Built};
use crate::files::index_of;
use crate::finding::{Finding, Severity};
use harness_yaml::{Entry, Kind, Node};

/// The objects that a kustomization generates. Their names are those that are written: the hash that kustomize appends follows from the
/// content and is the same in every reference.
pub(super) fn generate(builder: &mut Builder<'_>, path: &str, folder: &str, document: &Node, into: &mut Vec<Built>) {
    for (field, kind) in [("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")] {
        for item in document.items_at(&[field]) {
            one(builder, path, folder, item, kind, into);
        }
    }
}

fn one(builder: &mut Builder<'_>, path: &str, folder: &str, item: &Node, kind: &str, into: &mut Vec<Built>) {
    let name = item.get("name").and_then(Node::text).unwrap_or_default();
    if name.is_empty() {
        let message = format!("a generated {kind} has no `name`");
        return builder.report("kustomization-generators", path, item.mark, message, "give it a name");
    }
    let mut data = Node::empty_map(item.mark);
    for literal in item.items_at(&["literals"]) {
        let Some(text) = literal.text() else { continue };
        match text.split_once('=') {
            Some((key, value)) => data.put(key, Node::of_text(value.trim_matches(['"', '\'']), literal.mark)),
            None => {
                let message = format!("the literal `{text}` has no `=`");
                builder.report("kustomization-generators", path, literal.mark, message, "write key=value");
            }
        }
    }
    for field in ["files", "envs"] {
        for file in item.items_at(&[field]) {
            let text = file.text().unwrap_or_default();
            let (key, name) = text.split_once('=').unwrap_or((text.rsplit('/').next().unwrap_or_default(), text));
            match super::join(folder, name).and_then(|path| builder.using(&path)) {
                Some(index) if field == "files" => {
                    data.put(key, Node::of_text(builder.files.text(index).unwrap_or_default(), file.mark));
                }
                _ => {
                    let message =
                        format!("`{name}` is not a YAML or JSON file: what is generated from it is not checked");
                    builder.build.findings.push(
                        Finding::new(Severity::Note, "kustomization-unchecked", path, file.mark, message)
                            .effect("Flux builds it from the file"),
                    );
                }
            }
        }
    }
    if item.get("behavior").and_then(Node::text).is_some_and(|behavior| behavior != "create") {
        // It changes an object that is there already; its content is not checked anyhow.
        return;
    }
    let mut metadata = Node::empty_map(item.mark);
    metadata.put("name", item.get("name").cloned().unwrap_or_else(|| Node::of_text(name, item.mark)));
    if let Some(namespace) = item.get("namespace") {
        metadata.put("namespace", namespace.clone());
    }
    let entry = |key: &str, value: Node| Entry { key: key.to_owned(), key_mark: item.mark, value };
    let entries = vec![
        entry("apiVersion", Node::of_text("v1", item.mark)),
        entry("kind", Node::of_text(kind, item.mark)),
        entry("metadata", metadata),
        entry(if kind == "Secret" { "stringData" } else { "data" }, data),
    ];
    into.push(Built {
        file: index_of(item.mark),
        node: Node { kind: Kind::Map(entries), mark: item.mark, end: item.end },
    });
}
