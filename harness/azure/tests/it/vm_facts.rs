//! What a VM is, field by field: its own document and that of its machine.

use harness_azure::FactKind;
use serde_json::{Value, json};

use crate::support::{Lab, instant, machine_body, of};

/// The properties of a machine and of its VM, once it has booted.
async fn both(lab: &Lab, machine: &str, body: &Value) -> (Value, Value) {
    let answer = lab.put(&lab.machine(machine), body).await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    lab.fact("booted", |k| matches!(k, FactKind::VmBooted { .. }) && of(machine, k)).await;
    let machine = lab.get(&lab.machine(machine)).await.body;
    let vm = lab.get(machine["properties"]["resourceId"].as_str().unwrap()).await.body;
    (machine, vm)
}

fn with_disk(name: &str, size: &str, kind: &str, gib: u32) -> Value {
    let mut body = machine_body(name, size, false);
    body["properties"]["operatingSystem"]["osDiskType"] = json!(kind);
    body["properties"]["operatingSystem"]["osDiskSizeGB"] = json!(gib);
    body
}

// Before, of the OS disk a GET said type, size and origin, and nothing of image, security, identity, cache or tier.
#[tokio::test]
async fn an_on_demand_vm_with_a_managed_disk() {
    let lab = Lab::start(instant(), None).await;
    let (_, vm) = both(&lab, "web-1", &machine_body("web-1", "Standard_D4s_v5", false)).await;
    let properties = &vm["properties"];
    let disk = &properties["storageProfile"]["osDisk"];
    let name = disk["name"].as_str().unwrap();
    assert!(name.starts_with(&format!("{}_OsDisk_1_", vm["name"].as_str().unwrap())), "{name}");
    assert_eq!(
        *disk,
        json!({
            "name": name,
            "osType": "Linux",
            "createOption": "FromImage",
            "caching": "ReadWrite",
            "diskSizeGB": 128,
            "deleteOption": "Delete",
            "managedDisk": {
                "storageAccountType": "Premium_LRS",
                "id": format!("{}/providers/Microsoft.Compute/disks/{name}", lab.node_group()),
            },
        })
    );
    // The id that the provider has in the node class: `expectNodeClassHasExpectedImages` in test/suites/utilization/fips_test.go compares both.
    assert_eq!(
        properties["storageProfile"]["imageReference"],
        json!({"id": format!(
            "{}/resourceGroups/AKS-Ubuntu/providers/Microsoft.Compute/galleries/AKSUbuntu/images/2204gen2containerd/versions/202608.14.0",
            lab.subscription()
        )})
    );
    assert_eq!(properties["priority"], "Regular");
    for absent in ["evictionPolicy", "billingProfile", "securityProfile", "additionalCapabilities"] {
        assert!(properties.get(absent).is_none(), "{absent}");
    }
    assert_eq!(vm["zones"], json!(["1"]));
    assert_eq!(
        vm["tags"],
        json!({
            "karpenter.sh_nodepool": "web",
            "karpenter.azure.com_aksmachine_nodeclaim": "web-1",
            "aks-managed-orchestrator": "Kubernetes:1.36.3",
            "aks-managed-poolName": "aksmanagedap",
        })
    );
    assert_eq!(properties["osProfile"]["computerName"], vm["name"]);
    assert_eq!(properties["osProfile"]["linuxConfiguration"]["disablePasswordAuthentication"], true);
    let interfaces = properties["networkProfile"]["networkInterfaces"].as_array().unwrap();
    assert_eq!(interfaces.len(), 1);
    assert_eq!(interfaces[0]["properties"], json!({"primary": true, "deleteOption": "Delete"}));
    assert_eq!(properties["provisioningState"], "Succeeded");
    let cluster = lab.get(&lab.sim.config().cluster_id()).await.body;
    let kubelet = &cluster["properties"]["identityProfile"]["kubeletidentity"];
    let identity = &vm["identity"]["userAssignedIdentities"][kubelet["resourceId"].as_str().unwrap()];
    assert_eq!((&identity["clientId"], &identity["principalId"]), (&kubelet["clientId"], &kubelet["objectId"]));
}

#[tokio::test]
async fn a_spot_vm_that_asks_for_everything() {
    let lab = Lab::start(instant(), None).await;
    let mut body = machine_body("web-1", "Standard_D4ds_v5", true);
    body["zones"] = json!([]);
    let properties = &mut body["properties"];
    properties["operatingSystem"]["osDiskType"] = json!("Ephemeral");
    properties["nodeImageVersion"] = json!("AKSAzureLinux-V3fips-202608.14.0");
    properties["security"] = json!({"enableEncryptionAtHost": true, "enableVTPM": true, "enableSecureBoot": false});
    properties["hardware"]["ultraSsdEnabled"] = json!(true);
    let (_, vm) = both(&lab, "web-1", &body).await;
    assert!(vm.get("zones").is_none(), "a VM outside the zones has no such field");
    let properties = &vm["properties"];
    assert_eq!(properties["storageProfile"]["osDisk"]["caching"], "ReadOnly");
    assert!(properties["storageProfile"]["imageReference"]["id"].as_str().unwrap().contains("/AKS-AzureLinux/"));
    for (field, value) in [
        ("priority", json!("Spot")),
        ("evictionPolicy", json!("Delete")),
        ("billingProfile", json!({"maxPrice": -1})),
        ("additionalCapabilities", json!({"ultraSSDEnabled": true})),
        (
            "securityProfile",
            json!({
                "encryptionAtHost": true,
                "securityType": "TrustedLaunch",
                "uefiSettings": {"secureBootEnabled": false, "vTpmEnabled": true},
            }),
        ),
    ] {
        assert_eq!(properties[field], value, "{field}");
    }
    let view = lab.get(&format!("{}/instanceView", vm["id"].as_str().unwrap())).await.body;
    assert_eq!(view["hyperVGeneration"], "V1", "the image is one of the first generation");
}

