//! Network interfaces, and what Resource Graph finds of them and of VMs.

use harness_azure::FactKind;
use serde_json::{Value, json};

use crate::support::{Answer, Lab, instant, machine_body, of};

fn nics(lab: &Lab) -> String {
    format!("{}/providers/Microsoft.Network/networkInterfaces", lab.node_group())
}

async fn booted(lab: &Lab, machine: &str, body: &Value) -> Value {
    assert_eq!(lab.put(&lab.machine(machine), body).await.status, 201);
    lab.fact("booted", |k| matches!(k, FactKind::VmBooted { .. }) && of(machine, k)).await;
    lab.get(lab.get(&lab.machine(machine)).await.body["properties"]["resourceId"].as_str().unwrap()).await.body
}

/// An interface as the provider's own test makes one that nobody uses (test/suites/nodeclaim/azuregarbagecollection_test.go).
async fn orphan(lab: &Lab, name: &str, subnet: &str) -> Answer {
    let body = json!({
        "name": name,
        "location": "eastus",
        "tags": {"karpenter.azure.com_cluster": "harness", "karpenter.sh_nodepool": "default"},
        "properties": {"ipConfigurations": [{
            "name": "ip-config",
            "properties": {"primary": true, "subnet": {"id": subnet, "name": "s"}, "privateIPAllocationMethod": "Dynamic"},
        }]},
    });
    lab.put(&format!("{}/{name}", nics(lab)), &body).await
}

/// What the provider asks Resource Graph for: `getResourceListQueryBuilder` in pkg/providers/instance/azureresourcegraphlist.go.
fn provider_query(lab: &Lab, kind: &str) -> String {
    format!(
        "Resources | where type == \"{kind}\" | where resourceGroup == \"{}\" | where tags has_cs \"karpenter.sh_nodepool\" | where not(tags has_cs \
         \"karpenter.azure.com_aksmachine_nodeclaim\")",
        lab.sim.config().node_resource_group.to_lowercase()
    )
}

async fn graph(lab: &Lab, query: &str, options: Value) -> Answer {
    let subscription = &lab.sim.config().subscription_id;
    let body = json!({"query": query, "subscriptions": [subscription], "options": options});
    lab.post("/providers/Microsoft.ResourceGraph/resources", &body).await
}

