//! Which objects there are, and how they refer to each other.

use std::collections::HashMap;

use crate::finding::{Finding, Severity};
use crate::object::Object;
use harness_yaml::suggest;
use harness_yaml::{Mark, Node};

/// DNS subdomain names, as the API server demands of both kinds.
pub(super) fn have_names(object: &Object<'_>) -> Vec<Finding> {
    if !object.is_node_pool() && !object.is_node_class() {
        return Vec::new();
    }
    let name = object.name();
    let well_formed = !name.is_empty()
        && name.len() <= 253
        && name.split('.').all(|part| {
            part.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
                && part.ends_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
                && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        });
    if well_formed {
        return Vec::new();
    }
    let mark = object.node.at(&["metadata", "name"]).map_or(object.node.mark, |node| node.mark);
    let message = format!("`{name}` cannot be the name of a {}", object.kind());
    let finding = object.refused(
        "object-name",
        mark,
        message,
        "use lower-case letters, digits, hyphens and dots in `metadata.name`",
    );
    vec![finding]
}

pub(super) fn names_are_unique(objects: &[Object<'_>]) -> Vec<Finding> {
    let mut known = HashMap::new();
    let mut findings = Vec::new();
    for object in objects.iter().filter(|object| !object.name().is_empty()) {
        let namespace = object.node.at(&["metadata", "namespace"]).and_then(Node::text).unwrap_or_default();
        let first = *known.entry((object.group(), object.kind(), namespace, object.name())).or_insert(object);
        if std::ptr::eq(first, object) {
            continue;
        }
        let message = format!(
            "a second {} named `{}`; the first is at {}:{}",
            object.kind(),
            object.name(),
            first.file,
            first.node.mark.line
        );
        let mark = object.node.at(&["metadata", "name"]).map_or(object.node.mark, |node| node.mark);
        findings.push(
            object
                .error("unique-names", mark, message)
                .effect("kustomize refuses to build a tree with two objects of one id: Flux applies nothing of it")
                .fix("rename one of them"),
        );
    }
    findings
}

/// The rule of pools whose AKSNodeClass is not in the tree; a note where AKS makes it.
pub const NODE_CLASS_RULE: &str = "node-class-exists";

pub(super) fn references_lead_somewhere(objects: &[Object<'_>]) -> Vec<Finding> {
    let (of_aks, own): (Vec<_>, Vec<_>) =
        objects.iter().filter(|object| object.is_node_class()).partition(|object| object.is_of_aks());
    let names = |objects: &[&Object<'_>]| objects.iter().map(|object| object.name().to_owned()).collect::<Vec<_>>();
    let (of_aks, classes) = (names(&of_aks), names(&own));
    let classes: Vec<&str> = classes.iter().map(String::as_str).collect();
    let mut findings = Vec::new();
    for pool in objects.iter().filter(|object| object.is_node_pool() && !object.is_of_aks()) {
        let path = ["spec", "template", "spec", "nodeClassRef", "name"];
        let Some(name) = pool.node.at(&path) else { continue };
        if name.text().is_some_and(|text| of_aks.iter().any(|class| class == text)) {
            let message =
                format!("the AKSNodeClass `{}` is not in the tree: AKS makes it", name.text().unwrap_or_default());
            let note = pool
                .note(NODE_CLASS_RULE, name.mark, message)
                .effect("clusters without the default pools of AKS do not have it: check a tree for those with --without-aks-defaults");
            findings.push(note);
            continue;
        }
        let Some(text) = name.text().filter(|text| !classes.contains(text)) else { continue };
        let hint = suggest::closest(text, classes.iter().copied())
            .map_or_else(|| "add the AKSNodeClass to the tree".to_owned(), |near| format!("did you mean `{near}`?"));
        findings.push(
            pool.error(NODE_CLASS_RULE, name.mark, format!("there is no AKSNodeClass `{text}` in the tree"))
                .effect("the pool stays NodeClassReady=False, and its pods stay pending")
                .fix(hint),
        );
    }
    findings
}

/// A tree that is meant for the provisioner has a pool.
pub(in crate::node_config) fn some_pool(objects: &[Object<'_>]) -> Option<Finding> {
    if objects.iter().any(|object| object.kind() == "NodePool") {
        return None;
    }
    let file = objects.first().map_or("kustomization.yaml", |object| object.file);
    let finding = Finding::new(Severity::Error, "some-pool", file, Mark::START, "the tree has no NodePool")
        .effect("the provisioner never makes a node")
        .fix("name the files with the NodePools in the `resources` of kustomization.yaml");
    Some(finding)
}
