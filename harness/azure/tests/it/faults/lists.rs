//! Lists that lag behind what is there.

use harness_azure::FactKind;
use serde_json::{Value, json};

use super::fault;
use crate::support::{Lab, instant, of};

/// Creates a machine and waits until its VM has booted.
async fn create(lab: &Lab, machine: &str) {
    lab.create(machine, "Standard_D4s_v5", false).await;
    lab.fact("booted", |k| matches!(k, FactKind::VmBooted { .. }) && of(machine, k)).await;
}

async fn delete(lab: &Lab, machine: &str) {
    lab.delete_machines(&[machine]).await;
    lab.fact("deleted", |k| matches!(k, FactKind::VmDeleted { .. }) && of(machine, k)).await;
}

/// The machines of the agent pool's list, with their states.
async fn machines(lab: &Lab) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let answer = lab.get(&format!("{}/machines", lab.pool())).await.body;
    let all = answer["value"].as_array().unwrap().iter();
    all.map(|one| (text(&one["name"]), text(&one["properties"]["provisioningState"]))).collect()
}

/// How many VMs and interfaces the other lists have: VMs, interfaces, and both by Resource Graph.
async fn counts(lab: &Lab) -> [usize; 4] {
    let list = async |kind: &str| {
        let answer = lab.get(&format!("{}/providers/{kind}", lab.node_group())).await;
        answer.body["value"].as_array().unwrap().len()
    };
    let graph = async |kind: &str| {
        let query = json!({"query": format!("Resources | where type == '{}'", kind.to_lowercase())});
        let answer = lab.post("/providers/Microsoft.ResourceGraph/resources", &query).await;
        answer.body["data"].as_array().unwrap().len()
    };
    let (vm, nic) = ("Microsoft.Compute/virtualMachines", "Microsoft.Network/networkInterfaces");
    [list(vm).await, list(nic).await, graph(vm).await, graph(nic).await]
}

#[tokio::test]
async fn lists_stand_still_and_a_get_does_not() {
    let lab = Lab::start(instant(), None).await;
    create(&lab, "web-1").await;
    lab.control.add_fault(&fault(json!({"staleList": {"by": "1h"}, "id": "stale"}))).await.unwrap();
    create(&lab, "web-2").await;
    let before = [("web-1".to_owned(), "Succeeded".to_owned())];
    assert_eq!((machines(&lab).await, counts(&lab).await), (before.to_vec(), [1; 4]));
    assert_eq!(lab.get(&lab.machine("web-2")).await.body["properties"]["provisioningState"], "Succeeded");
    delete(&lab, "web-1").await;
    // It is gone, and the lists do not know it yet.
    assert_eq!((machines(&lab).await, counts(&lab).await), (before.to_vec(), [1; 4]));
    assert_eq!(lab.get(&lab.machine("web-1")).await.status, 404);
    lab.control.remove_fault("stale").await.unwrap();
    assert_eq!(machines(&lab).await, [("web-2".to_owned(), "Succeeded".to_owned())]);
    assert_eq!(counts(&lab).await, [1; 4]);
    // A second such fault does not bring back what was gone before it.
    lab.control.add_fault(&fault(json!({"staleList": {}}))).await.unwrap();
    assert_eq!(machines(&lab).await, [("web-2".to_owned(), "Succeeded".to_owned())]);
}

#[tokio::test]
async fn a_list_follows_at_its_distance_and_another_does_not_lag() {
    let lab = Lab::start(instant(), None).await;
    let stale = json!({"staleList": {"by": "3s", "operation": "machines.list"}});
    lab.control.add_fault(&fault(stale)).await.unwrap();
    create(&lab, "web-1").await;
    assert_eq!((machines(&lab).await, counts(&lab).await), (Vec::new(), [1; 4]));
    let deadline = tokio::time::Instant::now() + crate::support::ANSWER.get();
    while machines(&lab).await.is_empty() {
        assert!(tokio::time::Instant::now() < deadline, "the list does not follow");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let record = lab.control.vm("web-1").await.unwrap();
    assert!(jiff::Timestamp::now().duration_since(record.accepted.wall).as_millis() >= 3_000);
}

/// The provider reads usages every ten minutes and leaves out sizes whose quota seems to be used up (`pkg/providers/quota` of
/// Azure/karpenter-provider-azure v1.14.0). What Azure itself decides by is not that list: Azure/azure-xplat-cli issue 2932.
#[tokio::test]
async fn the_use_of_quotas_is_shown_late_and_decided_at_once() {
    let lab = Lab::start(instant(), None).await;
    let usage = async || {
        let path = format!("{}/providers/Microsoft.Compute/locations/eastus/usages", lab.subscription());
        let all = lab.get(&path).await.body;
        let found =
            all["value"].as_array().unwrap().iter().find(|u| u["name"]["value"] == "standardDSv5Family").cloned();
        let found = found.unwrap();
        (found["currentValue"].as_i64().unwrap(), found["limit"].as_i64().unwrap())
    };
    let quota = |cores: u32| fault(json!({"quota": {"scope": "D", "cores": cores}, "id": "q"}));
    lab.control.add_fault(&quota(4)).await.unwrap();
    create(&lab, "web-1").await;
    let stale = json!({"staleList": {"by": "10m", "operation": "usages.list"}, "id": "stale"});
    lab.control.add_fault(&fault(stale)).await.unwrap();
    // More is allowed, and more is used: neither shows.
    lab.control.add_fault(&quota(8)).await.unwrap();
    create(&lab, "web-2").await;
    assert_eq!(usage().await, (4, 4));
    // What has gone is still counted, and what was refused never was.
    lab.create("web-3", "Standard_D4s_v5", false).await;
    lab.fact("refused", |k| matches!(k, FactKind::ProvisioningFailed { .. }) && of("web-3", k)).await;
    delete(&lab, "web-1").await;
    assert_eq!(usage().await, (4, 4));
    assert_eq!(lab.control.quota().await.unwrap().iter().find(|q| q.name == "cores").unwrap().used, 4);
    lab.control.remove_fault("stale").await.unwrap();
    assert_eq!(usage().await, (4, 8));
}

#[test]
fn what_can_lag_is_a_call() {
    let known = harness_azure::arm_operations();
    assert!(harness_simulation::STALE_LISTS.iter().all(|list| known.contains(list)), "{known:?}");
}
