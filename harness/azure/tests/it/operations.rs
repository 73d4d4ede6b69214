//! Operations on the managed cluster and its agent pools: their states, their time, and that one waits for another.

use harness_azure::FactKind;
use harness_azure::control::OperationStatus;
use harness_simulation::{Behaviour, Distribution, Fault, OperationTimes};
use harness_testing::{limits, wait_for};
use harness_units::Span;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Lab, instant, of};

/// Every operation takes this long, everything else no time.
fn taking(span: Span) -> Behaviour {
    let takes = Some(Distribution::Constant(span));
    let operations =
        OperationTimes { create: takes.clone(), update: takes.clone(), upgrade: takes.clone(), delete: takes };
    Behaviour { operations, ..instant() }
}

const NEVER: Span = Span::from_secs(3600);
const SOON: Span = Span::from_millis(60);

async fn state(lab: &Lab, id: &str) -> String {
    lab.get(id).await.body["properties"]["provisioningState"].as_str().unwrap_or("gone").to_owned()
}

async fn reaches(lab: &Lab, id: &str, wanted: &str) {
    wait_for(&format!("{id} is {wanted}"), limits::ANSWER, async || match state(lab, id).await {
        now if now == wanted => Ok(()),
        now => Err(now),
    })
    .await;
}

fn version(to: &str) -> Value {
    json!({"location": "eastus", "properties": {"kubernetesVersion": to}})
}

#[tokio::test]
async fn an_upgrade_shows_at_its_end() {
    let lab = Lab::start(taking(SOON), None).await;
    let id = lab.sim.config().cluster_id();
    let put = lab.put(&id, &version("1.36.4")).await;
    assert_eq!((put.status, &put.body["properties"]["provisioningState"]), (200, &json!("Upgrading")));
    let properties = &put.body["properties"];
    assert_eq!(
        (&properties["kubernetesVersion"], &properties["currentKubernetesVersion"]),
        (&json!("1.36.4"), &json!("1.36.3"))
    );
    assert_eq!(lab.control.kubernetes_version().await.unwrap(), "1.36.3");
    let operation = put.header("azure-asyncoperation");
    assert_eq!(lab.get(&operation).await.body["status"], "InProgress");
    reaches(&lab, &id, "Succeeded").await;
    assert_eq!(lab.get(&operation).await.body["status"], "Succeeded");
    assert_eq!(lab.get(&id).await.body["properties"]["currentKubernetesVersion"], "1.36.4");
    lab.fact("upgraded", |k| matches!(k, FactKind::KubernetesVersion { version } if version == "1.36.4")).await;
}

#[rstest]
#[case::update(json!({"location": "eastus", "tags": {"a": "b"}}), "Updating", "update")]
#[case::upgrade(version("1.36.4"), "Upgrading", "upgrade")]
#[tokio::test]
async fn one_operation_waits_for_another_and_nodes_do_not(#[case] body: Value, #[case] now: &str, #[case] verb: &str) {
    let lab = Lab::start(taking(NEVER), None).await;
    let id = lab.sim.config().cluster_id();
    lab.put(&id, &body).await;
    assert_eq!(state(&lab, &id).await, now);
    let pool = format!("{id}/agentPools/other");
    for refused in [
        lab.put(&id, &version("1.36.4")).await,
        lab.put(&pool, &json!({"properties": {"mode": "User"}})).await,
        lab.delete(&lab.pool()).await,
        lab.delete(&id).await,
    ] {
        assert_eq!((refused.status, refused.code()), (409, "OperationNotAllowed"));
        let message = refused.body["error"]["message"].as_str().unwrap();
        assert!(message.contains(&format!("in progress {verb} managed cluster operation")), "{message}");
    }
    assert!(lab.control.upgrade_kubernetes().await.unwrap_err().to_string().contains("in progress"));
    // Node auto-provisioning goes on.
    assert_eq!(lab.create("web-1", "Standard_D4s_v5", false).await.status, 201);
    lab.fact("booted", |k| matches!(k, FactKind::VmBooted { .. })).await;
    assert_eq!(lab.delete_machines(&["web-1"]).await.status, 202);
    lab.fact("deleted", |k| matches!(k, FactKind::VmDeleted { .. })).await;
}

