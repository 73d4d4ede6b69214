//! Namespace, names, labels, annotations, images and replicas.

use super::builder::Built;
use super::{CLUSTER_KINDS, select};
use crate::crd;
use harness_yaml::{Entry, Node};

/// Kinds whose names kustomize leaves alone. Source: api/internal/konfig/builtinpluginconsts/nameprefix.go.
const NAMES_KEPT: [&str; 3] = ["APIService", "CustomResourceDefinition", "Namespace"];

/// Kinds with a pod template, and where it is.
const TEMPLATES: [(&str, &[&str]); 7] = [
    ("Deployment", &["spec", "template"]),
    ("StatefulSet", &["spec", "template"]),
    ("DaemonSet", &["spec", "template"]),
    ("ReplicaSet", &["spec", "template"]),
    ("ReplicationController", &["spec", "template"]),
    ("Job", &["spec", "template"]),
    ("CronJob", &["spec", "jobTemplate", "spec", "template"]),
];

/// The `kind` of an object; empty where it has none.
pub(crate) fn kind(node: &Node) -> &str {
    node.get("kind").and_then(Node::text).unwrap_or_default()
}

/// Whether objects of a kind belong to a namespace. kustomize takes a kind that it does not know for one that does.
pub(super) fn is_namespaced(node: &Node) -> bool {
    let (group, _) = select::group_version(node);
    match crd::find(group, kind(node)) {
        Some(crd) => crd.scope == "Namespaced",
        None => !CLUSTER_KINDS.contains(&kind(node)),
    }
}

/// Sets the namespace of everything that belongs to one.
pub(super) fn namespace(objects: &mut [Built], value: &Node) {
    for built in objects.iter_mut().filter(|built| is_namespaced(&built.node)) {
        if let Some(metadata) = built.node.map_at(&["metadata"], value.mark) {
            metadata.put("namespace", value.clone());
        }
    }
}

/// Puts a text before and behind each name. References of custom resources do not follow, as with kustomize.
pub(super) fn names(objects: &mut [Built], prefix: &str, suffix: &str) {
    for built in objects.iter_mut().filter(|built| !NAMES_KEPT.contains(&kind(&built.node))) {
        if let Some(name) = built.node.at_mut(&["metadata", "name"]) {
            let renamed = format!("{prefix}{}{suffix}", name.scalar().unwrap_or_default());
            *name = Node::of_text(renamed, name.mark);
        }
    }
}

/// `commonLabels` and `labels`: to each object, and where asked to selectors and pod templates.
pub(super) fn labels(objects: &mut [Built], pairs: &Node, selectors: bool, templates: bool) {
    for built in objects.iter_mut() {
        put_all(&mut built.node, &["metadata", "labels"], pairs.entries());
        let of = kind(&built.node).to_owned();
        let template = TEMPLATES.iter().find(|(known, _)| *known == of).map(|(_, path)| *path);
        if let Some(template) = template.filter(|path| (selectors || templates) && built.node.at(path).is_some()) {
            let path: Vec<&str> = template.iter().copied().chain(["metadata", "labels"]).collect();
            put_all(&mut built.node, &path, pairs.entries());
        }
        match of.as_str() {
            "Service" if selectors => put_all(&mut built.node, &["spec", "selector"], pairs.entries()),
            "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" if selectors => {
                put_all(&mut built.node, &["spec", "selector", "matchLabels"], pairs.entries());
            }
            _ => {}
        }
    }
}

/// `commonAnnotations`: to each object and its pod template.
pub(super) fn annotations(objects: &mut [Built], pairs: &Node) {
    for built in objects.iter_mut() {
        put_all(&mut built.node, &["metadata", "annotations"], pairs.entries());
        let of = kind(&built.node).to_owned();
        if let Some((_, path)) = TEMPLATES.iter().find(|(known, path)| *known == of && built.node.at(path).is_some()) {
            let path: Vec<&str> = path.iter().copied().chain(["metadata", "annotations"]).collect();
            put_all(&mut built.node, &path, pairs.entries());
        }
    }
}

fn put_all(node: &mut Node, path: &[&str], pairs: &[Entry]) {
    let Some(first) = pairs.first() else { return };
    let Some(map) = node.map_at(path, first.key_mark) else { return };
    for pair in pairs {
        map.put(&pair.key, pair.value.clone());
    }
}

/// `images`: of every container of the name.
pub(super) fn images(objects: &mut [Built], items: &[Node]) {
    for built in objects.iter_mut() {
        each_container(&mut built.node, &mut |container| {
            let Some(image) = container.get_mut("image") else { return };
            let current = image.scalar().unwrap_or_default();
            for item in items {
                let text = |key: &str| item.get(key).and_then(Node::scalar);
                let (name, _) = split_image(&current);
                if text("name").as_deref() != Some(name) {
                    continue;
                }
                let name = text("newName").unwrap_or_else(|| name.to_owned());
                let behind = match (text("digest"), text("newTag")) {
                    (Some(digest), _) => format!("@{digest}"),
                    (None, Some(tag)) => format!(":{tag}"),
                    (None, None) => current[split_image(&current).0.len()..].to_owned(),
                };
                *image = Node::of_text(format!("{name}{behind}"), item.mark);
                return;
            }
        });
    }
}

/// Name and the rest, from the `:` of the tag or the `@` of the digest. A registry's port is a part of the name.
fn split_image(image: &str) -> (&str, &str) {
    let at = image.find('@').or_else(|| {
        let last = image.rfind('/').map_or(0, |slash| slash + 1);
        image[last..].find(':').map(|colon| last + colon)
    });
    at.map_or((image, ""), |at| image.split_at(at))
}

fn each_container(node: &mut Node, change: &mut dyn FnMut(&mut Node)) {
    for list in ["containers", "initContainers"] {
        if let Some(items) = node.get_mut(list).and_then(Node::items_mut) {
            items.iter_mut().for_each(&mut *change);
        }
    }
    if let Some(entries) = node.entries_mut() {
        entries.iter_mut().for_each(|entry| each_container(&mut entry.value, change));
    }
}

/// `replicas`: of the workloads of a name.
pub(super) fn replicas(objects: &mut [Built], items: &[Node]) {
    for item in items {
        let Some((name, count)) = item.get("name").and_then(Node::text).zip(item.get("count")) else { continue };
        for built in objects.iter_mut() {
            let scaled =
                ["Deployment", "ReplicaSet", "ReplicationController", "StatefulSet"].contains(&kind(&built.node));
            if scaled
                && built.node.at(&["metadata", "name"]).and_then(Node::text) == Some(name)
                && let Some(spec) = built.node.map_at(&["spec"], count.mark)
            {
                spec.put("replicas", count.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("nginx:1.21", "nginx")]
    #[case("host:5000/a/b", "host:5000/a/b")]
    #[case("host:5000/a/b:2", "host:5000/a/b")]
    #[case("a@sha256:0", "a")]
    fn names_of_images(#[case] image: &str, #[case] name: &str) {
        assert_eq!(split_image(image).0, name);
    }
}
