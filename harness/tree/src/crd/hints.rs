//! Fields that people write since they were there once, or are there elsewhere.
//!
//! Source: the CRDs of karpenter-provider-azure v1.14.0, pkg/apis/crds, and those of Karpenter before 1.0.

use crate::finding::Edit;
use crate::object::Object;
use harness_yaml::{Entry, Node};

/// Kind, field, what to write instead.
const INSTEAD: [(&str, &str, &str); 17] = [
    ("NodePool", "expireAfter", "write it at `spec.template.spec.expireAfter`, where v1 has it"),
    ("NodePool", "ttlSecondsAfterEmpty", "write `spec.disruption.consolidateAfter`"),
    ("NodePool", "ttlSecondsUntilExpired", "write `spec.template.spec.expireAfter`"),
    ("NodePool", "kubelet", "write it in the AKSNodeClass: `spec.kubelet`"),
    ("NodePool", "providerRef", "write `spec.template.spec.nodeClassRef` with group, kind and name"),
    ("NodePool", "apiVersion", "write `group: karpenter.azure.com`"),
    ("NodePool", "consolidation", "write `disruption.consolidationPolicy`"),
    ("AKSNodeClass", "location", "remove it: nodes are made in the cluster's region"),
    ("AKSNodeClass", "resourceGroup", "remove it: nodes are made in the cluster's node resource group"),
    ("AKSNodeClass", "subnetName", "write the whole resource id in `vnetSubnetID`"),
    ("AKSNodeClass", "subnetID", "write `vnetSubnetID`"),
    ("AKSNodeClass", "instanceTypes", "write a requirement on `node.kubernetes.io/instance-type` in the NodePool"),
    ("AKSNodeClass", "osDisk", "write `osDiskSizeGB`; the disk's type follows from the VM size"),
    ("AKSNodeClass", "osDiskType", "remove it: the disk is ephemeral where the VM size allows it"),
    ("AKSNodeClass", "userData", "remove it: AKS nodes take no user data; use a DaemonSet"),
    ("AKSNodeClass", "vmSize", "write a requirement on `node.kubernetes.io/instance-type` in the NodePool"),
    ("AKSNodeClass", "trustedLaunch", "remove it: version 1.14.0 has only `encryptionAtHost` here"),
];

/// What to write instead of a field that a kind does not have.
pub(crate) fn instead(kind: &str, field: &str) -> Option<&'static str> {
    INSTEAD.iter().find(|(of, name, _)| *of == kind && *name == field).map(|(.., fix)| *fix)
}

/// Fields that say nothing: without them the object means the same.
const NEVER_MEANT_ANYTHING: [&str; 3] = ["location", "resourceGroup", "osDiskType"];

/// The edits that do what [`instead`] says, where that is a matter of writing and not of meaning. `path` is that of the map.
pub(crate) fn edits(object: &Object<'_>, map: &Node, entry: &Entry, path: &str) -> Vec<Edit> {
    match (object.kind(), path, entry.key.as_str()) {
        ("AKSNodeClass", "spec", key) if NEVER_MEANT_ANYTHING.contains(&key) => object.removing(map, entry),
        ("AKSNodeClass", "spec", "osDisk") if map.get("osDiskSizeGB").is_none() => {
            let size = ["sizeGb", "sizeGB", "sizeGiB", "size"].iter().find_map(|key| entry.value.get(key));
            let size = size.and_then(Node::whole);
            size.map(|size| object.exchanging(map, entry, &format!("osDiskSizeGB: {size}"))).unwrap_or_default()
        }
        ("NodePool", "spec.disruption", "expireAfter") => match object.node.at(&["spec", "template", "spec"]) {
            // v1 has it already: the old one is what v1beta1 would have read.
            Some(template) if template.get("expireAfter").is_some() => object.removing(map, entry),
            Some(template) => object.moving(map, entry, template),
            None => Vec::new(),
        },
        ("NodePool", "spec.template.spec.nodeClassRef", "apiVersion") => {
            let ours = entry.value.text().is_some_and(|text| text.starts_with("karpenter.azure.com/"));
            match map.get("group") {
                Some(_) => object.removing(map, entry),
                None if ours => object.exchanging(map, entry, "group: karpenter.azure.com"),
                None => Vec::new(),
            }
        }
        _ => Vec::new(),
    }
}
