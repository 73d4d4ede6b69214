//! The Node of a VM.
//!
//! Name, provider id, taints and status as a kubelet on AKS sets them; labels from [`super::labels`], capacity and allocatable from
//! [`crate::allocatable`].

use serde_json::{Value, json};

use super::conditions::{ReadyStatus, initial_conditions};
use super::labels::labels;
use super::parts::NodeParts;
use crate::allocatable::{ephemeral_storage, node_resources};
use crate::config::parse_version;
use crate::documents::uuid_of;
use crate::fleet::{MachineSpec, Names};
use crate::images::{NodeImage, OperatingSystem};

/// The port of every kubelet.
const KUBELET_PORT: u16 = 10_250;

/// The Node at the moment of its creation. Unlike other kinds, a Node may be created with its status
/// (`pkg/registry/core/node/strategy.go` of Kubernetes: "Nodes allow all fields, including status, to be set on
/// create"), and kubelets do so.
pub(crate) fn node(parts: &NodeParts<'_>, status: ReadyStatus) -> Value {
    let NodeParts { spec, names, address, .. } = *parts;
    let r = node_resources(&spec.sku);
    let (disk_bytes, disk_for_pods_bytes) = ephemeral_storage(spec.os_disk_gib);
    let quantities = |cpu_m: u64, memory_bytes: u64, disk: String| {
        let mut q = json!({
            "cpu": if cpu_m.is_multiple_of(1000) { (cpu_m / 1000).to_string() } else { format!("{cpu_m}m") },
            // Rounded up: a Node that offered a byte less than promised would leave a pod pending.
            "memory": format!("{}Ki", memory_bytes.div_ceil(1024)),
            "pods": spec.max_pods.to_string(),
            "ephemeral-storage": disk,
            "hugepages-1Gi": "0",
            "hugepages-2Mi": "0",
        });
        // A device plugin finds no device without its driver.
        if let Some((vendor, gpus)) = r.gpus.filter(|_| spec.switches.gpu_driver) {
            q[vendor.resource()] = json!(gpus.to_string());
        }
        q
    };
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": names.vm,
            "labels": labels(parts),
            "annotations": {
                // kwok renews the lease of such Nodes and runs their pods; the status stays ours.
                "kwok.x-k8s.io/node": "fake",
                // The kubelet's, told its address by AKS (`--node-ip`).
                "alpha.kubernetes.io/provided-node-ip": address,
                // The kubelet's, once the two disk drivers have registered with it.
                "csi.volume.kubernetes.io/nodeid":
                    json!({"disk.csi.azure.com": names.vm, "file.csi.azure.com": names.vm}).to_string(),
                "node.alpha.kubernetes.io/ttl": "0",
                "volumes.kubernetes.io/controller-managed-attach-detach": "true",
            },
        },
        "spec": {
            "providerID": names.provider_id,
            "taints": spec.taints.iter().filter_map(|text| taint(text)).collect::<Vec<_>>(),
        },
        "status": {
            "capacity": quantities(r.capacity_cpu_m, r.capacity_memory_bytes, format!("{}Ki", disk_bytes / 1024)),
            "allocatable":
                quantities(r.allocatable_cpu_m, r.allocatable_memory_bytes, disk_for_pods_bytes.to_string()),
            "conditions": initial_conditions(status),
            "addresses": [
                {"type": "InternalIP", "address": address},
                {"type": "Hostname", "address": names.vm},
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": KUBELET_PORT}},
            "images": [],
            "nodeInfo": info(spec, names),
        },
    })
}

fn info(spec: &MachineSpec, names: &Names) -> Value {
    let kubelet = format!("v{}", spec.kubernetes_version.trim_start_matches('v'));
    // Kubelets since 1.33 leave it empty (`DisableNodeKubeProxyVersion` in `pkg/features/kube_features.go` of Kubernetes 1.36).
    let is_newer = parse_version(&kubelet).is_some_and(|(major, minor, _)| (major, minor) >= (1, 33));
    let OperatingSystem { os_image, kernel, containerd, .. } = operating_system(spec);
    json!({
        "architecture": spec.sku.series.architecture.kubernetes(),
        "operatingSystem": "linux",
        "osImage": os_image,
        "kernelVersion": kernel,
        "kubeletVersion": kubelet,
        "kubeProxyVersion": if is_newer { "" } else { &kubelet },
        "containerRuntimeVersion": containerd,
        "machineID": uuid_of(&format!("{}/machine", names.vm_id)).replace('-', ""),
        // What Azure calls `vmId`.
        "systemUUID": uuid_of(&names.vm_id),
        "bootID": uuid_of(&format!("{}/boot", names.vm_id)),
    })
}

/// What the image brings along; of one whose name says nothing, what its SKU is called.
fn operating_system(spec: &MachineSpec) -> OperatingSystem {
    NodeImage::parse(&spec.node_image_version)
        .map_or_else(|| OperatingSystem::of_sku(&spec.os_sku), |i| i.operating_system())
}