// Before, no VM had an ephemeral disk (the provider's spec "should use a node with an ephemeral os disk", test/suites/nodeclaim).
#[tokio::test]
async fn an_ephemeral_disk_is_where_the_size_has_room_for_it() {
    let lab = Lab::start(instant(), None).await;
    for (name, size, gib, placement) in [
        ("nvme-1", "Standard_D4ds_v6", 128, "NvmeDisk"),
        ("cache-1", "Standard_D8s_v3", 128, "CacheDisk"),
        ("temp-1", "Standard_D4ds_v5", 128, "ResourceDisk"),
    ] {
        let (_, vm) = both(&lab, name, &with_disk(name, size, "Ephemeral", gib)).await;
        let disk = &vm["properties"]["storageProfile"]["osDisk"];
        assert_eq!(disk["diffDiskSettings"], json!({"option": "Local", "placement": placement}), "{size}");
        assert_eq!(disk["diskSizeGB"], gib);
    }
    let nvme = lab.get(&lab.machine("nvme-1")).await.body["properties"]["resourceId"].as_str().unwrap().to_owned();
    assert_eq!(lab.get(&nvme).await.body["properties"]["storageProfile"]["diskControllerType"], "NVMe");

    let large = lab.put(&lab.machine("large-1"), &with_disk("large-1", "Standard_DS2_v2", "Ephemeral", 100)).await;
    assert_eq!((large.status, large.code()), (400, "VMCacheSizeTooSmall"), "{:?}", large.body);
    let none = lab.put(&lab.machine("none-1"), &with_disk("none-1", "Standard_D4s_v5", "Ephemeral", 30)).await;
    assert_eq!((none.status, none.code()), (400, "InvalidParameter"), "{:?}", none.body);
    assert!(lab.control.vms().await.unwrap().iter().all(|vm| !["large-1", "none-1"].contains(&&*vm.vm.machine)));
}

// Before, a GET of a machine echoed its PUT and nothing else of the sections below, and the priority of every machine.
#[tokio::test]
async fn a_machine_shows_what_aks_decided() {
    let lab = Lab::start(instant(), None).await;
    let body =
        json!({"properties": {"hardware": {"vmSize": "Standard_D8s_v5"}, "kubernetes": {"nodeLabels": {"team": "a"}}}});
    let (machine, vm) = both(&lab, "web-1", &body).await;
    let properties = &machine["properties"];
    assert_eq!(
        properties["operatingSystem"],
        json!({"osType": "Linux", "osSKU": "Ubuntu2204", "osDiskSizeGB": 256, "osDiskType": "Managed", "enableFIPS": false})
    );
    assert_eq!(
        properties["kubernetes"],
        json!({
            "nodeLabels": {"team": "a"},
            "orchestratorVersion": "1.36.3",
            "currentOrchestratorVersion": "1.36.3",
            "maxPods": 250,
            "nodeName": vm["name"],
        })
    );
    assert_eq!(properties["network"], json!({"ipAddresses": [{"family": "IPv4", "ip": "10.224.0.4"}]}));
    assert_eq!((&properties["mode"], properties.get("priority")), (&json!("User"), None));

    // What the provider reads and sends back with other tags (`Update` in pkg/providers/instance/aksmachineinstance.go) changes nothing else.
    let mut again = machine.clone();
    again["properties"]["tags"] = json!({"team": "b"});
    assert_eq!(lab.put(&lab.machine("web-1"), &again).await.status, 200);
    let after = lab.get(&lab.machine("web-1")).await.body;
    assert_eq!(after["properties"]["tags"], json!({"team": "b"}));
    for section in ["operatingSystem", "kubernetes", "network", "hardware"] {
        assert_eq!(after["properties"][section], properties[section], "{section}");
    }

    let (spot, _) = both(&lab, "web-2", &machine_body("web-2", "Standard_D4s_v5", true)).await;
    let properties = &spot["properties"];
    assert_eq!(
        (&properties["priority"], &properties["evictionPolicy"], &properties["billing"]),
        (&json!("Spot"), &json!("Delete"), &json!({"spotMaxPrice": -1}))
    );
    let ephemeral = json!({"properties": {"hardware": {"vmSize": "Standard_D16ds_v5"}}});
    let (machine, _) = both(&lab, "web-3", &ephemeral).await;
    let os = &machine["properties"]["operatingSystem"];
    assert_eq!((&os["osDiskSizeGB"], &os["osDiskType"]), (&json!(512), &json!("Ephemeral")));
}
