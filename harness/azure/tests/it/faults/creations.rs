//! Creations: those that fail, those that are said to have failed, and those that come to something else than was asked for.

use harness_azure::FactKind;
use harness_azure::control::VmState;
use harness_simulation::{Behaviour, CapacityCode, Distribution, Fault, FaultKind};
use harness_testing::{limits, wait_for};
use harness_units::{Share, Span};
use rstest::rstest;
use serde_json::json;

use super::{every, family, fault};
use crate::fake_kube::FakeKube;
use crate::support::{Lab, instant, machine_body, of};

#[rstest]
#[case(None, "ZonalAllocationFailed")]
#[case(Some(CapacityCode::AllocationFailed), "AllocationFailed")]
#[case(Some(CapacityCode::OverconstrainedAllocationRequest), "OverconstrainedAllocationRequest")]
#[case(Some(CapacityCode::OverconstrainedZonalAllocationRequest), "OverconstrainedZonalAllocationRequest")]
#[case(Some(CapacityCode::SkuNotAvailable), "SkuNotAvailable")]
#[tokio::test]
async fn no_capacity(#[case] code: Option<CapacityCode>, #[case] expected: &str) {
    let lab = Lab::start(instant(), None).await;
    let fault = Fault::new(FaultKind::NoCapacity { only: family("F"), code, share: Share(1.0) });
    let id = lab.control.add_fault(&fault).await.unwrap().terms.id;
    let put = lab.create("encoder-1", "Standard_F4s_v2", false).await;
    assert_eq!(put.status, 201);
    lab.fact("failed", |k| matches!(k, FactKind::ProvisioningFailed { .. })).await;
    let machine = lab.get(&lab.machine("encoder-1")).await.body;
    assert_eq!(machine["properties"]["provisioningState"], "Failed");
    assert_eq!(machine["properties"]["status"]["provisioningError"]["details"][0]["code"], expected);
    assert_eq!(lab.control.vm("encoder-1").await.unwrap().faults, std::slice::from_ref(&id));
    assert!(lab.control.quota().await.unwrap().iter().all(|q| q.used == 0));
    lab.create("web-1", "Standard_D4s_v5", false).await;
    lab.fact("booted", |k| matches!(k, FactKind::VmBooted { .. }) && of("web-1", k)).await;
    lab.control.remove_fault(&id).await.unwrap();
    lab.create("encoder-2", "Standard_F4s_v2", false).await;
    lab.fact("booted", |k| matches!(k, FactKind::VmBooted { .. }) && of("encoder-2", k)).await;
}

#[tokio::test]
async fn a_size_that_the_subscription_may_not_use_is_refused_at_the_put() {
    let lab = Lab::start(instant(), None).await;
    let fault = Fault::new(FaultKind::NoCapacity {
        only: every(),
        code: Some(CapacityCode::VMSizeNotSupported),
        share: Share(1.0),
    });
    lab.control.add_fault(&fault).await.unwrap();
    let put = lab.create("web-1", "Standard_D4s_v5", false).await;
    assert_eq!((put.status, put.code()), (400, "VMSizeNotSupported"));
    assert!(lab.control.vms().await.unwrap().is_empty());
}

#[tokio::test]
async fn quota_for_a_while() {
    let lab = Lab::start(instant(), None).await;
    let fault = Fault::new(FaultKind::Quota { scope: "D".into(), cores: 0 });
    lab.control.add_fault(&fault.named("q")).await.unwrap();
    lab.create("web-1", "Standard_D4s_v5", false).await;
    lab.fact("failed", |k| matches!(k, FactKind::ProvisioningFailed { code, .. } if code == "OperationNotAllowed"))
        .await;
    lab.control.remove_fault("q").await.unwrap();
    lab.create("web-2", "Standard_D4s_v5", false).await;
    lab.fact("booted", |k| matches!(k, FactKind::VmBooted { .. })).await;
}

