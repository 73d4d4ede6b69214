//! The labels of a Node.
//!
//! Of each: who writes it on AKS. NAP leaves out of a machine's body what AKS or the kubelet writes (`configureLabelsAndMode` in
//! `pkg/providers/instance/aksmachineinstancehelpers.go` of Azure/karpenter-provider-azure v1.14.0), so that the Node has these from here alone.
//! The whole set, with the source of each, is a test: `tests/it/node_facts.rs`.

use std::collections::BTreeMap;

use super::parts::{NodeParts, PoolType};
use crate::catalogue::GpuVendor;
use crate::config::parse_version;
use crate::documents::{SubnetId, kubelet_identity_client_id, uuid_of, vnet_id};
use crate::fleet::{OsDisk, storage_tier};
use crate::images::NodeImage;
use harness_simulation::CapacityType;

/// The longest value of a label.
const VALUE_MAX: usize = 63;

/// The labels of a Node, those of the body among them; where both say something, AKS has the last word.
pub(super) fn labels(parts: &NodeParts<'_>) -> BTreeMap<String, String> {
    let mut all = parts.spec.labels.clone();
    add_kubernetes_labels(parts, &mut all);
    add_machine_labels(parts, &mut all);
    add_image_labels(parts, &mut all);
    add_network_labels(parts, &mut all);
    if parts.pool_type == PoolType::VirtualMachines {
        // The provider installs it on every node it registers, so that the taints of the body are taken as they are.
        set(&mut all, "karpenter.sh/do-not-sync-taints", "true");
    }
    all
}

fn set(all: &mut BTreeMap<String, String>, key: &str, value: &str) {
    all.insert(key.to_owned(), value.to_owned());
}

/// Adds those of the kubelet and of the cloud node manager, the deprecated ones among them: `staging/src/k8s.io/cloud-provider/controllers/node` of
/// Kubernetes 1.36 writes both.
fn add_kubernetes_labels(parts: &NodeParts<'_>, all: &mut BTreeMap<String, String>) {
    let spec = parts.spec;
    let zone = spec.zone_label(&parts.config.location);
    let arch = spec.sku.series.architecture.kubernetes();
    set(all, "kubernetes.io/hostname", &parts.names.vm);
    for (keys, value) in [
        (["kubernetes.io/os", "beta.kubernetes.io/os"], "linux"),
        (["kubernetes.io/arch", "beta.kubernetes.io/arch"], arch),
        (["node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type"], &spec.sku.name),
        (["topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region"], &parts.config.location),
        (["topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"], &zone),
    ] {
        for key in keys {
            set(all, key, value);
        }
    }
    // The disk driver's, whose value without a zone is empty.
    set(all, "topology.disk.csi.azure.com/zone", if spec.zones.is_empty() { "" } else { &zone });
}

/// Adds those that AKS derives from the pool and the size.
fn add_machine_labels(parts: &NodeParts<'_>, all: &mut BTreeMap<String, String>) {
    let (config, spec) = (parts.config, parts.spec);
    let spot = spec.capacity_type == CapacityType::Spot;
    for key in ["agentpool", "kubernetes.azure.com/agentpool"] {
        set(all, key, parts.pool);
    }
    set(all, "kubernetes.azure.com/cluster", &label_value(&config.node_resource_group));
    set(all, "kubernetes.azure.com/mode", if spec.system_mode { "system" } else { "user" });
    set(all, "kubernetes.azure.com/role", "agent");
    set(all, "kubernetes.azure.com/priority", if spot { "spot" } else { "regular" });
    if spot {
        // AKS never writes `regular` here (`AKSLabelScaleSetPriority` in `pkg/apis/v1beta1/labels.go`); NAP does, when the Node registers.
        set(all, "kubernetes.azure.com/scalesetpriority", "spot");
    }
    set(all, "kubernetes.azure.com/sku-cpu", &spec.sku.vcpus.to_string());
    set(all, "kubernetes.azure.com/sku-memory", &((spec.sku.memory_gib * 1024.0) as u64).to_string());
    set(all, "kubernetes.azure.com/nodepool-type", parts.pool_type.as_str());
    set(all, "kubernetes.azure.com/kubelet-identity-client-id", &kubelet_identity_client_id(config));
    set(all, "kubernetes.azure.com/kubelet-serving-ca", "cluster");
    set(
        all,
        "kubernetes.azure.com/consolidated-additional-properties",
        &uuid_of(&format!("{}/{}", config.cluster_id(), parts.pool)),
    );
    // `with managed disk` and `N series` of the tests of `GetKubernetesLabels` in Azure/AgentBaker: an ephemeral disk has neither.
    if spec.os_disk == OsDisk::Managed {
        for domain in ["", "kubernetes.azure.com/"] {
            set(all, &format!("{domain}storageprofile"), "managed");
            set(all, &format!("{domain}storagetier"), storage_tier(&spec.sku));
        }
    }
    if let Some(vendor @ GpuVendor::Nvidia) = spec.sku.supported_gpu
        && spec.switches.gpu_driver
    {
        for key in ["accelerator", "kubernetes.azure.com/accelerator"] {
            set(all, key, vendor.label());
        }
    }
    set(all, "kubernetes.azure.com/localdns-state", if spec.switches.local_dns { "enabled" } else { "disabled" });
    if spec.switches.artifact_streaming {
        set(all, "kubernetes.azure.com/artifactstreaming-enabled", "true");
    }
}

