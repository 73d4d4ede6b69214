//! The order of kinds: that of the objects where `sortOptions` asks for it, and that of configurations. Source:
//! api/internal/builtins/SortOrderTransformer.go and kyaml/resid/gvk.go.

use super::resource::{Id, Resource};
use harness_yaml::Node;

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

/// Sorts the objects as the outermost kustomization asks.
pub(super) fn sort(options: &Node, resources: &mut [Resource]) {
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