#[tokio::test]
async fn pools_are_created_changed_and_upgraded_each_for_itself() {
    let lab = Lab::start(taking(SOON), None).await;
    let id = lab.sim.config().cluster_id();
    let (one, other) = (format!("{id}/agentPools/one"), format!("{id}/agentPools/other"));
    let body = |version: &str| json!({"properties": {"mode": "User", "vmSize": "Standard_D4s_v5", "orchestratorVersion": version}});
    for pool in [&one, &other] {
        let put = lab.put(pool, &body("1.36.3")).await;
        assert_eq!((put.status, &put.body["properties"]["provisioningState"]), (201, &json!("Creating")));
    }
    let busy = lab.put(&one, &body("1.36.3")).await;
    assert_eq!((busy.status, busy.code()), (409, "OperationNotAllowed"));
    reaches(&lab, &one, "Succeeded").await;
    reaches(&lab, &other, "Succeeded").await;
    for (to, during) in [("1.36.3", "Updating"), ("1.36.4", "Upgrading")] {
        let put = lab.put(&one, &body(to)).await;
        assert_eq!((put.status, &put.body["properties"]["provisioningState"]), (200, &json!(during)));
        reaches(&lab, &one, "Succeeded").await;
    }
    let deleted = lab.delete(&one).await;
    assert_eq!((deleted.status, state(&lab, &one).await.as_str()), (202, "Deleting"));
    reaches(&lab, &one, "gone").await;
    assert_eq!(lab.get(&deleted.header("azure-asyncoperation")).await.body["status"], "Succeeded");
}

/// Before, a pool had its new version at once, whatever became of the upgrade, and lost what a PUT did not name.
#[tokio::test]
async fn a_pool_has_its_new_version_when_its_upgrade_has_succeeded() {
    let lab = Lab::start(taking(SOON), None).await;
    let pool = format!("{}/agentPools/one", lab.sim.config().cluster_id());
    let upgrade = json!({"properties": {"orchestratorVersion": "1.36.4"}});
    let versions = async || {
        let properties = lab.get(&pool).await.body["properties"].clone();
        assert_eq!((&properties["vmSize"], &properties["mode"]), (&json!("Standard_D4s_v5"), &json!("User")));
        ["orchestratorVersion", "currentOrchestratorVersion"].map(|key| properties[key].as_str().unwrap().to_owned())
    };
    lab.put(&pool, &json!({"properties": {"mode": "User", "vmSize": "Standard_D4s_v5"}})).await;
    reaches(&lab, &pool, "Succeeded").await;
    assert_eq!(versions().await, ["1.36.3", "1.36.3"]);
    let fault = json!({"clusterOperationFail": {"code": "UpgradeFailed"}, "count": 1});
    lab.control.add_fault(&serde_json::from_value(fault).unwrap()).await.unwrap();
    let failing = lab.put(&pool, &upgrade).await;
    assert_eq!(failing.body["properties"]["currentOrchestratorVersion"], "1.36.3");
    reaches(&lab, &pool, "Failed").await;
    assert_eq!(versions().await, ["1.36.4", "1.36.3"]);
    let again = lab.put(&pool, &upgrade).await;
    assert_eq!(again.body["properties"]["provisioningState"], "Upgrading");
    reaches(&lab, &pool, "Succeeded").await;
    assert_eq!(versions().await, ["1.36.4", "1.36.4"]);
}

#[tokio::test]
async fn an_upgrade_of_a_pool_that_is_aborted_has_not_happened() {
    let mut behaviour = taking(Span::ZERO);
    behaviour.operations.upgrade = Some(Distribution::Constant(NEVER));
    let lab = Lab::start(behaviour, None).await;
    let pool = format!("{}/agentPools/one", lab.sim.config().cluster_id());
    lab.put(&pool, &json!({"properties": {"mode": "User", "vmSize": "Standard_D4s_v5"}})).await;
    lab.put(&pool, &json!({"properties": {"orchestratorVersion": "1.36.4"}})).await;
    assert_eq!(lab.post(&format!("{pool}/abort"), &Value::Null).await.status, 202);
    let properties = lab.get(&pool).await.body["properties"].clone();
    assert_eq!(
        (&properties["provisioningState"], &properties["currentOrchestratorVersion"]),
        (&json!("Canceled"), &json!("1.36.3"))
    );
}

