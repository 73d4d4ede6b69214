//! Calls that users and their tools make.

use harness_azure::FactKind;
use serde_json::{Value, json};

use crate::fake_kube::FakeKube;
use crate::support::{Lab, instant, is_success, of};

#[tokio::test]
async fn the_managed_cluster_is_read_changed_and_upgraded() {
    let lab = Lab::start(instant(), None).await;
    let id = lab.sim.config().cluster_id();
    let cluster = lab.get(&id).await;
    assert_eq!((cluster.status, &cluster.body["properties"]["kubernetesVersion"]), (200, &json!("1.36.3")));
    assert_eq!(cluster.body["properties"]["networkProfile"]["networkPluginMode"], "overlay");
    assert_eq!(cluster.body["properties"]["agentPoolProfiles"][0]["name"], "aksmanagedap");

    let profile = lab.get(&format!("{id}/upgradeProfiles/default")).await;
    let next = profile.body["properties"]["controlPlaneProfile"]["upgrades"][1]["kubernetesVersion"].clone();
    assert_eq!(next, "1.37.0");
    let put = lab
        .put(&id, &json!({"location": "eastus", "tags": {"team": "a"}, "properties": {"kubernetesVersion": next, "networkProfile": {"podCidr": "10.0.0.0/8"}}}))
        .await;
    assert_eq!((put.status, &put.body["properties"]["provisioningState"]), (200, &json!("Upgrading")));
    assert_eq!(lab.get(&put.header("azure-asyncoperation")).await.body["status"], "Succeeded");
    let after = lab.get(&id).await.body;
    assert_eq!(after["properties"]["currentKubernetesVersion"], "1.37.0");
    assert_eq!(after["properties"]["networkProfile"]["podCidr"], "10.0.0.0/8");
    assert_eq!(after["properties"]["networkProfile"]["networkPlugin"], "azure");
    assert_eq!(after["tags"]["team"], "a");

    // The new version shows in the process, at the control endpoint and as a fact, and a machine that names no version gets it.
    assert_eq!(*lab.sim.kubernetes_version().borrow(), "1.37.0");
    assert_eq!(lab.control.kubernetes_version().await.unwrap(), "1.37.0");
    lab.fact("upgraded", |k| matches!(k, FactKind::KubernetesVersion { version } if version == "1.37.0")).await;

    let down = lab.put(&id, &json!({"location": "eastus", "properties": {"kubernetesVersion": "1.30.0"}})).await;
    assert_eq!((down.status, down.code()), (400, "OperationNotAllowed"));
    let moved = lab.put(&id, &json!({"location": "westus"})).await;
    assert_eq!((moved.status, moved.code()), (409, "InvalidResourceLocation"));
    let group = format!(
        "{}/resourceGroups/harness-rg/providers/Microsoft.ContainerService/managedClusters",
        lab.subscription()
    );
    assert_eq!(lab.get(&group).await.body["value"].as_array().unwrap().len(), 1);
    let all = format!("{}/providers/Microsoft.ContainerService/managedClusters", lab.subscription());
    assert_eq!(lab.get(&all).await.body["value"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_control_plane_is_upgraded_and_restored_by_control() {
    let kube = FakeKube::default();
    let lab = Lab::start(instant(), Some(kube.client())).await;
    let mut followed = lab.sim.kubernetes_version();
    assert_eq!(lab.control.upgrade_kubernetes().await.unwrap().version, "1.36.4");
    assert_eq!(lab.control.upgrade_kubernetes().await.unwrap().version, "1.36.5");
    assert_eq!(*followed.borrow_and_update(), "1.36.5");
    let cluster = lab.get(&lab.sim.config().cluster_id()).await.body;
    assert_eq!(cluster["properties"]["currentKubernetesVersion"], "1.36.5");
    // The body decides, as it does for the provider, which waits until it has seen the upgrade; without it, the cluster.
    for (name, requested, kubelet) in [("web-1", Some("1.36.3"), "v1.36.3"), ("web-2", None, "v1.36.5")] {
        let mut body = crate::support::machine_body(name, "Standard_D4s_v5", false);
        body["properties"]["kubernetes"]["orchestratorVersion"] = json!(requested);
        lab.put(&lab.machine(name), &body).await;
        lab.fact("ready", |k| matches!(k, FactKind::NodeReady { .. }) && of(name, k)).await;
        let node = kube.node(&lab.vm_name(name).await).unwrap();
        assert_eq!(node["status"]["nodeInfo"]["kubeletVersion"], kubelet);
    }
    assert_eq!(lab.control.reset_kubernetes().await.unwrap(), "1.36.3");
    assert_eq!(*followed.borrow_and_update(), "1.36.3");
    lab.control.upgrade_kubernetes().await.unwrap();
    lab.control.reset().await.unwrap();
    assert_eq!(*followed.borrow_and_update(), "1.36.3");
}

#[tokio::test]
async fn a_published_image_is_the_newest_of_each_kind_and_stays() {
    let lab = Lab::start(instant(), None).await;
    let path =
        format!("{}/providers/Microsoft.ContainerService/locations/eastus/nodeImageVersions", lab.subscription());
    let versions = async || {
        let images = lab.get(&path).await.body["value"].as_array().unwrap().clone();
        let all: std::collections::BTreeSet<String> =
            images.iter().map(|i| i["version"].as_str().unwrap().to_owned()).collect();
        assert!(images.iter().all(|i| i["fullName"].as_str().unwrap().ends_with(i["version"].as_str().unwrap())));
        all.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(versions().await, ["202608.14.0"]);
    assert_eq!(lab.control.publish_image().await.unwrap(), "202608.14.1");
    assert_eq!(versions().await, ["202608.14.1"]);
    lab.fact("published", |k| matches!(k, FactKind::NodeImagePublished { version } if version == "202608.14.1")).await;
    // A version that a controller has read must not go back.
    lab.control.set_behaviour(&instant()).await.unwrap();
    lab.control.reset().await.unwrap();
    assert_eq!(versions().await, ["202608.14.1"]);
    assert_eq!(lab.control.publish_image().await.unwrap(), "202608.14.2");
}

#[tokio::test]
async fn agent_pools_are_created_and_deleted() {
    let lab = Lab::start(instant(), None).await;
    let pools = format!("{}/agentPools", lab.sim.config().cluster_id());
    let body = json!({"properties": {"mode": "System", "vmSize": "Standard_D4s_v5", "count": 2}});
    assert_eq!(lab.put(&format!("{pools}/system"), &body).await.status, 201);
    assert_eq!(lab.put(&format!("{pools}/system"), &body).await.status, 200);
    assert_eq!(lab.get(&pools).await.body["value"].as_array().unwrap().len(), 2);
    assert_eq!(lab.get(&format!("{pools}/system")).await.body["properties"]["count"], 2);
    let machine = lab.put(&format!("{pools}/system/machines/m"), &json!({})).await;
    assert_eq!((machine.status, machine.code()), (400, "OperationNotAllowed"));
    let bad = lab.put(&format!("{pools}/Bad-Name"), &body).await;
    assert_eq!((bad.status, bad.code()), (400, "InvalidParameter"));
    let size = lab.put(&format!("{pools}/other"), &json!({"properties": {"vmSize": "Standard_Z1"}})).await;
    assert_eq!((size.status, size.code()), (400, "VMSizeNotSupported"));
    let deleted = lab.delete(&format!("{pools}/system")).await;
    assert_eq!(deleted.status, 202);
    assert_eq!(lab.get(&deleted.header("azure-asyncoperation")).await.body["status"], "Succeeded");
    assert_eq!(lab.get(&format!("{pools}/system")).await.status, 404);
    assert_eq!(lab.delete(&format!("{pools}/system")).await.status, 204);
}

#[tokio::test]
async fn deleting_the_pool_deletes_its_vms() {
    let lab = Lab::start(instant(), None).await;
    lab.create("web-1", "Standard_D4s_v5", false).await;
    let deleted = lab.delete(&lab.pool()).await;
    lab.fact("deleted", |k| matches!(k, FactKind::VmDeleted { .. })).await;
    assert_eq!(lab.get(&deleted.header("azure-asyncoperation")).await.body["status"], "Succeeded");
    assert_eq!(lab.create("web-2", "Standard_D4s_v5", false).await.status, 404);
}

async fn power(lab: &Lab, vms: &str, name: &str) -> String {
    let view = lab.get(&format!("{vms}/{name}/instanceView")).await.body;
    view["statuses"][1]["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn virtual_machines_of_the_node_resource_group() {
    let kube = FakeKube::default();
    let lab = Lab::start(instant(), Some(kube.client())).await;
    lab.create("web-1", "Standard_D4s_v5", true).await;
    lab.create("web-2", "Standard_D4s_v5", false).await;
    for name in ["web-1", "web-2"] {
        lab.fact(name, |k| matches!(k, FactKind::NodeReady { .. }) && crate::support::of(name, k)).await;
    }
    let vms = format!("{}/providers/Microsoft.Compute/virtualMachines", lab.node_group());
    let listed = lab.get(&vms).await.body;
    assert_eq!(listed["value"].as_array().unwrap().len(), 2);
    let name = lab.vm_name("web-1").await;
    let vm = lab.get(&format!("{vms}/{}", name.to_uppercase())).await.body;
    assert_eq!((&vm["name"], &vm["properties"]["priority"]), (&json!(name), &json!("Spot")));
    assert_eq!(vm["properties"]["hardwareProfile"]["vmSize"], "Standard_D4s_v5");
    assert_eq!(vm["tags"]["karpenter.sh_nodepool"], "web");
    let expanded = lab.get(&format!("{vms}/{name}?$expand=instanceView")).await.body;
    assert!(expanded["properties"]["instanceView"]["statuses"].is_array());

    assert_eq!(power(&lab, &vms, &name).await, "PowerState/running");
    let off = lab.post(&format!("{vms}/{name}/powerOff"), &Value::Null).await;
    assert_eq!(off.status, 202);
    assert_eq!(lab.get(&off.header("azure-asyncoperation")).await.body["status"], "Succeeded");
    assert_eq!(power(&lab, &vms, &name).await, "PowerState/stopped");
    assert!(is_success(lab.post(&format!("{vms}/{name}/start"), &Value::Null).await.status));
    assert_eq!(power(&lab, &vms, &name).await, "PowerState/running");

    let restarted = lab.post(&format!("{vms}/{name}/restart"), &Value::Null).await;
    assert_eq!(restarted.status, 202);
    let crashes = |k: &FactKind| matches!(k, FactKind::VmRestarted { .. });
    lab.fact("restarted", crashes).await;

    let evicted = lab.post(&format!("{vms}/{name}/simulateEviction"), &Value::Null).await;
    assert_eq!(evicted.status, 204);
    lab.fact("notice", |k| matches!(k, FactKind::SpotNotice { .. })).await;
    let regular = lab.vm_name("web-2").await;
    let refused = lab.post(&format!("{vms}/{regular}/simulateEviction"), &Value::Null).await;
    assert_eq!((refused.status, refused.code()), (409, "OperationNotAllowed"));

    let deleted = lab.delete(&format!("{vms}/{regular}")).await;
    assert_eq!(deleted.status, 202);
    lab.fact("deleted", |k| matches!(k, FactKind::VmDeleted { vm } if vm.name == regular)).await;
    lab.fact("node deleted", |k| matches!(k, FactKind::NodeDeleted { vm } if vm.name == regular)).await;
    assert_eq!(lab.get(&lab.machine("web-2")).await.status, 404);
    assert_eq!(lab.delete(&format!("{vms}/{regular}")).await.status, 204);
}

#[tokio::test]
async fn a_restart_shows_on_the_node_even_when_it_takes_no_time() {
    let kube = FakeKube::default();
    let lab = Lab::start(instant(), Some(kube.client())).await;
    lab.create("web-1", "Standard_D4s_v5", false).await;
    lab.fact("ready", |k| matches!(k, FactKind::NodeReady { .. })).await;
    let name = lab.vm_name("web-1").await;
    lab.post(&format!("{}/providers/Microsoft.Compute/virtualMachines/{name}/restart", lab.node_group()), &Value::Null)
        .await;
    lab.fact("restarted", |k| matches!(k, FactKind::VmRestarted { .. })).await;
    let deadline = std::time::Instant::now() + crate::support::ANSWER.get();
    while kube.calls().iter().filter(|c| c.starts_with("PATCH")).count() < 2 {
        assert!(std::time::Instant::now() < deadline, "{:?}", kube.calls());
        tokio::task::yield_now().await;
    }
    assert_eq!(kube.condition(&name, "Ready").unwrap(), "True");
}

#[tokio::test]
async fn networks_subnets_and_interfaces() {
    let lab = Lab::start(instant(), None).await;
    lab.create("web-1", "Standard_D4s_v5", false).await;
    lab.fact("booted", |k| matches!(k, FactKind::VmBooted { .. })).await;
    let network = format!("{}/providers/Microsoft.Network", lab.node_group());
    let subnet = lab.get(&lab.sim.config().subnet_id()).await;
    assert_eq!((subnet.status, &subnet.body["properties"]["provisioningState"]), (200, &json!("Succeeded")));
    let vnet = format!("{network}/virtualNetworks/aks-vnet");
    assert_eq!(lab.get(&format!("{network}/virtualNetworks")).await.body["value"].as_array().unwrap().len(), 1);
    let body = json!({"properties": {"addressPrefix": "10.230.0.0/16"}});
    assert_eq!(lab.put(&format!("{vnet}/subnets/second"), &body).await.status, 201);
    assert_eq!(lab.put(&format!("{vnet}/subnets/second"), &body).await.status, 200);
    assert_eq!(lab.get(&format!("{vnet}/subnets/second")).await.body["properties"]["addressPrefix"], "10.230.0.0/16");
    assert_eq!(lab.get(&format!("{vnet}/subnets")).await.body["value"].as_array().unwrap().len(), 2);
    assert_eq!(lab.delete(&format!("{vnet}/subnets/second")).await.status, 200);
    assert_eq!(lab.delete(&format!("{vnet}/subnets/second")).await.status, 204);
    let used = lab.delete(&format!("{vnet}/subnets/aks-subnet")).await;
    assert_eq!((used.status, used.code()), (400, "InUseSubnetCannotBeDeleted"));
    assert_eq!(lab.delete(&vnet).await.code(), "InUseVirtualNetworkCannotBeDeleted");

    let own = format!("{network}/virtualNetworks/own");
    let body = json!({"location": "eastus", "properties": {"addressSpace": {"addressPrefixes": ["10.1.0.0/16"]}, "subnets": [{"name": "a", "properties": {"addressPrefix": "10.1.0.0/24"}}]}});
    assert_eq!(lab.put(&own, &body).await.status, 201);
    assert_eq!(lab.get(&format!("{own}/subnets/a")).await.status, 200);
    assert_eq!(lab.delete(&own).await.status, 200);
    assert_eq!(lab.delete(&own).await.status, 204);

    let nics = lab.get(&format!("{network}/networkInterfaces")).await.body;
    assert_eq!(nics["value"].as_array().unwrap().len(), 1);
    let nic = lab.get(nics["value"][0]["id"].as_str().unwrap()).await.body;
    let vm = lab.get(&lab.machine("web-1")).await.body["properties"]["resourceId"].clone();
    assert_eq!(nic["properties"]["virtualMachine"]["id"], vm);
}

#[tokio::test]
async fn subscriptions_locations_and_groups() {
    let lab = Lab::start(instant(), None).await;
    assert_eq!(lab.get(&lab.subscription()).await.body["state"], "Enabled");
    assert_eq!(lab.get("/subscriptions").await.body["value"].as_array().unwrap().len(), 1);
    let locations = lab.get(&format!("{}/locations", lab.subscription())).await.body;
    let zones: Vec<&str> = locations["value"][0]["availabilityZoneMappings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["logicalZone"].as_str().unwrap())
        .collect();
    assert_eq!((locations["value"][0]["name"].as_str().unwrap(), zones), ("eastus", vec!["1", "2", "3"]));
    let groups = lab.get(&format!("{}/resourcegroups", lab.subscription())).await.body;
    assert_eq!(groups["value"].as_array().unwrap().len(), 2);
    let group = lab.get(&lab.node_group()).await.body;
    assert_eq!(group["managedBy"], json!(lab.sim.config().cluster_id()));
    assert_eq!(lab.send(lab.request(reqwest::Method::HEAD, &lab.node_group())).await.status, 204);
}

#[tokio::test]
async fn sizes_and_images() {
    let lab = Lab::start(instant(), None).await;
    let skus = format!("{}/providers/Microsoft.Compute/skus", lab.subscription());
    let all = lab.get(&format!("{skus}?$filter=location%20eq%20'eastus'")).await.body;
    let d4 = all["value"].as_array().unwrap().iter().find(|s| s["name"] == "Standard_D4s_v5").unwrap();
    assert_eq!(d4["locationInfo"][0]["zones"], json!(["1", "2", "3"]));
    assert_eq!(d4["restrictions"], json!([]));
    let capability = |name: &str| {
        d4["capabilities"].as_array().unwrap().iter().find(|c| c["name"] == name).unwrap()["value"].clone()
    };
    assert_eq!((capability("vCPUs"), capability("MemoryGB")), (json!("4"), json!("16")));
    assert_eq!((capability("CpuArchitectureType"), capability("HyperVGenerations")), (json!("x64"), json!("V1,V2")));
    let elsewhere = lab.get(&format!("{skus}?%24filter=location+eq+%27westus%27")).await.body;
    assert_eq!(elsewhere["value"], json!([]));

    let images =
        format!("{}/providers/Microsoft.ContainerService/locations/eastus/nodeImageVersions", lab.subscription());
    let images = lab.get(&images).await.body;
    assert!(
        images["value"].as_array().unwrap().iter().any(|i| i["os"] == "AKSUbuntu" && i["sku"] == "2204gen2containerd")
    );
}
