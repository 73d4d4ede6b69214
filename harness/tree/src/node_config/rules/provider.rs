//! For which provider's Karpenter a cluster is configured.

use crate::finding::Finding;
use crate::object::Object;
use crate::region::{REGION_LABEL, ZONE_LABELS};
use harness_yaml::Node;

const RULE: &str = "other-provider";
const AKS_GROUP: &str = "karpenter.azure.com";

/// The groups of the node classes of other providers, and how the providers are called. Source: their documents.
const PROVIDERS: [(&str, &str); 4] = [
    ("karpenter.k8s.aws", "AWS"),
    ("karpenter.k8s.gcp", "Google Cloud"),
    ("karpenter.k8s.alibabacloud", "Alibaba Cloud"),
    ("karpenter.k8s.oracle", "Oracle Cloud"),
];

/// A note where the NodePools of a cluster are for another provider than AKS: they refer to its node classes, nothing in the cluster is of AKS,
/// and the class is there, or a zone or a region is one that Azure does not have. A reference alone is a mistake of somebody who has copied an
/// example.
pub(crate) fn of_another<'o>(objects: impl Iterator<Item = &'o Object<'o>> + Clone) -> Option<Finding> {
    let pools = || objects.clone().filter(|object| object.is_node_pool());
    if objects.clone().any(|object| object.group() == AKS_GROUP) || pools().any(|pool| class_group(pool) == AKS_GROUP) {
        return None;
    }
    let pool = pools().find(|pool| !class_group(pool).is_empty())?;
    let group = class_group(pool);
    let has_class = objects.clone().any(|object| object.group() == group);
    if !has_class && !pools().any(is_placed_elsewhere) {
        return None;
    }
    let provider = PROVIDERS.iter().find(|(known, _)| *known == group).map(|(_, provider)| format!("on {provider}"));
    let provider = provider.unwrap_or_else(|| format!("with the node classes of {group}"));
    let mark = pool.key_mark(&["spec", "template", "spec", "nodeClassRef"]);
    let note = pool
        .note(RULE, mark, format!("the NodePools of this cluster are for Karpenter {provider}"))
        .effect("they are checked against Karpenter's own API only: node classes, VM sizes, zones and images of other providers are not checked");
    Some(note)
}

/// Whether an object is of a provider other than AKS.
pub(super) fn is_of_another(object: &Object<'_>) -> bool {
    PROVIDERS.iter().any(|(group, _)| *group == object.group())
}

/// The group of a pool's node class, which `v1beta1` had as a part of `apiVersion`.
fn class_group<'o>(pool: &'o Object<'_>) -> &'o str {
    let reference = pool.node.at(&["spec", "template", "spec", "nodeClassRef"]);
    let text = |key: &str| reference?.get(key)?.text();
    let of_version = || text("apiVersion")?.split_once('/').map(|(group, _)| group);
    text("group").or_else(of_version).unwrap_or_default()
}

/// Whether a pool names a zone or a region as other providers write them.
fn is_placed_elsewhere(pool: &Object<'_>) -> bool {
    let is_elsewhere = |key: &str, value: &str| {
        (ZONE_LABELS.contains(&key) && is_zone_elsewhere(value)) || (key == REGION_LABEL && value.contains('-'))
    };
    let requirements = pool.node.items_at(&["spec", "template", "spec", "requirements"]).iter();
    let mut required = requirements.flat_map(|item| {
        let key = item.get("key").and_then(Node::text).unwrap_or_default();
        item.items_at(&["values"]).iter().filter_map(Node::text).map(move |value| (key, value))
    });
    let labels = pool.node.entries_at(&["spec", "template", "metadata", "labels"]).iter();
    let mut labels = labels.filter_map(|entry| Some((entry.key.as_str(), entry.value.text()?)));
    required.any(|(key, value)| is_elsewhere(key, value)) || labels.any(|(key, value)| is_elsewhere(key, value))
}

/// `us-east-1a`, `us-central1-a`: a letter at the end, where Azure has a number behind its region.
fn is_zone_elsewhere(zone: &str) -> bool {
    zone.contains('-') && zone.ends_with(|c: char| c.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Files;
    use rstest::rstest;

    const EC2: &str = "{apiVersion: karpenter.k8s.aws/v1, kind: EC2NodeClass, metadata: {name: a}}";

    fn pool(group: &str, requirement: &str) -> String {
        format!(
            "{{apiVersion: karpenter.sh/v1, kind: NodePool, metadata: {{name: a}}, spec: {{template: {{spec: {{nodeClassRef: {{group: {group}, kind: C, name: a}}, requirements: [{requirement}]}}}}}}}}"
        )
    }

    #[rstest]
    // Before, each of these had an error for each pool.
    #[case(&[&*pool("karpenter.k8s.aws", ""), EC2], Some("Karpenter on AWS"))]
    #[case(&[&*pool("karpenter.k8s.aws", "{key: topology.kubernetes.io/zone, operator: In, values: [us-east-1a]}")], Some("on AWS"))]
    #[case(&[&*pool("karpenter.k8s.gcp", "{key: topology.kubernetes.io/zone, operator: In, values: [us-central1-a]}")], Some("on Google Cloud"))]
    #[case(&[&*pool("karpenter.k8s.aws", "{key: topology.kubernetes.io/region, operator: In, values: [eu-west-1]}")], Some("on AWS"))]
    #[case(&[&*pool("karpenter.example.com", ""), "{apiVersion: karpenter.example.com/v1, kind: C}"], Some("of karpenter.example.com"))]
    #[case(&[&*pool("karpenter.k8s.aws", "").replace("group: karpenter.k8s.aws", "apiVersion: karpenter.k8s.aws/v1beta1"), EC2], Some("on AWS"))]
    // An example of AWS in a tree for AKS.
    #[case(&[&*pool("karpenter.k8s.aws", "{key: karpenter.k8s.aws/instance-category, operator: In, values: [D]}")], None)]
    #[case(&[&*pool("karpenter.k8s.aws", "{key: topology.kubernetes.io/zone, operator: In, values: [eastus-1]}")], None)]
    #[case(&[&*pool("karpenter.k8s.aws", ""), EC2, &pool("karpenter.azure.com", "")], None)]
    #[case(&[&*pool("karpenter.k8s.aws", ""), EC2, "{apiVersion: karpenter.azure.com/v1beta1, kind: AKSNodeClass}"], None)]
    #[case(&[EC2], None)]
    fn a_tree_for_another_provider_is_one(#[case] objects: &[&str], #[case] expected: Option<&str>) {
        let object = |text: &&str| {
            let node = harness_yaml::documents(text).unwrap().remove(0);
            Object { file: "a.yaml", node, files: Files::none() }
        };
        let note = of_another(objects.iter().map(object).collect::<Vec<_>>().iter());
        assert_eq!(note.is_some(), expected.is_some(), "{note:?}");
        assert!(note.is_none_or(|note| note.message.contains(expected.unwrap_or_default())));
    }
}