/// Adds those that say what the node runs.
fn add_image_labels(parts: &NodeParts<'_>, all: &mut BTreeMap<String, String>) {
    let spec = parts.spec;
    set(all, "kubernetes.azure.com/node-image-version", &spec.node_image_version);
    // It knows two values (`GetOSSKUFromImageFamily` of the provider).
    set(
        all,
        "kubernetes.azure.com/os-sku",
        if spec.os_sku.starts_with("AzureLinux") { "AzureLinux" } else { "Ubuntu" },
    );
    set(all, "kubernetes.azure.com/os-sku-requested", &spec.os_sku);
    let effective = NodeImage::parse(&spec.node_image_version).map(|image| image.operating_system().effective_sku);
    set(all, "kubernetes.azure.com/os-sku-effective", effective.unwrap_or(&spec.os_sku));
    if spec.switches.fips {
        set(all, "kubernetes.azure.com/fips_enabled", "true");
    }
}

/// Adds those of the cluster's network, as `pkg/providers/labels/labels.go` of the provider has them for clusters with Azure CNI overlay.
fn add_network_labels(parts: &NodeParts<'_>, all: &mut BTreeMap<String, String>) {
    if parts.network.dataplane == "cilium" {
        set(all, "kubernetes.azure.com/ebpf-dataplane", "cilium");
    }
    let id = parts.spec.subnet_id(parts.config);
    let Some(subnet) = SubnetId::parse(&id).filter(|_| parts.network.overlay) else { return };
    set(all, "kubernetes.azure.com/azure-cni-overlay", "true");
    set(all, "kubernetes.azure.com/podnetwork-type", "overlay");
    set(all, "kubernetes.azure.com/network-name", &label_value(subnet.vnet));
    set(all, "kubernetes.azure.com/network-resourcegroup", &label_value(subnet.group));
    set(all, "kubernetes.azure.com/network-subnet", &label_value(subnet.subnet));
    set(all, "kubernetes.azure.com/network-subscription", subnet.subscription);
    set(all, "kubernetes.azure.com/nodenetwork-vnetguid", &uuid_of(&vnet_id(parts.config, subnet.group, subnet.vnet)));
    let stateless =
        parse_version(&parts.spec.kubernetes_version).is_some_and(|(major, minor, _)| (major, minor) >= (1, 34));
    set(all, "kubernetes.azure.com/network-stateless-cni", if stateless { "true" } else { "false" });
}

/// A name of Azure as the value of a label, which is shorter and allows fewer characters: `NormalizeClusterResourceGroupNameForLabel` in
/// `pkg/utils/labels.go` of the provider. An API server refuses a Node with any other.
fn label_value(name: &str) -> String {
    let mut value: String = name.replace(['(', ')'], "-").chars().take(VALUE_MAX).collect();
    if value.ends_with(['-', '_', '.']) {
        if value.len() == VALUE_MAX {
            value.pop();
        }
        value.push('z');
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("MC_a_b_eastus", "MC_a_b_eastus")]
    #[case("MC_a(1)_b.", "MC_a-1-_b.z")]
    fn a_name_becomes_a_value_that_kubernetes_takes(#[case] name: &str, #[case] expected: &str) {
        assert_eq!(label_value(name), expected);
        let long = format!("{}_rest", "g".repeat(62));
        assert_eq!(label_value(&long), format!("{}z", "g".repeat(62)));
    }
}
