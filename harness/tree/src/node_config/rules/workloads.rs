//! The workloads of a tree: whether the API server takes them, whether the pools have nodes for them, and whether anything tolerates what the
//! pools are tainted with.

use super::placement::{self, Wanted};
use crate::finding::Finding;
use crate::object::Object;
use crate::pool::{NodePool, Operator, Requirement, Taint};
use harness_plan::Toleration;
use harness_yaml::{Mark, Node, suggest};

/// Kinds with pods, and where metadata and spec of these are.
const PODS: [(&str, &[&str]); 7] = [
    ("Pod", &[]),
    ("Deployment", &["spec", "template"]),
    ("StatefulSet", &["spec", "template"]),
    ("DaemonSet", &["spec", "template"]),
    ("ReplicaSet", &["spec", "template"]),
    ("Job", &["spec", "template"]),
    ("CronJob", &["spec", "jobTemplate", "spec", "template"]),
];

/// The metadata and spec of a workload's pods.
pub(super) fn pod_template<'o>(object: &'o Object<'_>) -> Option<&'o Node> {
    let (_, path) = PODS.iter().find(|(kind, _)| *kind == object.kind())?;
    object.node.at(path)
}

fn pod_spec<'o>(object: &'o Object<'_>) -> Option<&'o Node> {
    pod_template(object)?.get("spec")
}

/// Workloads for which no pool makes a node. A DaemonSet without a node is one without pods, and a tree without pools says nothing of nodes.
pub(super) fn have_nodes(objects: &[Object<'_>]) -> Vec<Finding> {
    let pools = placement::pools_and_default(objects);
    if pools.is_empty() {
        return Vec::new();
    }
    let runs = |object: &&Object<'_>| {
        object.kind() != "DaemonSet" && object.node.at(&["spec", "replicas"]).and_then(Node::whole) != Some(0)
    };
    objects
        .iter()
        .filter(runs)
        .filter_map(|object| {
            let wanted = Wanted::of(pod_spec(object)?)?;
            let (requirement, mark) = wanted.unmet(&pools)?;
            Some(without_nodes(object, requirement, *mark, &pools))
        })
        .collect()
}

fn without_nodes(object: &Object<'_>, requirement: &Requirement, mark: Mark, pools: &[NodePool]) -> Finding {
    let key = &requirement.key;
    let wanted = match (requirement.operator, requirement.values.as_slice()) {
        (Operator::In, [value]) => format!("{key}={value}"),
        (Operator::Exists, _) => key.clone(),
        (operator, values) => format!("{key} {operator} {}", values.join(", ")),
    };
    let known: Vec<&str> = match key.as_str() {
        "karpenter.sh/nodepool" => pools.iter().map(|pool| pool.name.as_str()).collect(),
        _ => {
            pools.iter().flat_map(NodePool::own_labels).filter(|(own, _)| own == key).map(|(_, value)| value).collect()
        }
    };
    let near = requirement.values.iter().find_map(|value| suggest::closest(value, known.iter().copied()));
    let fix = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "give a pool the label or a requirement that admits it, or change what the pods ask for".to_owned(),
    };
    object
        .warning("no-pool-for-pods", mark, format!("no NodePool of the tree makes nodes with {wanted}"))
        .effect("unless the cluster has other nodes with it, the pods stay pending with FailedScheduling")
        .fix(fix)
}

const ZONE: &str = "topology.kubernetes.io/zone";
const PLACEMENT_SCOPE: &str = "karpenter.azure.com/placement-scope";

/// The zone of a VM that is in none. Source: `Regional` in pkg/utils/zones/zones.go of karpenter-provider-azure v1.14.0; `instanceTypeZones`
/// offers it for every size beside the zones of the region.
const REGIONAL: &str = "0";

/// Pods that are spread over zones where the pool also makes VMs without a zone: these count as a zone of their own.
pub(super) fn spread_over_zones(objects: &[Object<'_>]) -> Vec<Finding> {
    let pools: Vec<NodePool> = objects.iter().filter(|object| object.is_node_pool()).map(NodePool::of).collect();
    let values = |key: &'static str| {
        let required = pools.iter().flat_map(|pool| &pool.requirements);
        required.filter(move |requirement| requirement.key == key).flat_map(|requirement| &requirement.values)
    };
    // In a region without zones there is but one domain. A tree that names zones is for one that has them.
    if !values(ZONE).any(|zone| zone.contains('-')) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for object in objects {
        let Some(spec) = pod_spec(object) else { continue };
        let Some(wanted) = Wanted::of(spec).filter(|wanted| !wanted.names(ZONE) && !wanted.names(PLACEMENT_SCOPE))
        else {
            continue;
        };
        let regional = |pool: &&NodePool| {
            let admits = |key: &str, value: &str| {
                pool.labels.get(key).is_none_or(|own| own == value)
                    && pool.requirements.iter().filter(|one| one.key == key).all(|one| one.admits(Some(value)))
            };
            admits(ZONE, REGIONAL)
                && admits(PLACEMENT_SCOPE, "regional")
                && admits(PLACEMENT_SCOPE, "zonal")
                && wanted.is_met_by(pool)
                && wanted.tolerates(pool)
        };
        for constraint in spec.items_at(&["topologySpreadConstraints"]) {
            let text = |key: &str| constraint.get(key).and_then(Node::text);
            let Some(key) = constraint.get("topologyKey").filter(|key| key.text() == Some(ZONE)) else { continue };
            if text("whenUnsatisfiable") == Some("ScheduleAnyway") {
                continue;
            }
            let Some(pool) = pools.iter().find(regional) else { continue };
            let message =
                format!("`{}` also makes VMs without a zone, which count as the zone `{REGIONAL}` here", pool.name);
            findings.push(
                object
                    .warning("zone-spread", key.mark, message)
                    .effect("one share of the pods runs on VMs of no zone: the others are spread over the real zones, and the loss of one may hit more pods than the spread suggests")
                    .fix(format!("require `{PLACEMENT_SCOPE}` In [zonal], or name the zones, in the pool or in the pods")),
            );
        }
    }
    findings
}

/// Taints that no workload of the tree tolerates. A tree without workloads says nothing about them.
pub(super) fn tolerate_taints(objects: &[Object<'_>]) -> Vec<Finding> {
    let workloads: Vec<&Node> = objects.iter().filter_map(pod_spec).collect();
    // What the pods of a chart tolerate is not known.
    if workloads.is_empty() || objects.iter().any(|object| object.kind() == "HelmRelease") {
        return Vec::new();
    }
    let tolerations = workloads.iter().flat_map(|spec| spec.items_at(&["tolerations"]));
    let tolerations: Vec<Toleration> = tolerations.map(placement::toleration).collect();
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