#[tokio::test]
async fn a_pool_stays_until_its_vms_are_gone_and_takes_no_new_ones() {
    let mut behaviour = taking(Span::ZERO);
    behaviour.delete = Some(Distribution::Constant(Span::from_millis(300)));
    let lab = Lab::start(behaviour, None).await;
    lab.create("web-1", "Standard_D4s_v5", false).await;
    lab.fact("booted", |k| matches!(k, FactKind::VmBooted { .. })).await;
    lab.delete(&lab.pool()).await;
    assert_eq!(state(&lab, &lab.pool()).await, "Deleting");
    let late = lab.create("web-2", "Standard_D4s_v5", false).await;
    assert_eq!((late.status, late.code()), (409, "OperationNotAllowed"));
    reaches(&lab, &lab.pool(), "gone").await;
    lab.fact("deleted", |k| matches!(k, FactKind::VmDeleted { .. })).await;
}

#[tokio::test]
async fn the_cluster_is_deleted_and_created_again() {
    let lab = Lab::start(taking(SOON), None).await;
    let id = lab.sim.config().cluster_id();
    lab.create("web-1", "Standard_D4s_v5", false).await;
    let deleted = lab.delete(&id).await;
    assert_eq!((deleted.status, state(&lab, &id).await.as_str()), (202, "Deleting"));
    reaches(&lab, &id, "gone").await;
    assert_eq!((lab.get(&id).await.status, lab.get(&lab.pool()).await.status), (404, 404));
    let all = format!("{}/providers/Microsoft.ContainerService/managedClusters", lab.subscription());
    assert_eq!(lab.get(&all).await.body["value"], json!([]));
    let created = lab.put(&id, &json!({"location": "eastus"})).await;
    assert_eq!((created.status, &created.body["properties"]["provisioningState"]), (201, &json!("Creating")));
    reaches(&lab, &id, "Succeeded").await;
    assert_eq!(lab.create("web-2", "Standard_D4s_v5", false).await.status, 201);
}

/// Before, node auto-provisioning could replace each VM, so that the deletion never ended, and an abort did not end the wait for them either.
#[tokio::test]
async fn a_cluster_that_is_being_deleted_takes_no_machines_until_an_abort() {
    let mut behaviour = taking(Span::ZERO);
    behaviour.delete = Some(Distribution::Constant(NEVER));
    let lab = Lab::start(behaviour, None).await;
    let id = lab.sim.config().cluster_id();
    lab.create("web-1", "Standard_D4s_v5", false).await;
    lab.fact("booted", |k| matches!(k, FactKind::VmBooted { .. })).await;
    assert_eq!(lab.delete(&id).await.status, 202);
    let refused = lab.create("web-2", "Standard_D4s_v5", false).await;
    assert_eq!((refused.status, refused.code()), (409, "OperationNotAllowed"));
    assert_eq!(state(&lab, &id).await, "Deleting");
    assert_eq!(lab.post(&format!("{id}/abort"), &Value::Null).await.status, 202);
    assert_eq!(lab.create("web-2", "Standard_D4s_v5", false).await.status, 201);
    lab.fact("booted", |k| matches!(k, FactKind::VmBooted { .. }) && of("web-2", k)).await;
    assert_eq!(lab.delete_machines(&["web-2"]).await.status, 202);
}

#[tokio::test]
async fn an_operation_can_be_aborted_and_another_follows() {
    let lab = Lab::start(taking(NEVER), None).await;
    let id = lab.sim.config().cluster_id();
    assert_eq!(lab.post(&format!("{id}/abort"), &Value::Null).await.status, 204, "nothing goes on");
    let put = lab.put(&id, &version("1.36.4")).await;
    assert_eq!(lab.post(&format!("{id}/abort"), &Value::Null).await.status, 202);
    assert_eq!(state(&lab, &id).await, "Canceled");
    assert_eq!(lab.get(&put.header("azure-asyncoperation")).await.body["status"], "Canceled");
    assert_eq!(lab.get(&put.header("location")).await.code(), "OperationAborted");
    assert_eq!(lab.get(&id).await.body["properties"]["currentKubernetesVersion"], "1.36.3");
    let pool = format!("{id}/agentPools/one");
    lab.put(&pool, &json!({"properties": {"mode": "User"}})).await;
    assert_eq!(lab.post(&format!("{pool}/abort"), &Value::Null).await.status, 202);
    assert_eq!(state(&lab, &pool).await, "Canceled");
}