#[rstest]
#[case("D", false, "Family Cores quota")]
#[case("standardDSv5Family", false, "Family Cores quota")]
#[case("regional", false, "Total Regional Cores quota")]
#[case("spot", true, "LowPriorityCores")]
#[tokio::test]
async fn a_quota_of_each_scope_changes_while_vms_run(#[case] scope: &str, #[case] spot: bool, #[case] term: &str) {
    let lab = Lab::start(instant(), None).await;
    lab.create("web-1", "Standard_D4s_v5", spot).await;
    lab.fact("booted", |k| matches!(k, FactKind::VmBooted { .. }) && of("web-1", k)).await;
    let limit = |cores| Fault::new(FaultKind::Quota { scope: scope.to_owned(), cores });
    // The VM that runs stays, although it is above the new limit.
    lab.control.add_fault(&limit(3).named("less")).await.unwrap();
    lab.create("web-2", "Standard_D4s_v5", spot).await;
    let failed = lab.fact("failed", |k| matches!(k, FactKind::ProvisioningFailed { .. })).await;
    let FactKind::ProvisioningFailed { message, .. } = failed.kind else { unreachable!() };
    assert!(message.contains(term) && message.contains("Current Limit: 3, Current Usage: 4"), "{message}");
    assert!(lab.control.vm("web-1").await.unwrap().deleted.is_none());
    // The last one set counts.
    lab.control.add_fault(&limit(8).named("more")).await.unwrap();
    lab.create("web-3", "Standard_D4s_v5", spot).await;
    lab.fact("booted", |k| matches!(k, FactKind::VmBooted { .. }) && of("web-3", k)).await;
    // The other capacity type has its own quota.
    lab.create("web-4", "Standard_E4s_v5", !spot).await;
    if scope != "regional" {
        lab.fact("booted", |k| matches!(k, FactKind::VmBooted { .. }) && of("web-4", k)).await;
    }
}

#[tokio::test]
async fn each_fact_of_a_vm_has_its_cores_and_its_own_price() {
    let lab = Lab::start(instant(), None).await;
    for (name, spot, price) in [("web-1", false, 192_000), ("web-2", true, 57_600)] {
        lab.create(name, "Standard_D4s_v5", spot).await;
        let accepted = lab.fact("accepted", |k| matches!(k, FactKind::VmAccepted { .. }) && of(name, k)).await;
        let vm = accepted.kind.vm().unwrap();
        let costs = (vm.vcpus, vm.price_micro_usd_per_hour, vm.on_demand_micro_usd_per_hour);
        assert_eq!(costs, (4, price, 192_000));
        let record = lab.control.vm(name).await.unwrap();
        assert_eq!((record.price_per_hour * 1e6).round() as u64, price);
    }
}

#[tokio::test]
async fn any_code_and_text() {
    let lab = Lab::start(instant(), None).await;
    let fault = Fault::new(FaultKind::OperationFail {
        only: every(),
        code: "InsufficientSubnetSize".into(),
        message: "Pre-allocated IPs exceed the subnet".into(),
        share: Share(1.0),
    });
    lab.control.add_fault(&fault).await.unwrap();
    let put = lab.create("web-1", "Standard_D4s_v5", false).await;
    lab.fact("failed", |k| matches!(k, FactKind::ProvisioningFailed { code, .. } if code == "InsufficientSubnetSize"))
        .await;
    assert_eq!(lab.get(&put.header("azure-asyncoperation")).await.body["error"]["code"], "InsufficientSubnetSize");
}

#[tokio::test]
async fn a_shortage_with_a_time_ends_by_itself_and_says_so() {
    let lab = Lab::start(instant(), None).await;
    let fault = Fault::new(FaultKind::NoCapacity { only: family("D"), code: None, share: Share::WHOLE });
    lab.control.add_fault(&fault.named("short").lasting(Span::from_millis(300))).await.unwrap();
    lab.create("web-1", "Standard_D4s_v5", false).await;
    let failed = lab.fact("failed", |k| matches!(k, FactKind::ProvisioningFailed { .. })).await;
    assert!(matches!(failed.kind, FactKind::ProvisioningFailed { code, .. } if code.ends_with("AllocationFailed")));
    // Nothing asks for it: the fact comes at its time.
    let ended = lab.fact("ended", |k| matches!(k, FactKind::FaultEnded { id, .. } if id == "short")).await;
    assert!(matches!(ended.kind, FactKind::FaultEnded { applied: 1, .. }), "{ended:?}");
    lab.create("web-2", "Standard_D4s_v5", false).await;
    lab.fact("booted", |k| matches!(k, FactKind::VmBooted { .. }) && of("web-2", k)).await;
}