fn names(answer: &Answer) -> Vec<&str> {
    answer.body["data"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect()
}

// Before, every interface was in the cluster's subnet, and had neither address, hardware address nor security group.
#[tokio::test]
async fn the_interface_of_a_vm_is_in_the_subnet_of_its_node_class() {
    let lab = Lab::start(instant(), None).await;
    let subnet = format!("{}/providers/Microsoft.Network/virtualNetworks/aks-vnet/subnets/own", lab.node_group());
    let prefix = json!({"properties": {"addressPrefix": "10.225.0.0/16"}});
    assert_eq!(lab.put(&subnet, &prefix).await.status, 201);
    let mut body = machine_body("web-1", "Standard_D4s_v5", false);
    body["properties"]["network"] = json!({"vnetSubnetID": subnet});
    let vm = booted(&lab, "web-1", &body).await;
    let id = vm["properties"]["networkProfile"]["networkInterfaces"][0]["id"].as_str().unwrap();
    let nic = lab.get(id).await.body;
    let configurations = nic["properties"]["ipConfigurations"].as_array().unwrap();
    assert_eq!(configurations.len(), 1);
    let configuration = &configurations[0]["properties"];
    assert_eq!((&configuration["subnet"]["id"], &configuration["primary"]), (&json!(subnet), &json!(true)));
    assert_eq!(configuration["privateIPAddress"], "10.225.0.4");
    let group = nic["properties"]["networkSecurityGroup"]["id"].as_str().unwrap();
    assert!(group.contains("/networkSecurityGroups/aks-agentpool-") && group.ends_with("-nsg"), "{group}");
    let mac = nic["properties"]["macAddress"].as_str().unwrap();
    assert!(mac.starts_with("00-0D-3A-") && mac.len() == 17, "{mac}");
    assert_eq!(nic["properties"]["virtualMachine"]["id"], vm["id"]);
    // "AKS machine API does not support tags on NICs": pkg/providers/instance/aksmachineinstancehelpers.go.
    assert!(nic.get("tags").is_none());

    let other = booted(&lab, "web-2", &machine_body("web-2", "Standard_D4s_v5", false)).await;
    let id = other["properties"]["networkProfile"]["networkInterfaces"][0]["id"].as_str().unwrap();
    let address = &lab.get(id).await.body["properties"]["ipConfigurations"][0]["properties"]["privateIPAddress"];
    assert_eq!(*address, "10.224.0.5");

    let used = lab.delete(&subnet).await;
    assert_eq!((used.status, used.code()), (400, "InUseSubnetCannotBeDeleted"));
    lab.delete_machines(&["web-1"]).await;
    lab.fact("deleted", |k| matches!(k, FactKind::VmDeleted { .. }) && of("web-1", k)).await;
    assert_eq!(lab.delete(&subnet).await.status, 200);
}

// Before, no interface could be created.
#[tokio::test]
async fn an_interface_that_a_caller_creates_is_there_until_it_is_deleted() {
    let lab = Lab::start(instant(), None).await;
    let subnet = lab.sim.config().subnet_id();
    let created = orphan(&lab, "orphan-nic", &subnet).await;
    assert_eq!(created.status, 201, "{:?}", created.body);
    let again = orphan(&lab, "orphan-nic", &subnet).await;
    assert_eq!((again.status, &again.body), (200, &created.body));
    let found = lab.get(&format!("{}/ORPHAN-nic", nics(&lab))).await.body;
    let properties = &found["properties"];
    assert_eq!(properties["provisioningState"], "Succeeded");
    assert_eq!(properties["ipConfigurations"][0]["properties"]["subnet"], json!({"id": subnet}));
    let address = properties["ipConfigurations"][0]["properties"]["privateIPAddress"].as_str().unwrap();
    assert!(address.starts_with("10.224."), "{address}");
    // One gets a hardware address with its VM.
    assert!(properties.get("macAddress").is_none() && properties.get("virtualMachine").is_none());
    assert_eq!(found["tags"]["karpenter.sh_nodepool"], "default");
    booted(&lab, "web-1", &machine_body("web-1", "Standard_D4s_v5", false)).await;
    assert_eq!(lab.get(&nics(&lab)).await.body["value"].as_array().unwrap().len(), 2);
    let elsewhere =
        format!("{}/resourceGroups/harness-rg/providers/Microsoft.Network/networkInterfaces", lab.subscription());
    assert_eq!(lab.get(&elsewhere).await.body["value"], json!([]));

    assert_eq!(lab.delete(&format!("{}/orphan-nic", nics(&lab))).await.status, 200);
    assert_eq!(lab.delete(&format!("{}/orphan-nic", nics(&lab))).await.status, 204);
    assert_eq!(lab.get(&format!("{}/orphan-nic", nics(&lab))).await.status, 404);

    orphan(&lab, "orphan-nic", &subnet).await;
    lab.control.reset().await.unwrap();
    assert_eq!(lab.get(&nics(&lab)).await.body["value"], json!([]));
}

#[tokio::test]
async fn an_interface_that_cannot_be_is_refused() {
    let lab = Lab::start(instant(), None).await;
    let nowhere = lab.sim.config().subnet_id().replace("aks-subnet", "nowhere");
    let refused = orphan(&lab, "orphan-nic", &nowhere).await;
    assert_eq!((refused.status, refused.code()), (400, "InvalidResourceReference"));
    let path = format!("{}/orphan-nic", nics(&lab));
    for (body, code) in [
        (json!({"properties": {"ipConfigurations": [{}]}}), "LocationRequired"),
        (json!({"location": "eastus"}), "InvalidRequestFormat"),
    ] {
        let refused = lab.put(&path, &body).await;
        assert_eq!((refused.status, refused.code()), (400, code));
    }
    let vm = booted(&lab, "web-1", &machine_body("web-1", "Standard_D4s_v5", false)).await;
    let own = vm["properties"]["networkProfile"]["networkInterfaces"][0]["id"].as_str().unwrap();
    let used = lab.delete(own).await;
    assert_eq!((used.status, used.code()), (400, "NicInUse"));
    let changed = lab.put(own, &json!({"location": "eastus"})).await;
    assert_eq!((changed.status, changed.code()), (409, "OperationNotAllowed"));
    lab.delete_machines(&["web-1"]).await;
    lab.fact("deleted", |k| matches!(k, FactKind::VmDeleted { .. })).await;
    assert_eq!(lab.get(own).await.status, 404);
}

// Before, the provider's queries found nothing whatever there was, so that its garbage collection of interfaces never had any.
#[tokio::test]
async fn the_providers_queries_find_what_belongs_to_no_machine() {
    let lab = Lab::start(instant(), None).await;
    booted(&lab, "web-1", &machine_body("web-1", "Standard_D4s_v5", false)).await;
    orphan(&lab, "orphan-nic", &lab.sim.config().subnet_id()).await;
    let options = json!({"resultFormat": "objectArray"});
    let found = graph(&lab, &provider_query(&lab, "microsoft.network/networkinterfaces"), options.clone()).await;
    assert_eq!((found.status, names(&found)), (200, vec!["orphan-nic"]));
    let row = &found.body["data"][0];
    // What `createNICFromQueryResponseData` needs.
    assert!(row["id"].as_str().unwrap().ends_with("/networkInterfaces/orphan-nic"));
    assert_eq!(row["tags"]["karpenter.sh_nodepool"], "default");
    assert_eq!((&row["type"], &row["location"]), (&json!("microsoft.network/networkinterfaces"), &json!("eastus")));
    let vms = graph(&lab, &provider_query(&lab, "microsoft.compute/virtualmachines"), options.clone()).await;
    assert_eq!(names(&vms), Vec::<&str>::new(), "a machine's VM is found as a machine");

    // A machine that NAP's tag was taken from: its VM is the provider's to collect.
    let mut body = machine_body("web-2", "Standard_D4s_v5", false);
    body["properties"]["tags"] = json!({"karpenter.sh_nodepool": "web"});
    let vm = booted(&lab, "web-2", &body).await;
    let vms = graph(&lab, &provider_query(&lab, "microsoft.compute/virtualmachines"), options.clone()).await;
    assert_eq!(names(&vms), [vm["name"].as_str().unwrap()]);
    // The row is the document with Resource Graph's own columns.
    for field in ["id", "properties", "tags", "zones", "identity"] {
        assert_eq!(vms.body["data"][0][field], vm[field], "{field}");
    }

    lab.delete(&format!("{}/orphan-nic", nics(&lab))).await;
    let found = graph(&lab, &provider_query(&lab, "microsoft.network/networkinterfaces"), options).await;
    assert_eq!((found.body["totalRecords"].as_u64(), names(&found)), (Some(0), Vec::new()));
}

#[tokio::test]
async fn other_queries_and_pages() {
    let lab = Lab::start(instant(), None).await;
    for name in ["web-1", "web-2", "web-3"] {
        booted(&lab, name, &machine_body(name, "Standard_D4s_v5", false)).await;
    }
    let query = "Resources | where type =~ 'Microsoft.Compute/virtualMachines' | order by name asc | project name, tags['aks-managed-poolName']";
    let first = graph(&lab, query, json!({"$top": 2})).await;
    assert_eq!((first.body["totalRecords"].as_u64(), first.body["count"].as_u64()), (Some(3), Some(2)));
    assert_eq!(first.body["data"][0]["tags_aks-managed-poolName"], "aksmanagedap");
    assert_eq!(first.body["resultTruncated"], "false");
    let second = graph(&lab, query, json!({"$top": 2, "$skipToken": first.body["$skipToken"]})).await;
    assert_eq!((second.body["count"].as_u64(), second.body.get("$skipToken")), (Some(1), None));
    let mut all = names(&first);
    all.extend(names(&second));
    assert!(all.is_sorted() && all.len() == 3, "{all:?}");

    let table = graph(&lab, query, json!({"resultFormat": "table"})).await;
    assert_eq!(table.body["data"]["columns"][0], json!({"name": "name", "type": "string"}));
    assert_eq!(table.body["data"]["rows"][0][0], all[0]);
    let count = graph(&lab, "where type has 'networkinterfaces' | count", json!({})).await;
    assert_eq!(count.body["data"], json!([{"Count": 3}]));
    let cluster =
        graph(&lab, "Resources | where type == 'microsoft.containerservice/managedclusters'", json!({})).await;
    assert_eq!(cluster.body["data"][0]["properties"]["agentPoolProfiles"][0]["name"], "aksmanagedap");
    let networks =
        graph(&lab, "Resources | where type == 'microsoft.network/virtualnetworks' | project name", json!({})).await;
    assert_eq!(networks.body["data"], json!([{"name": "aks-vnet"}]));

    let elsewhere = json!({"query": "Resources", "subscriptions": ["00000000-0000-4000-8000-00000000ffff"]});
    let elsewhere = lab.post("/providers/Microsoft.ResourceGraph/resources", &elsewhere).await;
    assert_eq!(elsewhere.body["data"], json!([]));
    let token = graph(&lab, query, json!({"$skipToken": "mine"})).await;
    assert_eq!((token.status, token.code()), (400, "BadRequest"));
}

// An empty answer would be a wrong one.
#[tokio::test]
async fn a_query_that_is_not_understood_is_refused_and_counted() {
    let lab = Lab::start(instant(), None).await;
    let refused = graph(&lab, "Resources | summarize count() by type", json!({})).await;
    assert_eq!((refused.status, refused.code()), (400, "BadRequest"));
    let details = &refused.body["error"]["details"];
    assert_eq!((&details[0]["code"], &details[1]["code"]), (&json!("InvalidQuery"), &json!("ParserFailure")));
    assert_eq!((&details[1]["token"], &details[1]["characterPositionInLine"]), (&json!("summarize"), &json!(12)));
    assert_eq!(lab.control.unmodelled().await.unwrap()[0].path, "/providers/Microsoft.ResourceGraph/resources");
}
