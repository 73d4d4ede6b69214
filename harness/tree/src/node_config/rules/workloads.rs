//! The workloads of a tree: whether the API server takes them, and whether anything tolerates what the pools are tainted with.

use crate::finding::Finding;
use crate::object::Object;
use crate::pool::Taint;
use harness_plan::Toleration;
use harness_yaml::Node;

/// Kinds with a pod template, and where its spec is.
const PODS: [(&str, &[&str]); 7] = [
    ("Pod", &["spec"]),
    ("Deployment", &["spec", "template", "spec"]),
    ("StatefulSet", &["spec", "template", "spec"]),
    ("DaemonSet", &["spec", "template", "spec"]),
    ("ReplicaSet", &["spec", "template", "spec"]),
    ("Job", &["spec", "template", "spec"]),
    ("CronJob", &["spec", "jobTemplate", "spec", "template", "spec"]),
];

fn pod_spec<'o>(object: &'o Object<'_>) -> Option<&'o Node> {
    let (_, path) = PODS.iter().find(|(kind, _)| *kind == object.kind())?;
    object.node.at(path)
}

/// Taints that no workload of the tree tolerates. A tree without workloads says nothing about them.
pub(super) fn tolerate_taints(objects: &[Object<'_>]) -> Vec<Finding> {
    let workloads: Vec<&Node> = objects.iter().filter_map(pod_spec).collect();
    // What the pods of a chart tolerate is not known.
    if workloads.is_empty() || objects.iter().any(|object| object.kind() == "HelmRelease") {
        return Vec::new();
    }
    let tolerations = workloads.iter().flat_map(|spec| spec.items_at(&["tolerations"]));
    let tolerations: Vec<Toleration> = tolerations.map(toleration).collect();
    let mut findings = Vec::new();
    for pool in objects.iter().filter(|object| object.is_node_pool() && !object.is_of_aks()) {
        for node in pool.node.items_at(&["spec", "template", "spec", "taints"]) {
            let taint = Taint::of(node);
            // AKS's own add-ons tolerate this one.
            if taint.key == "CriticalAddonsOnly" || taint.is_tolerated(&tolerations) {
                continue;
            }
            let message = format!("no workload of the tree tolerates the taint `{}` of `{}`", taint.key, pool.name());
            findings.push(
                pool.warning("taint-not-tolerated", node.mark, message)
                    .effect("no pod of this tree is ever scheduled to the pool, and it makes no node for them")
                    .fix("add a toleration to the workloads that are meant for the pool, or remove the taint"),
            );
        }
    }
    findings
}

fn toleration(node: &Node) -> Toleration {
    let text = |key: &str| node.get(key).and_then(Node::scalar).filter(|text| !text.is_empty());
    Toleration {
        key: text("key").unwrap_or_default(),
        operator: text("operator").unwrap_or_else(|| "Equal".to_owned()),
        value: text("value"),
        effect: text("effect"),
    }
}

/// `spec.selector` and the labels of the pod template, without which no workload of apps/v1 is accepted.
pub(super) fn select_their_pods(object: &Object<'_>) -> Vec<Finding> {
    const RULE: &str = "workload-selector";
    let kinds = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"];
    if object.group() != "apps" || !kinds.contains(&object.kind()) || object.node.get("spec").is_none() {
        return Vec::new();
    }
    let selector = object.node.at(&["spec", "selector"]);
    let labels = object.node.entries_at(&["spec", "template", "metadata", "labels"]);
    let mut findings = Vec::new();
    let wanted = selector.and_then(|selector| selector.get("matchLabels")).map_or(&[][..], Node::entries);
    if selector.is_none() {
        let message = format!("a {} needs `spec.selector`", object.kind());
        let mark = object.key_mark(&["spec"]);
        let fix = "write `selector: {matchLabels: {app: ...}}`, and the same label in `template.metadata.labels`";
        findings.push(object.refused(RULE, mark, message, fix));
    }
    for entry in wanted {
        let label = labels.iter().find(|label| label.key == entry.key);
        if label.and_then(|label| label.value.scalar()) != entry.value.scalar() {
            let message = format!("the pod template lacks the label `{}` that the selector asks for", entry.key);
            let fix = "write the same label in `spec.template.metadata.labels`";
            findings.push(object.refused(RULE, entry.key_mark, message, fix));
        }
    }
    findings
}