#[tokio::test]
async fn a_full_subnet_fails_creations_with_azures_code() {
    let lab = Lab::start(instant(), None).await;
    lab.control.add_fault(&fault(json!({"subnetFull": {}, "count": 1}))).await.unwrap();
    lab.create("web-1", "Standard_D4s_v5", false).await;
    let failed = lab.fact("failed", |k| matches!(k, FactKind::ProvisioningFailed { .. })).await;
    let FactKind::ProvisioningFailed { code, message, .. } = failed.kind else { unreachable!() };
    assert_eq!(code, "SubnetIsFull");
    assert!(message.contains("Subnet aks-subnet with id /subscriptions/"), "{message}");
    lab.create("web-2", "Standard_D4s_v5", false).await;
    lab.fact("booted", |k| matches!(k, FactKind::VmBooted { .. }) && of("web-2", k)).await;
}

/// Without any fault: of a /29 Azure keeps five addresses for itself.
#[tokio::test]
async fn a_small_subnet_is_full_when_its_addresses_are_taken() {
    let subnets = [("small".to_owned(), "10.230.0.0/29".to_owned())].into();
    let lab = Lab::start(Behaviour { subnets, ..instant() }, None).await;
    let subnet = format!("{}/small", lab.control.subnets_id().await.unwrap());
    assert_eq!(lab.get(&subnet).await.body["properties"]["addressPrefix"], "10.230.0.0/29");
    let create = async |machine: &str| {
        let mut body = machine_body(machine, "Standard_D4s_v5", false);
        // Ids of Azure have no case. Before, a subnet that was written in two ways was two, each with its addresses.
        let written = if machine == "web-2" { subnet.to_uppercase() } else { subnet.clone() };
        body["properties"]["network"]["vnetSubnetID"] = json!(written);
        lab.put(&lab.machine(machine), &body).await;
    };
    for machine in ["web-1", "web-2", "web-3"] {
        create(machine).await;
        lab.fact("booted", |k| matches!(k, FactKind::VmBooted { .. }) && of(machine, k)).await;
    }
    create("web-4").await;
    let failed = |k: &FactKind| matches!(k, FactKind::ProvisioningFailed { code, .. } if code == "SubnetIsFull");
    lab.fact("failed", |k| failed(k) && of("web-4", k)).await;
    // The cluster's own subnet has room, and so has this one when a VM has gone.
    lab.create("web-5", "Standard_D4s_v5", false).await;
    lab.fact("booted", |k| matches!(k, FactKind::VmBooted { .. }) && of("web-5", k)).await;
    lab.delete_machines(&["web-1"]).await;
    lab.fact("deleted", |k| matches!(k, FactKind::VmDeleted { .. }) && of("web-1", k)).await;
    create("web-6").await;
    lab.fact("booted", |k| matches!(k, FactKind::VmBooted { .. }) && of("web-6", k)).await;
    // Another behaviour has other subnets; the cluster's own stays.
    lab.control.set_behaviour(&instant()).await.unwrap();
    assert_eq!(lab.get(&subnet).await.status, 404);
    assert_eq!(lab.get(&subnet.replace("/small", "/aks-subnet")).await.status, 200);
}

/// Before, a creation that Azure calls failed had no VM. Code and message are Azure's own for a VM that was too slow to report.
#[tokio::test]
async fn a_creation_that_is_said_to_have_failed_comes_up_all_the_same() {
    let kube = FakeKube::default();
    let lab = Lab::start(instant(), Some(kube.client())).await;
    lab.control.add_fault(&fault(json!({"falseFailure": {"bootsAfter": "20ms"}, "id": "late"}))).await.unwrap();
    let put = lab.create("web-1", "Standard_D4s_v5", false).await;
    assert_eq!((put.status, &put.body["properties"]["provisioningState"]), (201, &"Creating".into()));
    let failed = lab.fact("failed", |k| matches!(k, FactKind::ProvisioningFailed { .. })).await;
    let FactKind::ProvisioningFailed { code, message, .. } = failed.kind else { unreachable!() };
    assert_eq!(code, "OSProvisioningTimedOut");
    assert!(message.contains("The VM may still finish provisioning successfully. Please"), "{message}");
    let operation = lab.get(&put.header("azure-asyncoperation")).await.body;
    assert_eq!((&operation["status"], &operation["error"]["code"]), (&"Failed".into(), &code.as_str().into()));
    lab.fact("ready", |k| matches!(k, FactKind::NodeReady { .. })).await;
    let name = lab.vm_name("web-1").await;
    assert!(kube.node(&name).is_some());
    // The machine stays what it was said to be; the VM says itself that it runs.
    let machine = lab.get(&lab.machine("web-1")).await.body;
    assert_eq!(machine["properties"]["provisioningState"], "Failed");
    assert_eq!(machine["properties"]["status"]["provisioningError"]["details"][0]["code"], "OSProvisioningTimedOut");
    let vm = format!("{}/providers/Microsoft.Compute/virtualMachines/{name}", lab.node_group());
    assert_eq!(lab.get(&vm).await.body["properties"]["provisioningState"], "Succeeded");
    let record = lab.control.vm("web-1").await.unwrap();
    assert_eq!((record.state, record.faults), (VmState::Running, vec!["late".to_owned()]));
    assert!(lab.control.quota().await.unwrap().iter().any(|q| q.used == 4));
    let sums = lab.control.ledger(0).await.unwrap();
    assert_eq!((sums.booted, sums.failed.get("OSProvisioningTimedOut"), sums.on_demand.vms), (1, Some(&1), 1));
    lab.delete_machines(&["web-1"]).await;
    lab.fact("node gone", |k| matches!(k, FactKind::NodeDeleted { .. })).await;
    assert_eq!(kube.nodes(), 0);
}

