//! PodDisruptionBudgets that never allow an eviction, on nodes that expire.
//!
//! Sources: expiration deletes a NodeClaim whatever budgets say, and its node is drained by evictions until `terminationGracePeriod` has passed
//! (pkg/controllers/nodeclaim/expiration and pkg/controllers/node/termination of sigs.k8s.io/karpenter v1.14.0); what a budget allows is
//! `getExpectedPodCount` in pkg/controller/disruption/disruption.go of k8s.io/kubernetes v1.36.3.

use super::given;
use super::placement::Wanted;
use super::workloads::pod_template;
use crate::finding::Finding;
use crate::object::Object;
use crate::pool::{NodePool, Taint};
use harness_yaml::Node;

/// Kinds with a number of pods, each of which comes back elsewhere after an eviction.
const COUNTED: [&str; 3] = ["Deployment", "StatefulSet", "ReplicaSet"];

/// Budgets for which an expired node is never drained.
pub(super) fn allows_evictions(objects: &[Object<'_>]) -> Vec<Finding> {
    let expiring: Vec<NodePool> = objects.iter().filter(|object| expires(object)).map(NodePool::of).collect();
    if expiring.is_empty() {
        return Vec::new();
    }
    let budgets = objects.iter().filter(|object| object.group() == "policy" && object.kind() == "PodDisruptionBudget");
    budgets.filter_map(|budget| never_allows(budget, objects, &expiring)).collect()
}

/// Whether nodes of a pool are deleted when they are old, and may then be drained for ever. The default of `expireAfter` is 720h.
fn expires(object: &Object<'_>) -> bool {
    let field = |key: &str| given(object.node.at(&["spec", "template", "spec", key]));
    object.is_node_pool()
        && field("expireAfter").and_then(Node::text) != Some("Never")
        && field("terminationGracePeriod").is_none()
}

fn never_allows(budget: &Object<'_>, objects: &[Object<'_>], expiring: &[NodePool]) -> Option<Finding> {
    let selector = budget.node.at(&["spec", "selector"])?;
    let selected: Vec<&Object<'_>> = objects
        .iter()
        .filter(|object| COUNTED.contains(&object.kind()) && object.namespace() == budget.namespace())
        .filter(|object| selects(selector, object))
        .filter(|object| object.node.at(&["spec", "replicas"]).and_then(Node::whole) != Some(0))
        .collect();
    let field = ["maxUnavailable", "minAvailable"].into_iter().find_map(|key| budget.node.at(&["spec"])?.entry(key))?;
    let bound = field.value.scalar()?;
    if selected.is_empty() || !leaves_none(&field.key, &bound, || count(&selected, objects)) {
        return None;
    }
    let disrupted = Taint { key: "karpenter.sh/disrupted".to_owned(), value: None, effect: "NoSchedule".to_owned() };
    let on = selected.iter().find_map(|workload| {
        let wanted = Wanted::of(pod_template(workload)?.get("spec")?)?;
        // Karpenter does not drain what tolerates its own taint.
        let is_drained = !wanted.tolerates_taint(&disrupted);
        let pool = expiring.iter().find(|pool| wanted.is_met_by(pool) && wanted.tolerates(pool))?;
        is_drained.then_some((workload, pool))
    });
    let (workload, pool) = on?;
    let message = format!(
        "this budget never allows an eviction of {} `{}`, and nodes of `{}` expire without `terminationGracePeriod`",
        workload.kind(),
        workload.name(),
        pool.name
    );
    Some(
        budget
            .warning("eviction-blocked", field.value.mark, message)
            .effect("an expired node with such a pod is drained for ever: it takes no pods, costs money, and its replacement is there already")
            .fix("allow one eviction (`maxUnavailable: 1`, with at least 2 replicas), or give the pool `terminationGracePeriod` or `expireAfter: Never`"),
    )
}

/// Whether a bound leaves no pod that may be evicted, of as many as there are at most; `None` where their number is not known.
fn leaves_none(key: &str, bound: &str, count: impl Fn() -> Option<u64>) -> bool {
    let percent = bound.strip_suffix('%').and_then(|percent| percent.parse::<u64>().ok());
    match (key, percent, bound.parse::<u64>().ok()) {
        // Percentages are rounded up, so that 1% allows one pod.
        ("maxUnavailable", Some(percent), _) => percent == 0,
        ("maxUnavailable", _, Some(number)) => number == 0,
        ("minAvailable", Some(percent), _) if percent >= 100 => true,
        ("minAvailable", Some(percent), _) => {
            percent > 0 && count().is_some_and(|count| (percent * count).div_ceil(100) >= count)
        }
        ("minAvailable", _, Some(number)) => number > 0 && count().is_some_and(|count| number >= count),
        _ => false,
    }
}

/// How many pods there are at most; `None` where a scaler decides that and does not say its maximum.
fn count(selected: &[&Object<'_>], objects: &[Object<'_>]) -> Option<u64> {
    selected.iter().map(|workload| most_pods(workload, objects)).sum()
}

