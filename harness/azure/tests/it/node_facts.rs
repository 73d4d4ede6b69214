//! Every label, annotation and status field of a Node, with the source of each. What is here is what AKS and the kubelet write; NAP adds the
//! NodeClaim's labels when the Node registers.
//!
//! Observed: `kubectl describe node` and `kubectl get nodes --show-labels` of AKS clusters in public repositories, October 2025 to September 2026,
//! with and without overlay, spot and GPU. "Documented": "Use labels in an AKS cluster" (Microsoft), reserved and deprecated labels. "Design":
//! `designs/0006-requirements-and-labels.md` of Azure/karpenter-provider-azure v1.14.0, the table of labels that AKS writes.

use std::collections::BTreeMap;

use harness_azure::FactKind;
use serde_json::{Value, json};

use crate::fake_kube::FakeKube;
use crate::support::{Lab, instant, machine_body, of};

/// The Node of a machine with this body.
async fn node(lab: &Lab, kube: &FakeKube, machine: &str, body: &Value) -> Value {
    assert_eq!(lab.put(&lab.machine(machine), body).await.status, 201);
    lab.fact("ready", |k| matches!(k, FactKind::NodeReady { .. }) && of(machine, k)).await;
    kube.node(&lab.vm_name(machine).await).unwrap()
}

fn texts(map: &Value) -> BTreeMap<String, String> {
    map.as_object().unwrap().iter().map(|(k, v)| (k.clone(), v.as_str().unwrap().to_owned())).collect()
}