#[tokio::test]
async fn a_machine_that_is_deleted_in_time_never_comes_up() {
    let mut behaviour = instant();
    behaviour.delete = Some(Distribution::Constant(Span::from_millis(100)));
    let lab = Lab::start(behaviour, None).await;
    lab.control.add_fault(&fault(json!({"falseFailure": {"bootsAfter": "1h"}, "count": 1}))).await.unwrap();
    lab.create("web-1", "Standard_D4s_v5", false).await;
    lab.fact("failed", |k| matches!(k, FactKind::ProvisioningFailed { .. })).await;
    let vm = format!("{}/providers/Microsoft.Compute/virtualMachines/{}", lab.node_group(), lab.vm_name("web-1").await);
    let there = lab.get(&vm).await;
    assert_eq!((there.status, &there.body["properties"]["provisioningState"]), (200, &"Failed".into()));
    lab.delete_machines(&["web-1"]).await;
    // There is a VM to delete, which takes its time; one that has really failed has none.
    let requested = lab.fact("requested", |k| matches!(k, FactKind::VmDeleteRequested { .. })).await;
    let deleted = lab.fact("deleted", |k| matches!(k, FactKind::VmDeleted { .. })).await;
    assert!(deleted.monotonic_ns - requested.monotonic_ns >= 99_900_000);
    let sums = lab.control.ledger(0).await.unwrap();
    assert_eq!((sums.booted, sums.on_demand.vms), (0, 0));
    assert!(lab.control.quota().await.unwrap().iter().all(|q| q.used == 0));
}

/// What issue 1907 of Azure/karpenter-provider-azure is about: a healthy Node, then the report, then the deletion, and the Node is still there.
#[tokio::test]
async fn a_failure_may_be_reported_late_and_the_node_outlive_its_vm() {
    let kube = FakeKube::default();
    let lab = Lab::start(instant(), Some(kube.client())).await;
    let late = json!({"falseFailure": {"reportedAfter": "100ms", "bootsAfter": "0s", "nodeStays": "300ms"}});
    lab.control.add_fault(&fault(late)).await.unwrap();
    lab.create("web-1", "Standard_D4s_v5", false).await;
    let creating = lab.fact("creating", |k| matches!(k, FactKind::VmCreating { .. })).await;
    let failed = lab.fact("failed", |k| matches!(k, FactKind::ProvisioningFailed { .. })).await;
    assert!(failed.monotonic_ns - creating.monotonic_ns >= 99_900_000);
    lab.fact("ready", |k| matches!(k, FactKind::NodeReady { .. })).await;
    lab.delete_machines(&["web-1"]).await;
    let deleted = lab.fact("deleted", |k| matches!(k, FactKind::VmDeleted { .. })).await;
    assert_eq!(lab.get(&lab.machine("web-1")).await.status, 404);
    let removed = lab.fact("node gone", |k| matches!(k, FactKind::NodeDeleted { .. })).await;
    assert!(removed.monotonic_ns - deleted.monotonic_ns >= 299_900_000);
    assert_eq!(kube.nodes(), 0);
}