fn most_pods(workload: &Object<'_>, objects: &[Object<'_>]) -> Option<u64> {
    let scaler = objects.iter().find(|object| {
        let target = |key: &str| object.node.at(&["spec", "scaleTargetRef", key]).and_then(Node::text);
        object.namespace() == workload.namespace()
            && target("name") == Some(workload.name())
            && target("kind").is_none_or(|kind| kind == workload.kind())
    });
    match scaler {
        Some(scaler) if scaler.kind() == "HorizontalPodAutoscaler" => {
            scaler.node.at(&["spec", "maxReplicas"]).and_then(Node::whole)
        }
        Some(_) => None,
        // Whoever leaves it out leaves it to a scaler, which may be in another tree.
        None => workload.node.at(&["spec", "replicas"]).and_then(Node::whole),
    }
}

/// Whether a label selector selects the pods of a workload. Source: `LabelSelectorAsSelector` of apimachinery.
fn selects(selector: &Node, workload: &Object<'_>) -> bool {
    let Some(template) = pod_template(workload) else { return false };
    let label =
        |key: &str| template.at(&["metadata", "labels"]).and_then(|labels| labels.get(key)).and_then(Node::scalar);
    let expressions = selector.items_at(&["matchExpressions"]).iter().all(|expression| {
        let key = expression.get("key").and_then(Node::text).unwrap_or_default();
        let values: Vec<String> = expression.items_at(&["values"]).iter().filter_map(Node::scalar).collect();
        match (expression.get("operator").and_then(Node::text), label(key)) {
            (Some("In"), value) => value.is_some_and(|value| values.contains(&value)),
            (Some("NotIn"), value) => value.is_none_or(|value| !values.contains(&value)),
            (Some("Exists"), value) => value.is_some(),
            (Some("DoesNotExist"), value) => value.is_none(),
            _ => false,
        }
    });
    let labels = selector.entries_at(&["matchLabels"]);
    expressions && labels.iter().all(|entry| label(&entry.key) == entry.value.scalar())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("maxUnavailable", "0", None, true)]
    #[case("maxUnavailable", "0%", None, true)]
    #[case("maxUnavailable", "1%", Some(1), false)]
    #[case("minAvailable", "100%", None, true)]
    #[case("minAvailable", "50%", Some(1), true)]
    #[case("minAvailable", "50%", Some(2), false)]
    #[case("minAvailable", "3", Some(3), true)]
    #[case("minAvailable", "2", Some(3), false)]
    #[case("minAvailable", "1", None, false)]
    #[case("minAvailable", "0", Some(1), false)]
    fn bounds_leave_an_eviction_or_none(
        #[case] key: &str,
        #[case] bound: &str,
        #[case] count: Option<u64>,
        #[case] none: bool,
    ) {
        assert_eq!(leaves_none(key, bound, || count), none);
    }

    /// Before, nothing was said of any of them.
    #[rstest]
    #[case("minAvailable: 100%", "replicas: 2,", "", "", true)]
    #[case("minAvailable: 1", "replicas: 1,", "", "expireAfter: 24h", true)]
    #[case("maxUnavailable: 1", "replicas: 2,", "", "", false)]
    #[case::a_limit_of_the_drain("minAvailable: 100%", "replicas: 2,", "", "terminationGracePeriod: 1h", false)]
    #[case::never("minAvailable: 100%", "replicas: 2,", "", "expireAfter: Never", false)]
    #[case::a_scaler_somewhere("minAvailable: 1", "", "", "", false)]
    #[case::no_pods("minAvailable: 100%", "replicas: 0,", "", "", false)]
    #[case::another_pool("minAvailable: 100%", "replicas: 2,", "nodeSelector: {team: b}", "", false)]
    #[case::a_system_pool(
        "minAvailable: 100%",
        "replicas: 2,",
        "nodeSelector: {kubernetes.azure.com/mode: system}",
        "",
        false
    )]
    #[case::not_drained("minAvailable: 100%", "replicas: 2,", "tolerations: [{operator: Exists}]", "", false)]
    #[case::a_taint("minAvailable: 100%", "replicas: 2,", "", "taints: [{key: a, effect: NoSchedule}]", false)]
    fn budgets_without_an_eviction_meet_nodes_that_expire(
        #[case] bound: &str,
        #[case] replicas: &str,
        #[case] pod: &str,
        #[case] pool: &str,
        #[case] said: bool,
    ) {
        let text = format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, namespace: shop}}\nspec: {{{replicas} template: {{metadata: {{labels: {{app: web}}}}, spec: {{{pod}}}}}}}\n---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {{name: web, namespace: shop}}\nspec: {{selector: {{matchLabels: {{app: web}}}}, {bound}}}\n---\napiVersion: karpenter.sh/v1\nkind: NodePool\nmetadata: {{name: general}}\nspec: {{template: {{spec: {{{pool}}}}}}}\n"
        );
        let nodes = harness_yaml::documents_of(&text, 0).unwrap();
        let objects: Vec<Object<'_>> =
            nodes.into_iter().map(|node| Object { file: "a.yaml", node, files: crate::files::Files::none() }).collect();
        let found = allows_evictions(&objects);
        assert_eq!(found.len(), usize::from(said), "{found:#?}");
        assert!(found.iter().all(|finding| finding.line == 9));
    }
}
