//! Values of an AKSNodeClass.
//!
//! Source: karpenter.azure.com_aksnodeclasses.yaml of karpenter-provider-azure v1.14.0.

use super::given;
use super::pool::spelling;
use crate::finding::Finding;
use crate::object::Object;

const RULE: &str = "node-class-values";

const RANGES: [(&[&str], u64, u64); 4] = [
    (&["spec", "osDiskSizeGB"], 30, 2048),
    (&["spec", "maxPods"], 10, 250),
    (&["spec", "kubelet", "imageGCHighThresholdPercent"], 0, 100),
    (&["spec", "kubelet", "imageGCLowThresholdPercent"], 0, 100),
];

const SPELLINGS: [(&[&str], &[&str]); 6] = [
    (&["spec", "imageFamily"], &["Ubuntu", "Ubuntu2204", "Ubuntu2404", "AzureLinux"]),
    (&["spec", "fipsMode"], &["FIPS", "Disabled"]),
    (&["spec", "gpu", "mode"], &["Driver", "None"]),
    (&["spec", "localDNS", "mode"], &["Preferred", "Required", "Disabled"]),
    (&["spec", "kubelet", "cpuManagerPolicy"], &["none", "static"]),
    (&["spec", "kubelet", "topologyManagerPolicy"], &["restricted", "best-effort", "none", "single-numa-node"]),
];

pub(super) fn values(object: &Object<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, low, high) in RANGES {
        let Some(node) = given(object.node.at(path)) else { continue };
        if !node.whole().is_some_and(|value| (low..=high).contains(&value)) {
            let message = format!("`{}` is {}", path[path.len() - 1], node.describe());
            findings.push(object.refused(RULE, node.mark, message, format!("write a number from {low} to {high}")));
        }
    }
    for (path, known) in SPELLINGS {
        let Some(node) = given(object.node.at(path)) else { continue };
        findings.extend(spelling(object, RULE, path[path.len() - 1], node, known));
    }
    findings.extend(subnet(object));
    findings
}

fn subnet(object: &Object<'_>) -> Option<Finding> {
    let node = given(object.node.at(&["spec", "vnetSubnetID"]))?;
    let text = node.text().unwrap_or_default().to_lowercase();
    let parts: Vec<&str> = text.split('/').collect();
    let well_formed = matches!(
        parts.as_slice(),
        ["", "subscriptions", subscription, "resourcegroups", group, "providers", "microsoft.network", "virtualnetworks", network, "subnets", subnet]
            if [subscription, group, network, subnet].iter().all(|part| !part.is_empty())
    );
    (!well_formed).then(|| {
        object.refused(
            RULE,
            node.mark,
            "`vnetSubnetID` is not the resource id of a subnet".to_owned(),
            "write /subscriptions/S/resourceGroups/G/providers/Microsoft.Network/virtualNetworks/V/subnets/N",
        )
    })
}

/// What `spec.maxPods` is when it is not set, on the overlay network that NAP is used with most.
/// Source: pkg/utils/utils.go of karpenter-provider-azure v1.14.0, GetMaxPods.
pub(crate) const MAX_PODS_OVERLAY: u64 = 250;

/// Used by the derivation to know how many pods a node takes.
pub fn max_pods(declared: Option<u64>) -> u64 {
    declared.unwrap_or(MAX_PODS_OVERLAY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Files;
    use harness_yaml::Node;

    #[test]
    fn a_class_without_max_pods_has_that_of_the_overlay() {
        assert_eq!(max_pods(None), 250);
        assert_eq!(max_pods(Some(30)), 30);
    }

    #[test]
    fn only_whole_subnet_ids_are_subnet_ids() {
        let class = |id: &str| {
            let text = format!(
                "apiVersion: karpenter.azure.com/v1beta1\nkind: AKSNodeClass\nmetadata: {{name: a}}\nspec: {{vnetSubnetID: {id}}}\n"
            );
            let node: Node = harness_yaml::documents(&text).unwrap().remove(0);
            subnet(&Object { file: "a.yaml", node, files: Files::none() }).is_none()
        };
        assert!(class("/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/n"));
        assert!(!class("aks-subnet"));
        assert!(!class("/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/"));
    }
}
