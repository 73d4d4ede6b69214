//! Which objects there are, in which versions, and how they refer to each other.

use crate::node_config::object::Object;
use crate::node_config::{Finding, Severity};
use crate::suggest;
use crate::yaml::{Mark, Node};

const REFUSED: &str = "the API server knows no such kind: Flux applies nothing of the tree and reports it as not ready";

/// Versions that were served once, and kinds that are gone.
/// Source: karpenter.sh_nodepools.yaml and karpenter.azure.com_aksnodeclasses.yaml of karpenter-provider-azure v1.14.0.
pub(super) fn api_versions(object: &Object<'_>) -> Vec<Finding> {
    const RULE: &str = "api-version";
    let mark = object.key_mark(&["apiVersion"]);
    let (group, version, kind) = (object.group(), object.version(), object.kind());
    let finding = match (group, kind) {
        ("karpenter.sh", "NodePool" | "NodeClaim") if version != "v1" => object
            .error(RULE, mark, format!("{kind} {group}/{version} is not served any more"))
            .effect(REFUSED)
            .fix("write `apiVersion: karpenter.sh/v1`; v1beta1 ended with Karpenter 1.0, and `disruption.expireAfter` moved to `template.spec.expireAfter`"),
        ("karpenter.sh", "Provisioner" | "Machine") => object
            .error(RULE, mark, format!("{kind} is a kind of Karpenter before 0.32"))
            .effect(REFUSED)
            .fix("write a NodePool in `karpenter.sh/v1`"),
        ("karpenter.azure.com", "AKSNodeClass") if version == "v1alpha2" => object
            .note(RULE, mark, "AKSNodeClass v1alpha2 is deprecated")
            .effect("it is served and stored as v1beta1, with a warning")
            .fix("write `apiVersion: karpenter.azure.com/v1beta1`"),
        ("karpenter.azure.com", "AKSNodeClass") if version != "v1beta1" => object
            .error(RULE, mark, format!("AKSNodeClass {group}/{version} is not served"))
            .effect(REFUSED)
            .fix("write `apiVersion: karpenter.azure.com/v1beta1`"),
        ("karpenter.k8s.aws", _) => object
            .error(RULE, mark, format!("{kind} belongs to Karpenter on AWS"))
            .effect(REFUSED)
            .fix("write an AKSNodeClass in `karpenter.azure.com/v1beta1`"),
        (group, "NodePool") if group != "karpenter.sh" => object
            .error(RULE, mark, format!("a NodePool of the group `{group}` is not Karpenter's"))
            .effect(REFUSED)
            .fix("write `apiVersion: karpenter.sh/v1`"),
        (group, "AKSNodeClass") if group != "karpenter.azure.com" => object
            .error(RULE, mark, format!("an AKSNodeClass of the group `{group}` is not Karpenter's"))
            .effect(REFUSED)
            .fix("write `apiVersion: karpenter.azure.com/v1beta1`"),
        ("karpenter.sh" | "karpenter.azure.com", kind) if !["NodePool", "NodeClaim", "NodeOverlay", "AKSNodeClass"].contains(&kind) => object
            .error(RULE, object.key_mark(&["kind"]), format!("there is no kind `{kind}` in the group {group}"))
            .effect(REFUSED)
            .fix(suggest::hint(kind, ["NodePool", "AKSNodeClass"])),
        (_, "") => object
            .error(RULE, object.node.mark, "this is no Kubernetes object: it has no `kind`")
            .effect("kustomize cannot build the tree: Flux applies nothing of it")
            .fix("give it `apiVersion`, `kind` and `metadata.name`, or leave the file out of `resources`"),
        _ => return Vec::new(),
    };
    vec![finding]
}

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
    let finding = object
        .error("object-name", mark, message)
        .effect("the API server refuses the object: Flux reports the tree as not ready")
        .fix("use lower-case letters, digits, hyphens and dots in `metadata.name`");
    vec![finding]
}

pub(super) fn names_are_unique(objects: &[Object<'_>]) -> Vec<Finding> {
    let id = |object: &Object<'_>| {
        let namespace = object.node.at(&["metadata", "namespace"]).and_then(Node::text).unwrap_or_default().to_owned();
        (object.group().to_owned(), object.kind().to_owned(), namespace, object.name().to_owned())
    };
    let mut findings = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        let Some(first) =
            objects[..index].iter().find(|earlier| id(earlier) == id(object) && !object.name().is_empty())
        else {
            continue;
        };
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

pub(super) fn references_lead_somewhere(objects: &[Object<'_>]) -> Vec<Finding> {
    let classes: Vec<&str> = objects.iter().filter(|object| object.is_node_class()).map(Object::name).collect();
    let mut findings = Vec::new();
    for pool in objects.iter().filter(|object| object.is_node_pool()) {
        let path = ["spec", "template", "spec", "nodeClassRef", "name"];
        let Some(name) = pool.node.at(&path) else { continue };
        let Some(text) = name.text().filter(|text| !classes.contains(text)) else { continue };
        let hint = suggest::closest(text, classes.iter().copied()).map_or_else(
            || "add the AKSNodeClass to the tree; `default` exists only where AKS made the default pools".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        findings.push(
            pool.error("node-class-exists", name.mark, format!("there is no AKSNodeClass `{text}` in the tree"))
                .effect("the pool stays NodeClassReady=False, and its pods stay pending")
                .fix(hint),
        );
    }
    findings
}

pub(super) fn some_pool(objects: &[Object<'_>]) -> Option<Finding> {
    if objects.iter().any(|object| object.kind() == "NodePool") {
        return None;
    }
    let file = objects.first().map_or("kustomization.yaml", |object| object.file);
    let finding = Finding::new(Severity::Error, "some-pool", file, Mark::START, "the tree has no NodePool")
        .effect("the provisioner never makes a node")
        .fix("name the files with the NodePools in the `resources` of kustomization.yaml");
    Some(finding)
}
