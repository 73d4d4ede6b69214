//! Fields that do not exist.
//!
//! Source: the CRDs of karpenter-provider-azure v1.14.0, pkg/apis/crds.

use crate::node_config::Finding;
use crate::node_config::object::Object;
use crate::suggest;
use crate::yaml::Node;

/// A map in a CRD: its path (`*` is each item of a list) and its keys.
type Keys = (&'static [&'static str], &'static [&'static str]);

const EFFECT: &str = "the API server refuses the field (Flux applies server-side): the tree is reported as not ready";

const TAINT: &[&str] = &["effect", "key", "timeAdded", "value"];

const NODE_POOL: [Keys; 11] = [
    (&[], &["apiVersion", "kind", "metadata", "spec", "status"]),
    (&["spec"], &["disruption", "limits", "replicas", "template", "weight"]),
    (&["spec", "disruption"], &["budgets", "consolidateAfter", "consolidationPolicy"]),
    (&["spec", "disruption", "budgets", "*"], &["duration", "nodes", "reasons", "schedule"]),
    (&["spec", "template"], &["metadata", "spec"]),
    (&["spec", "template", "metadata"], &["annotations", "labels"]),
    (
        &["spec", "template", "spec"],
        &["expireAfter", "nodeClassRef", "requirements", "startupTaints", "taints", "terminationGracePeriod"],
    ),
    (&["spec", "template", "spec", "nodeClassRef"], &["group", "kind", "name"]),
    (&["spec", "template", "spec", "requirements", "*"], &["key", "minValues", "operator", "values"]),
    (&["spec", "template", "spec", "taints", "*"], TAINT),
    (&["spec", "template", "spec", "startupTaints", "*"], TAINT),
];

const DNS_OVERRIDE: &[&str] = &[
    "cacheDuration",
    "forwardDestination",
    "forwardPolicy",
    "maxConcurrent",
    "protocol",
    "queryLogging",
    "serveStale",
    "serveStaleDuration",
    "zone",
];

const NODE_CLASS: [Keys; 10] = [
    (&[], &["apiVersion", "kind", "metadata", "spec", "status"]),
    (
        &["spec"],
        &[
            "artifactStreaming",
            "fipsMode",
            "gpu",
            "imageFamily",
            "kubelet",
            "linuxOSConfig",
            "localDNS",
            "maxPods",
            "osDiskSizeGB",
            "security",
            "tags",
            "vnetSubnetID",
        ],
    ),
    (&["spec", "artifactStreaming"], &["enabled"]),
    (&["spec", "gpu"], &["mode"]),
    (&["spec", "security"], &["encryptionAtHost"]),
    (&["spec", "localDNS"], &["kubeDNSOverrides", "mode", "vnetDNSOverrides"]),
    (&["spec", "localDNS", "kubeDNSOverrides", "*"], DNS_OVERRIDE),
    (&["spec", "localDNS", "vnetDNSOverrides", "*"], DNS_OVERRIDE),
    (
        &["spec", "linuxOSConfig"],
        &["swapFileSize", "sysctls", "transparentHugePageDefrag", "transparentHugePageEnabled"],
    ),
    (
        &["spec", "kubelet"],
        &[
            "allowedUnsafeSysctls",
            "containerLogMaxFiles",
            "containerLogMaxSize",
            "cpuCFSQuota",
            "cpuCFSQuotaPeriod",
            "cpuManagerPolicy",
            "failSwapOn",
            "imageGCHighThresholdPercent",
            "imageGCLowThresholdPercent",
            "podPidsLimit",
            "topologyManagerPolicy",
        ],
    ),
];

/// Fields that people write since they were there once, or are there elsewhere, with what to write instead.
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

pub(super) fn of_node_pool(object: &Object<'_>) -> Vec<Finding> {
    NODE_POOL.iter().flat_map(|keys| unknown(object, keys)).collect()
}

pub(super) fn of_node_class(object: &Object<'_>) -> Vec<Finding> {
    NODE_CLASS.iter().flat_map(|keys| unknown(object, keys)).collect()
}

/// The values at a path in which `*` stands for each item of a list.
fn at<'n>(node: &'n Node, path: &[&str]) -> Vec<&'n Node> {
    match path.split_first() {
        None => vec![node],
        Some((&"*", rest)) => node.items().iter().flat_map(|item| at(item, rest)).collect(),
        Some((key, rest)) => node.get(key).map(|value| at(value, rest)).unwrap_or_default(),
    }
}

fn unknown(object: &Object<'_>, (path, keys): &Keys) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in at(&object.node, path).into_iter().flat_map(Node::entries) {
        let key = entry.key.as_str();
        if keys.contains(&key) {
            continue;
        }
        let kind = object.kind();
        let instead = INSTEAD.iter().find(|(of, field, _)| *of == kind && *field == key);
        let fix = instead.map_or_else(|| suggest::hint(key, keys.iter().copied()), |(.., fix)| (*fix).to_owned());
        let place = if path.is_empty() { kind.to_owned() } else { format!("`{}`", path.join(".").replace(".*", "[]")) };
        findings.push(
            object
                .error("unknown-field", entry.key_mark, format!("there is no field `{key}` in {place}"))
                .effect(EFFECT)
                .fix(fix),
        );
    }
    findings
}