/// A taint as JSON from the text form of the kubelet, `key=value:Effect`; `None` when the text is not one.
fn taint(text: &str) -> Option<Value> {
    let (rest, effect) = text.rsplit_once(':')?;
    if !matches!(effect, "NoSchedule" | "PreferNoSchedule" | "NoExecute") || rest.is_empty() {
        return None;
    }
    let (key, value) = rest.split_once('=').unwrap_or((rest, ""));
    let mut taint = json!({"key": key, "effect": effect});
    if !value.is_empty() {
        taint["value"] = json!(value);
    }
    Some(taint)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::catalogue::catalogue;
    use crate::config::Config;
    use crate::documents::ClusterNetwork;
    use crate::fleet::Defaults;
    use crate::node::PoolType;
    use k8s_openapi::api::core::v1::Node;

    fn ready_node(properties: Value, zones: &[&str]) -> Value {
        let config = Config::default();
        let defaults = Defaults { kubernetes_version: "1.36.3".to_owned(), node_image_version: "image".to_owned() };
        let zones = zones.iter().map(|z| (*z).to_owned()).collect();
        let spec = MachineSpec::parse(&properties, zones, &config, catalogue("eastus").unwrap(), defaults).unwrap();
        let names = Names::new(&config, "aksmanagedap", "web-1");
        let network = ClusterNetwork { overlay: true, dataplane: "azure".to_owned() };
        let address = Ipv4Addr::new(10, 224, 0, 4);
        let parts = NodeParts {
            config: &config,
            network: &network,
            pool: "aksmanagedap",
            pool_type: PoolType::VirtualMachines,
            spec: &spec,
            names: &names,
            address,
        };
        node(&parts, ReadyStatus::Ready)
    }

    #[test]
    fn a_node_as_aks_would_make_it() {
        let made = ready_node(
            json!({
                "hardware": {"vmSize": "Standard_D4s_v5"},
                "priority": "Spot",
                "operatingSystem": {"osSKU": "Ubuntu2204", "osDiskSizeGB": 64},
                "kubernetes": {
                    "nodeLabels": {"karpenter.sh/nodepool": "web", "team": "a"},
                    "nodeInitializationTaints": ["karpenter.sh/unregistered:NoExecute", "dedicated=web:NoSchedule"],
                    "orchestratorVersion": "1.36.3",
                },
            }),
            &["2"],
        );
        let node: Node = serde_json::from_value(made).unwrap();
        let labels = node.metadata.labels.unwrap();
        assert_eq!(labels["topology.kubernetes.io/zone"], "eastus-2");
        assert_eq!(labels["karpenter.sh/nodepool"], "web");
        assert_eq!(labels["kubernetes.azure.com/scalesetpriority"], "spot");
        assert_eq!(labels["kubernetes.io/hostname"], node.metadata.name.clone().unwrap());
        assert_eq!(node.metadata.annotations.unwrap()["kwok.x-k8s.io/node"], "fake");
        let spec = node.spec.unwrap();
        assert!(spec.provider_id.unwrap().contains("/resourceGroups/mc_"));
        let taints = spec.taints.unwrap();
        assert_eq!(taints.len(), 2);
        assert_eq!((taints[1].key.as_str(), taints[1].value.as_deref()), ("dedicated", Some("web")));
        let status = node.status.unwrap();
        let allocatable = status.allocatable.unwrap();
        assert_eq!(allocatable["cpu"].0, "3860m");
        assert_eq!(allocatable["pods"].0, "250");
        assert_eq!(status.capacity.unwrap()["cpu"].0, "4");
        assert_eq!(status.node_info.unwrap().kubelet_version, "v1.36.3");
        let ready = status.conditions.unwrap().into_iter().find(|c| c.type_ == "Ready").unwrap();
        assert_eq!(ready.status, "True");
    }

    #[test]
    fn a_gpu_node_offers_its_devices_and_an_arm_node_says_so() {
        let gpu = ready_node(json!({"hardware": {"vmSize": "Standard_NC64as_T4_v3"}}), &[]);
        assert_eq!(gpu["status"]["allocatable"]["nvidia.com/gpu"], "4");
        assert_eq!(gpu["metadata"]["labels"]["topology.kubernetes.io/zone"], "0");
        let without_driver = json!({"vmSize": "Standard_NC64as_T4_v3", "gpuProfile": {"driver": "None"}});
        let bare = ready_node(json!({"hardware": without_driver}), &[]);
        assert_eq!(bare["status"]["allocatable"]["nvidia.com/gpu"], Value::Null);
        let arm = ready_node(json!({"hardware": {"vmSize": "Standard_D2ps_v5"}}), &[]);
        assert_eq!(arm["metadata"]["labels"]["kubernetes.io/arch"], "arm64");
    }

    #[test]
    fn taints_with_and_without_a_value() {
        assert_eq!(
            taint("karpenter.sh/unregistered:NoExecute").unwrap(),
            json!({"key": "karpenter.sh/unregistered", "effect": "NoExecute"})
        );
        assert_eq!(
            taint("dedicated=batch:NoSchedule").unwrap(),
            json!({"key": "dedicated", "value": "batch", "effect": "NoSchedule"})
        );
        assert_eq!(taint("dedicated"), None);
        assert_eq!(taint("a=b:Sometimes"), None);
    }
}
