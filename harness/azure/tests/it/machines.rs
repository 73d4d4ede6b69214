//! The machine calls of node auto-provisioning.

use harness_azure::FactKind;
use serde_json::json;

use crate::support::{Lab, endless_boot, instant, machine_body, of};

#[tokio::test]
async fn a_machine_from_put_to_gone() {
    let lab = Lab::start(instant(), None).await;
    let put = lab.create("web-abc", "Standard_D4s_v5", false).await;
    assert_eq!(put.status, 201, "{:?}", put.body);
    assert_eq!(put.body["properties"]["provisioningState"], "Creating");
    let operation = put.header("azure-asyncoperation");
    assert!(operation.starts_with(&lab.sim.arm_url()), "{operation}");

    lab.fact("booted", |k| matches!(k, FactKind::VmBooted { .. }) && of("web-abc", k)).await;
    assert_eq!(lab.get(&operation).await.body["status"], "Succeeded");
    let got = lab.get(&lab.machine("web-abc")).await;
    let p = &got.body["properties"];
    assert_eq!(got.status, 200);
    assert_eq!(p["provisioningState"], "Succeeded");
    assert_eq!(got.body["zones"], json!(["1"]));
    assert_eq!(p["hardware"]["vmSize"], "Standard_D4s_v5");
    assert_eq!(p["kubernetes"]["nodeInitializationTaints"], json!(["karpenter.sh/unregistered:NoExecute"]));
    assert_eq!(p["nodeImageVersion"], "AKSUbuntu-2204gen2containerd-202608.14.0");
    assert!(p["status"]["creationTimestamp"].as_str().unwrap().contains('T'));
    assert!(p["resourceId"].as_str().unwrap().contains("/virtualMachines/aks-aksmanagedap-web-abc-"));
    assert!(!p["eTag"].as_str().unwrap().is_empty());
    let listed = lab.get(&format!("{}/machines", lab.pool())).await;
    assert_eq!(listed.body["value"].as_array().unwrap().len(), 1);
    assert_eq!(listed.body["value"][0], got.body);
    assert_eq!(lab.get(&lab.pool()).await.body["properties"]["count"], 1);

    let deleted = lab.delete_machines(&["web-abc"]).await;
    assert_eq!(deleted.status, 202);
    lab.fact("deleted", |k| matches!(k, FactKind::VmDeleted { .. })).await;
    assert_eq!(lab.get(&deleted.header("azure-asyncoperation")).await.body["status"], "Succeeded");
    assert_eq!(lab.get(&deleted.header("location")).await.status, 204);
    let gone = lab.get(&lab.machine("web-abc")).await;
    assert_eq!((gone.status, gone.code()), (404, "ResourceNotFound"));
    lab.sim.shutdown().await;
}

#[tokio::test]
async fn a_second_put_continues_the_first() {
    let lab = Lab::start(endless_boot(), None).await;
    let first = lab.create("web-1", "Standard_D2s_v5", false).await;
    let second = lab.create("web-1", "Standard_D2s_v5", false).await;
    assert_eq!((first.status, second.status), (201, 200));
    assert_eq!(first.header("azure-asyncoperation"), second.header("azure-asyncoperation"));
    assert_eq!(lab.get(&first.header("azure-asyncoperation")).await.body["status"], "InProgress");
    assert_eq!(lab.control.vms().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_finished_machine_takes_new_tags_and_nothing_else() {
    let lab = Lab::start(instant(), None).await;
    lab.create("web-1", "Standard_D2s_v5", false).await;
    lab.fact("booted", |k| matches!(k, FactKind::VmBooted { .. })).await;
    let before = lab.get(&lab.machine("web-1")).await.body;
    let etag = before["properties"]["eTag"].as_str().unwrap().to_owned();

    let mut body = machine_body("web-1", "Standard_D2s_v5", false);
    body["properties"]["tags"]["team"] = json!("a");
    let stale = lab
        .send(lab.request(reqwest::Method::PUT, &lab.machine("web-1")).header("if-match", "\"old\"").json(&body))
        .await;
    assert_eq!((stale.status, stale.code()), (412, "ConditionNotMet"));
    let fresh =
        lab.send(lab.request(reqwest::Method::PUT, &lab.machine("web-1")).header("if-match", &etag).json(&body)).await;
    assert_eq!(fresh.status, 200);
    assert!(!fresh.headers.contains_key("azure-asyncoperation"), "an update that is done needs no polling");
    assert_eq!(fresh.body["properties"]["tags"]["team"], "a");
    assert_ne!(fresh.body["properties"]["eTag"], json!(etag));

    let other_size = lab.create("web-1", "Standard_D4s_v5", false).await;
    assert_eq!((other_size.status, other_size.code()), (400, "PropertyChangeNotAllowed"));
}

#[tokio::test]
async fn deleting_before_the_boot_ends_cancels_the_creation() {
    let lab = Lab::start(endless_boot(), None).await;
    let put = lab.create("web-1", "Standard_D2s_v5", false).await;
    lab.delete_machines(&["web-1"]).await;
    lab.fact("deleted", |k| matches!(k, FactKind::VmDeleted { .. })).await;
    let operation = lab.get(&put.header("azure-asyncoperation")).await.body;
    assert_eq!((&operation["status"], &operation["error"]["code"]), (&json!("Failed"), &json!("OperationPreempted")));
    let record = lab.control.vm("web-1").await.unwrap();
    assert!(record.booted.is_none() && record.deleted.is_some());
    assert!(lab.control.quota().await.unwrap().iter().all(|q| q.used == 0));
}

#[tokio::test]
async fn deleting_a_missing_machine_is_the_error_that_the_provider_knows() {
    let lab = Lab::start(instant(), None).await;
    let answer = lab.delete_machines(&["web-9"]).await;
    assert_eq!((answer.status, answer.code()), (400, "InvalidParameter"));
    let message = answer.body["error"]["message"].as_str().unwrap();
    assert!(message.contains("Cannot find any valid machines"), "{message}");
}

#[tokio::test]
async fn one_operation_deletes_many() {
    let lab = Lab::start(instant(), None).await;
    for n in 0..5 {
        lab.create(&format!("web-{n}"), "Standard_D2s_v5", false).await;
    }
    let answer = lab.delete_machines(&["web-0", "web-1", "web-2", "web-3", "web-4", "no-such"]).await;
    for n in 0..5 {
        let name = format!("web-{n}");
        lab.fact(&name, |k| matches!(k, FactKind::VmDeleted { .. }) && of(&name, k)).await;
    }
    assert_eq!(lab.get(&answer.header("azure-asyncoperation")).await.body["status"], "Succeeded");
}