#[tokio::test]
async fn an_operation_that_fails_leaves_the_cluster_failed_until_the_next() {
    let lab = Lab::start(taking(SOON), None).await;
    let id = lab.sim.config().cluster_id();
    let fault = json!({"clusterOperationFail": {"code": "ControlPlaneUpgradeFailed", "message": "why"}, "count": 1});
    let fault: Fault = serde_json::from_value(fault).unwrap();
    lab.control.add_fault(&fault).await.unwrap();
    let put = lab.put(&id, &version("1.36.4")).await;
    reaches(&lab, &id, "Failed").await;
    let status = lab.get(&put.header("azure-asyncoperation")).await.body;
    assert_eq!((&status["status"], &status["error"]["code"]), (&json!("Failed"), &json!("ControlPlaneUpgradeFailed")));
    assert_eq!(lab.control.kubernetes_version().await.unwrap(), "1.36.3");
    lab.put(&id, &version("1.36.4")).await;
    reaches(&lab, &id, "Succeeded").await;
    assert_eq!(lab.control.kubernetes_version().await.unwrap(), "1.36.4");
}

/// Before a run, whatever an earlier one had begun.
#[tokio::test]
async fn a_reset_of_the_version_ends_what_goes_on() {
    let lab = Lab::start(taking(NEVER), None).await;
    let upgrade = lab.control.upgrade_kubernetes().await.unwrap();
    assert_eq!((upgrade.version.as_str(), upgrade.takes), ("1.36.4", NEVER));
    assert_eq!(lab.control.reset_kubernetes().await.unwrap(), "1.36.3");
    let id = lab.sim.config().cluster_id();
    assert_eq!(state(&lab, &id).await, "Succeeded");
    assert_eq!(lab.get(&id).await.body["properties"]["kubernetesVersion"], "1.36.3");
    assert_eq!(lab.put(&id, &json!({"location": "eastus"})).await.status, 200);
}

/// Before, the next upgrade went to the version after the one that had failed.
#[tokio::test]
async fn after_an_upgrade_that_fails_the_next_goes_to_the_same_version() {
    let lab = Lab::start(taking(SOON), None).await;
    let fault = json!({"clusterOperationFail": {"code": "ControlPlaneUpgradeFailed"}, "count": 1});
    lab.control.add_fault(&serde_json::from_value(fault).unwrap()).await.unwrap();
    let failed = lab.control.upgrade_kubernetes().await.unwrap();
    assert_eq!(ended(&lab, &failed.operation).await, "failed");
    let second = lab.control.upgrade_kubernetes().await.unwrap();
    assert_eq!((failed.version.as_str(), second.version.as_str()), ("1.36.4", "1.36.4"));
    assert_eq!(ended(&lab, &second.operation).await, "succeeded");
    assert_eq!(lab.control.kubernetes_version().await.unwrap(), "1.36.4");
}

/// Before, an operation that a reset had ended was in progress for ever.
#[tokio::test]
async fn a_reset_ends_what_goes_on() {
    let lab = Lab::start(taking(NEVER), None).await;
    let upgrade = lab.control.upgrade_kubernetes().await.unwrap();
    lab.control.reset().await.unwrap();
    assert_eq!(ended(&lab, &upgrade.operation).await, "canceled");
}

/// How an operation ends, as the control endpoint says it.
async fn ended(lab: &Lab, operation: &str) -> &'static str {
    wait_for("the operation ends", limits::ANSWER, async || match lab.control.operation(operation).await.unwrap() {
        OperationStatus::InProgress => Err("it goes on".to_owned()),
        OperationStatus::Succeeded => Ok("succeeded"),
        OperationStatus::Failed(_) => Ok("failed"),
        OperationStatus::Canceled => Ok("canceled"),
    })
    .await
}