fn expected(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

/// Changes of a set of labels: what is there instead, and what is not there.
fn changed(base: &BTreeMap<String, String>, other: &[(&str, &str)], missing: &[&str]) -> BTreeMap<String, String> {
    let mut all = base.clone();
    all.extend(expected(other));
    for key in missing {
        assert!(all.remove(*key).is_some(), "{key}");
    }
    all
}

/// The labels of an on-demand VM in zone 1 with a managed disk, in the Node's order of sources.
fn labels(node: &str, identity: &str) -> BTreeMap<String, String> {
    expected(&[
        // The kubelet (kubernetes.io/docs/reference/labels-annotations-taints); documented, observed.
        ("kubernetes.io/hostname", node),
        ("kubernetes.io/os", "linux"),
        ("kubernetes.io/arch", "amd64"),
        // The kubelet, deprecated; documented, observed.
        ("beta.kubernetes.io/os", "linux"),
        ("beta.kubernetes.io/arch", "amd64"),
        // The cloud node manager: k8s.io/cloud-provider, controllers/node/node_controller.go; documented, observed.
        ("node.kubernetes.io/instance-type", "Standard_D4s_v5"),
        ("beta.kubernetes.io/instance-type", "Standard_D4s_v5"),
        ("topology.kubernetes.io/region", "eastus"),
        ("topology.kubernetes.io/zone", "eastus-1"),
        ("failure-domain.beta.kubernetes.io/region", "eastus"),
        ("failure-domain.beta.kubernetes.io/zone", "eastus-1"),
        // The Azure disk driver; observed.
        ("topology.disk.csi.azure.com/zone", "eastus-1"),
        // AKS; documented, observed. The first is deprecated.
        ("agentpool", "aksmanagedap"),
        ("kubernetes.azure.com/agentpool", "aksmanagedap"),
        ("kubernetes.azure.com/cluster", "MC_harness-rg_harness_eastus"),
        ("kubernetes.azure.com/mode", "user"),
        ("kubernetes.azure.com/role", "agent"),
        ("kubernetes.azure.com/node-image-version", "AKSUbuntu-2204gen2containerd-202608.14.0"),
        ("kubernetes.azure.com/os-sku", "Ubuntu"),
        // AKS, of managed disks alone (Azure/AgentBaker, `GetKubernetesLabels`); documented, observed. The second pair is deprecated.
        ("kubernetes.azure.com/storageprofile", "managed"),
        ("kubernetes.azure.com/storagetier", "Premium_LRS"),
        ("storageprofile", "managed"),
        ("storagetier", "Premium_LRS"),
        // AKS; design ("written on all nodes").
        ("kubernetes.azure.com/priority", "regular"),
        // AKS; design, observed.
        ("kubernetes.azure.com/sku-cpu", "4"),
        ("kubernetes.azure.com/sku-memory", "16384"),
        ("kubernetes.azure.com/os-sku-requested", "Ubuntu2204"),
        ("kubernetes.azure.com/os-sku-effective", "Ubuntu2204"),
        ("kubernetes.azure.com/localdns-state", "disabled"),
        ("kubernetes.azure.com/kubelet-serving-ca", "cluster"),
        ("kubernetes.azure.com/kubelet-identity-client-id", identity),
        // AKS; design, observed with the pool's type, here that of the machines pool.
        ("kubernetes.azure.com/nodepool-type", "VirtualMachines"),
        // AKS with overlay; observed, and pkg/providers/labels/labels.go of the provider.
        ("kubernetes.azure.com/azure-cni-overlay", "true"),
        ("kubernetes.azure.com/podnetwork-type", "overlay"),
        ("kubernetes.azure.com/network-name", "aks-vnet"),
        ("kubernetes.azure.com/network-resourcegroup", "MC_harness-rg_harness_eastus"),
        ("kubernetes.azure.com/network-subnet", "aks-subnet"),
        ("kubernetes.azure.com/network-subscription", "00000000-0000-4000-8000-000000000001"),
        ("kubernetes.azure.com/network-stateless-cni", "true"),
        // The body: NAP.
        ("karpenter.sh/nodepool", "web"),
        ("karpenter.sh/capacity-type", "on-demand"),
        ("karpenter.sh/do-not-sync-taints", "true"),
    ])
    // Not there: `kubernetes.io/role` and `node-role.kubernetes.io/agent`, which AKS has not written since Kubernetes 1.24 (documented; nodes of 1.32
    // and later show no role); `kubernetes.azure.com/scalesetpriority=regular`, which NAP alone writes (pkg/apis/v1beta1/labels.go).
}

/// Takes out the two labels whose values are drawn from the ids of the cluster, having checked their form.
fn without_ids(labels: &mut BTreeMap<String, String>) {
    for key in ["kubernetes.azure.com/consolidated-additional-properties", "kubernetes.azure.com/nodenetwork-vnetguid"]
    {
        // AKS; design, observed.
        assert_eq!(labels.remove(key).unwrap().len(), "00000000-0000-0000-0000-000000000000".len());
    }
}

// Before, a pod with `failure-domain.beta.kubernetes.io/zone` in its nodeSelector stayed Pending for ever, and 20 of the other labels were
// missing too.
#[tokio::test]
async fn a_node_has_the_labels_of_aks_and_no_other() {
    let kube = FakeKube::default();
    let lab = Lab::start(instant(), Some(kube.client())).await;
    let cluster = lab.get(&lab.sim.config().cluster_id()).await.body;
    let identity = cluster["properties"]["identityProfile"]["kubeletidentity"]["clientId"].as_str().unwrap().to_owned();

    let made = node(&lab, &kube, "web-1", &machine_body("web-1", "Standard_D4s_v5", false)).await;
    let mut found = texts(&made["metadata"]["labels"]);
    without_ids(&mut found);
    let base = labels(made["metadata"]["name"].as_str().unwrap(), &identity);
    assert_eq!(found, base);

    // Spot, without a zone, with an ephemeral disk, Azure Linux with FIPS, LocalDNS and artifact streaming, in a subnet of its own.
    let mut body = machine_body("web-2", "Standard_D4ds_v5", true);
    body["zones"] = json!([]);
    let properties = &mut body["properties"];
    properties["nodeImageVersion"] = json!("AKSAzureLinux-V3gen2fips-202608.14.0");
    properties["operatingSystem"]["osDiskType"] = json!("Ephemeral");
    properties["operatingSystem"]["osSKU"] = json!("AzureLinux");
    properties["operatingSystem"]["enableFIPS"] = json!(true);
    properties["kubernetes"]["artifactStreamingProfile"] = json!({"enabled": true});
    properties["kubernetes"]["orchestratorVersion"] = json!("1.33.1");
    properties["localDNSProfile"] = json!({"mode": "Required"});
    properties["mode"] = json!("System");
    properties["network"]["vnetSubnetID"] =
        json!("/subscriptions/S/resourceGroups/G(1)/providers/Microsoft.Network/virtualNetworks/V/subnets/N_");
    let made = node(&lab, &kube, "web-2", &body).await;
    let mut found = texts(&made["metadata"]["labels"]);
    without_ids(&mut found);
    let name = made["metadata"]["name"].as_str().unwrap();
    let other = changed(
        &base,
        &[
            ("kubernetes.io/hostname", name),
            ("node.kubernetes.io/instance-type", "Standard_D4ds_v5"),
            ("beta.kubernetes.io/instance-type", "Standard_D4ds_v5"),
            ("topology.kubernetes.io/zone", "0"),
            ("failure-domain.beta.kubernetes.io/zone", "0"),
            ("topology.disk.csi.azure.com/zone", ""),
            ("kubernetes.azure.com/mode", "system"),
            ("kubernetes.azure.com/priority", "spot"),
            // Documented; observed on spot nodes alone.
            ("kubernetes.azure.com/scalesetpriority", "spot"),
            ("kubernetes.azure.com/node-image-version", "AKSAzureLinux-V3gen2fips-202608.14.0"),
            ("kubernetes.azure.com/os-sku", "AzureLinux"),
            ("kubernetes.azure.com/os-sku-requested", "AzureLinux"),
            ("kubernetes.azure.com/os-sku-effective", "AzureLinux3"),
            // Documented.
            ("kubernetes.azure.com/fips_enabled", "true"),
            ("kubernetes.azure.com/localdns-state", "enabled"),
            // Design.
            ("kubernetes.azure.com/artifactstreaming-enabled", "true"),
            ("kubernetes.azure.com/network-stateless-cni", "false"),
            ("kubernetes.azure.com/network-name", "V"),
            // Values that a label may have.
            ("kubernetes.azure.com/network-resourcegroup", "G-1-z"),
            ("kubernetes.azure.com/network-subnet", "N_z"),
            ("kubernetes.azure.com/network-subscription", "S"),
            ("karpenter.sh/capacity-type", "spot"),
        ],
        &["kubernetes.azure.com/storageprofile", "kubernetes.azure.com/storagetier", "storageprofile", "storagetier"],
    );
    assert_eq!(found, other);

    // Documented, observed: an NVIDIA GPU whose driver AKS installs.
    let gpu = node(&lab, &kube, "gpu-1", &machine_body("gpu-1", "Standard_NC4as_T4_v3", false)).await;
    for key in ["accelerator", "kubernetes.azure.com/accelerator"] {
        assert_eq!(gpu["metadata"]["labels"][key], "nvidia");
    }
    let mut body = machine_body("gpu-2", "Standard_NC4as_T4_v3", false);
    body["properties"]["hardware"]["gpuProfile"] = json!({"driver": "None"});
    let bare = node(&lab, &kube, "gpu-2", &body).await;
    assert!(bare["metadata"]["labels"].get("accelerator").is_none());
}

#[tokio::test]
async fn a_clusters_data_plane_is_a_label_of_its_nodes() {
    let kube = FakeKube::default();
    let lab = Lab::start(instant(), Some(kube.client())).await;
    let id = lab.sim.config().cluster_id();
    lab.put(&id, &json!({"location": "eastus", "properties": {"networkProfile": {"networkDataplane": "cilium"}}}))
        .await;
    let made = node(&lab, &kube, "web-1", &machine_body("web-1", "Standard_D4s_v5", false)).await;
    // The test "should have networking labels applied by machine api" of the provider (test/suites/machine).
    assert_eq!(made["metadata"]["labels"]["kubernetes.azure.com/ebpf-dataplane"], "cilium");
    lab.put(&id, &json!({"location": "eastus", "properties": {"networkProfile": {"networkPluginMode": null}}})).await;
    let flat = node(&lab, &kube, "web-2", &machine_body("web-2", "Standard_D4s_v5", false)).await;
    assert!(flat["metadata"]["labels"].get("kubernetes.azure.com/azure-cni-overlay").is_none());
}

// Before, the address was outside of the subnet, the image, the kernel and the ids were made up, the disk was that of the node class to the byte,
// and conditions other than the kubelet's, huge pages and the kubelet's port were missing.
#[tokio::test]
async fn a_node_has_the_annotations_and_the_status_of_aks() {
    let kube = FakeKube::default();
    let lab = Lab::start(instant(), Some(kube.client())).await;
    let mut body = machine_body("web-1", "Standard_D4s_v5", false);
    body["properties"]["nodeImageVersion"] = json!("AKSUbuntu-2404gen2containerd-202608.14.0");
    let made = node(&lab, &kube, "web-1", &body).await;
    let name = made["metadata"]["name"].as_str().unwrap();
    assert_eq!(
        texts(&made["metadata"]["annotations"]),
        expected(&[
            // All of them observed.
            ("alpha.kubernetes.io/provided-node-ip", "10.224.0.4"),
            (
                "csi.volume.kubernetes.io/nodeid",
                &format!("{{\"disk.csi.azure.com\":\"{name}\",\"file.csi.azure.com\":\"{name}\"}}")
            ),
            ("node.alpha.kubernetes.io/ttl", "0"),
            ("volumes.kubernetes.io/controller-managed-attach-detach", "true"),
            // Ours: the simulated kubelet knows its Nodes by it.
            ("kwok.x-k8s.io/node", "fake"),
        ])
    );
    // AKS leaves `podCIDR` to the cluster's own controllers, and with overlay there is none (observed).
    let keys: Vec<&str> = made["spec"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["providerID", "taints"]);

    let status = &made["status"];
    assert_eq!(
        status["addresses"],
        json!([{"type": "InternalIP", "address": "10.224.0.4"}, {"type": "Hostname", "address": name}])
    );
    // Observed, but for the memory: what the provider expects of it (src/allocatable.rs).
    assert_eq!(
        (&status["capacity"]["ephemeral-storage"], &status["allocatable"]["ephemeral-storage"]),
        (&json!("129886128Ki"), &json!("119703055367"))
    );
    for quantities in ["capacity", "allocatable"] {
        for (resource, quantity) in [("hugepages-1Gi", "0"), ("hugepages-2Mi", "0"), ("pods", "250")] {
            assert_eq!(status[quantities][resource], quantity);
        }
    }
    assert_eq!((&status["capacity"]["cpu"], &status["allocatable"]["cpu"]), (&json!("4"), &json!("3860m")));
    assert_eq!(status["daemonEndpoints"]["kubeletEndpoint"]["Port"], 10_250);

    let info = &status["nodeInfo"];
    for (field, value) in [
        ("architecture", "amd64"),
        ("operatingSystem", "linux"),
        ("kubeletVersion", "v1.36.3"),
        // Observed on v1.35.8, September 2026.
        ("osImage", "Ubuntu 24.04.5 LTS"),
        ("kernelVersion", "6.8.0-1067-azure"),
        ("containerRuntimeVersion", "containerd://2.3.3-2"),
    ] {
        assert_eq!(info[field], value, "{field}");
    }
    // Locked off since Kubernetes 1.36: pkg/features/kube_features.go.
    assert_eq!(info.get("kubeProxyVersion").and_then(Value::as_str).unwrap_or_default(), "");
    let vm = format!("{}/providers/Microsoft.Compute/virtualMachines/{name}", lab.node_group());
    assert_eq!(info["systemUUID"], lab.get(&vm).await.body["properties"]["vmId"]);
    assert_eq!(info["machineID"].as_str().unwrap().len(), 32);

    // "Node Problem Detector (NPD) in AKS nodes" (Microsoft); observed.
    let conditions: BTreeMap<&str, &str> = status["conditions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| (c["type"].as_str().unwrap(), c["status"].as_str().unwrap()))
        .collect();
    let quiet = [
        "ContainerRuntimeProblem",
        "DiskPressure",
        "FilesystemCorruptionProblem",
        "FrequentContainerdRestart",
        "FrequentDockerRestart",
        "FrequentKubeletRestart",
        "FrequentUnregisterNetDevice",
        "KernelDeadlock",
        "KubeletProblem",
        "MemoryPressure",
        "PIDPressure",
        "ReadonlyFilesystem",
        "VMEventScheduled",
    ];
    let mut all: BTreeMap<&str, &str> = quiet.into_iter().map(|kind| (kind, "False")).collect();
    all.insert("Ready", "True");
    assert_eq!(conditions, all);
}
