//! Labels that a pool may not set or ask for.
//!
//! Source: the validation rules of karpenter.sh_nodepools.yaml in karpenter-provider-azure v1.14.0.

use crate::finding::Finding;
use crate::object::Object;
use harness_yaml::Mark;
use harness_yaml::suggest;

const KARPENTER: [&str; 1] = ["karpenter.sh/capacity-type"];

const KARPENTER_AZURE: [&str; 15] = [
    "karpenter.azure.com/aksnodeclass",
    "karpenter.azure.com/placement-scope",
    "karpenter.azure.com/sku-cpu",
    "karpenter.azure.com/sku-family",
    "karpenter.azure.com/sku-gpu-count",
    "karpenter.azure.com/sku-gpu-manufacturer",
    "karpenter.azure.com/sku-gpu-name",
    "karpenter.azure.com/sku-memory",
    "karpenter.azure.com/sku-name",
    "karpenter.azure.com/sku-networking-accelerated",
    "karpenter.azure.com/sku-series",
    "karpenter.azure.com/sku-storage-ephemeralos-maxsize",
    "karpenter.azure.com/sku-storage-premium-capable",
    "karpenter.azure.com/sku-storage-ultra-ssd",
    "karpenter.azure.com/sku-version",
];

const KUBERNETES_AZURE: [&str; 12] = [
    "kubernetes.azure.com/cluster",
    "kubernetes.azure.com/ebpf-dataplane",
    "kubernetes.azure.com/ebpf-host-routing",
    "kubernetes.azure.com/fips_enabled",
    "kubernetes.azure.com/hostedvm",
    "kubernetes.azure.com/mode",
    "kubernetes.azure.com/network-policy",
    "kubernetes.azure.com/os-sku",
    "kubernetes.azure.com/priority",
    "kubernetes.azure.com/scalesetpriority",
    "kubernetes.azure.com/sku-cpu",
    "kubernetes.azure.com/sku-memory",
];

const SINGLE: [&str; 6] =
    ["accelerator", "agentpool", "karpenter.sh/nodepool", "kubernetes.io/hostname", "storageprofile", "storagetier"];

/// Labels that people look for and that there are not, and what to use instead.
const NO_LABEL: [(&str, &str); 2] = [
    (
        "karpenter.azure.com/sku-encryptionathost-capable",
        "remove it: `spec.security.encryptionAtHost` of the AKSNodeClass leaves out the sizes that cannot",
    ),
    ("karpenter.azure.com/sku-hyperv-generation", "remove it: the provisioner takes the image that suits the size"),
];

pub(super) fn are_allowed(object: &Object<'_>) -> Vec<Finding> {
    let labels = object.node.entries_at(&["spec", "template", "metadata", "labels"]);
    let requirements = object.node.items_at(&["spec", "template", "spec", "requirements"]);
    let asked = requirements.iter().filter_map(|item| item.get("key")).filter_map(|key| Some((key.text()?, key.mark)));
    let mut findings: Vec<Finding> = labels
        .iter()
        .map(|entry| (entry.key.as_str(), entry.key_mark))
        .chain(asked)
        .filter_map(|(key, mark)| restricted(object, key, mark))
        .collect();
    for entry in labels.iter().filter(|entry| entry.value.scalar().is_some() && entry.value.text().is_none()) {
        let message = format!("the label `{}` is {}, where a text is expected", entry.key, entry.value.describe());
        let (fix, edits) = object.as_text(&entry.value);
        findings.push(object.refused("labels", entry.value.mark, message, fix).edits(edits));
    }
    findings
}

fn restricted(object: &Object<'_>, key: &str, mark: Mark) -> Option<Finding> {
    let domain = key.split_once('/').map_or("", |(domain, _)| domain);
    let within = |suffix: &str| domain.ends_with(suffix);
    let allowed: &[&str] = if SINGLE.contains(&key) {
        &[]
    } else if within("karpenter.sh") {
        &KARPENTER
    } else if within("karpenter.azure.com") {
        &KARPENTER_AZURE
    } else if within("kubernetes.azure.com") {
        &KUBERNETES_AZURE
    } else {
        return None;
    };
    if allowed.contains(&key) {
        return None;
    }
    let fix = NO_LABEL.iter().find(|(known, _)| *known == key).map_or_else(
        || {
            // A label that differs in more than a slip of the pen has another meaning.
            suggest::misspelt(key, allowed.iter().copied()).map_or_else(
                || "use a label of a domain of your own".to_owned(),
                |near| format!("did you mean `{near}`?"),
            )
        },
        |(_, instead)| (*instead).to_owned(),
    );
    Some(object.refused("labels", mark, format!("a NodePool may not use the label `{key}`"), fix))
}