/// Azure calls every creation failed, the VMs come up, and their Nodes outlive them by an hour.
async fn with_a_ready_node(kube: &FakeKube) -> Lab {
    let lab = Lab::start(instant(), Some(kube.client())).await;
    let late = json!({"falseFailure": {"bootsAfter": "0s", "nodeStays": "1h"}});
    lab.control.add_fault(&fault(late)).await.unwrap();
    lab.create("web-1", "Standard_D4s_v5", false).await;
    lab.fact("ready", |k| matches!(k, FactKind::NodeReady { .. })).await;
    lab
}

/// Before, one refusal of the API server left the Node of a VM that is gone Ready, and its pods were Ready in any case.
#[tokio::test]
async fn a_node_that_outlives_its_vm_is_lost_with_its_pods() {
    let kube = FakeKube::default();
    let lab = with_a_ready_node(&kube).await;
    let node = lab.vm_name("web-1").await;
    kube.add_pod("pod-1", &node);
    kube.refuse(2);
    lab.delete_machines(&["web-1"]).await;
    wait_for("the Node and its pod are lost", limits::ANSWER, async || {
        let shown = (kube.condition(&node, "Ready"), kube.pod_ready("pod-1"), kube.pod_reason("pod-1"));
        let wanted = (Some("Unknown".to_owned()), "False".to_owned(), "KubeletSilent".to_owned());
        if shown == wanted { Ok(()) } else { Err(format!("{shown:?}")) }
    })
    .await;
}

/// Before, the Node was there for the rest of its hour, in whatever run came next.
#[tokio::test]
async fn a_reset_deletes_the_nodes_that_outlive_their_vms() {
    let kube = FakeKube::default();
    let lab = with_a_ready_node(&kube).await;
    lab.delete_machines(&["web-1"]).await;
    lab.fact("deleted", |k| matches!(k, FactKind::VmDeleted { .. })).await;
    // One whose VM the reset itself takes away.
    lab.create("web-2", "Standard_D4s_v5", false).await;
    lab.fact("ready", |k| matches!(k, FactKind::NodeReady { .. }) && of("web-2", k)).await;
    assert_eq!(kube.nodes(), 2);
    lab.control.reset().await.unwrap();
    assert_eq!(kube.nodes(), 0);
}

#[tokio::test]
async fn a_node_is_newer_than_what_was_asked_for() {
    let kube = FakeKube::default();
    let lab = Lab::start(instant(), Some(kube.client())).await;
    lab.control.add_fault(&fault(json!({"newerVersion": {}, "id": "newer", "count": 1}))).await.unwrap();
    for name in ["web-1", "web-2"] {
        lab.create(name, "Standard_D4s_v5", false).await;
        lab.fact("ready", |k| matches!(k, FactKind::NodeReady { .. }) && of(name, k)).await;
    }
    let kubelet = async |name: &str| {
        let node = kube.node(&lab.vm_name(name).await).unwrap();
        node["status"]["nodeInfo"]["kubeletVersion"].as_str().unwrap().to_owned()
    };
    assert_eq!((kubelet("web-1").await.as_str(), kubelet("web-2").await.as_str()), ("v1.36.4", "v1.36.3"));
    let machine = lab.get(&lab.machine("web-1")).await.body;
    let kubernetes = &machine["properties"]["kubernetes"];
    let versions = (&kubernetes["orchestratorVersion"], &kubernetes["currentOrchestratorVersion"]);
    assert_eq!(versions, (&"1.36.3".into(), &"1.36.4".into()));
    assert_eq!(lab.control.vm("web-1").await.unwrap().faults, ["newer"]);
}

/// The provider takes a NodeClaim's image from the GET after the PUT, and the images that it may have from the list: any other one is drift
/// (`isImageVersionDrifted` in `pkg/cloudprovider/drift.go` of Azure/karpenter-provider-azure v1.14.0).
#[tokio::test]
async fn a_node_image_is_newer_than_those_of_the_list() {
    let lab = Lab::start(instant(), None).await;
    lab.control.add_fault(&fault(json!({"newerVersion": {"of": "nodeImage"}}))).await.unwrap();
    lab.create("web-1", "Standard_D4s_v5", false).await;
    let machine = lab.get(&lab.machine("web-1")).await.body;
    assert_eq!(machine["properties"]["nodeImageVersion"], "AKSUbuntu-2204gen2containerd-202608.14.1");
    let list =
        format!("{}/providers/Microsoft.ContainerService/locations/eastus/nodeImageVersions", lab.subscription());
    let offered = lab.get(&list).await.body;
    assert!(offered["value"].as_array().unwrap().iter().all(|image| image["version"] == "202608.14.0"), "{offered}");
}
