//! Each fault, as a client sees it.

use harness_simulation::ConditionStatus;
use harness_units::Factor;
use harness_units::Share;
use std::time::{Duration, Instant};

use harness_azure::FactKind;
use harness_azure::control::VmState;
use harness_simulation::{ArmFaultMode, Behaviour, CapacityCode, VmSelector};
use harness_simulation::{Distribution, Fault, FaultKind, Leg};
use harness_units::Span;
use rstest::rstest;
use serde_json::json;

use crate::fake_kube::FakeKube;
use crate::support::{Lab, instant, machine_body, of};

fn family(letter: &str) -> VmSelector {
    VmSelector { family: Some(letter.to_owned()), ..VmSelector::default() }
}

fn fault(written: serde_json::Value) -> Fault {
    serde_json::from_value(written).unwrap()
}

fn every() -> VmSelector {
    VmSelector::default()
}

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
async fn throttling_says_when_to_retry() {
    let lab = Lab::start(instant(), None).await;
    let fault = Fault::new(FaultKind::Throttle {
        retry_after: Span::from_millis(1_200),
        share: Share(1.0),
        operation: Some("machines.list".into()),
    });
    lab.control.add_fault(&fault.times(2)).await.unwrap();
    let list = format!("{}/machines", lab.pool());
    assert_eq!(lab.get(&lab.pool()).await.status, 200, "another operation is not concerned");
    for _ in 0..2 {
        let answer = lab.get(&list).await;
        assert_eq!((answer.status, answer.code()), (429, "TooManyRequests"));
        assert_eq!(answer.header("retry-after"), "2");
    }
    assert_eq!(lab.get(&list).await.status, 200, "the count is used up");
    lab.fact(
        "throttled",
        |k| matches!(k, FactKind::Throttled { operation, retry_after_s: 2 } if operation == "machines.list"),
    )
    .await;
    let ended = lab.fact("over", |k| matches!(k, FactKind::FaultEnded { .. })).await;
    assert!(matches!(ended.kind, FactKind::FaultEnded { applied: 2, .. }));
    let counts = lab.control.counters().await.unwrap();
    let of = |status| counts.iter().find(|c| c.operation == "machines.list" && c.status == status).map(|c| c.count);
    assert_eq!((of(429), of(200)), (Some(2), Some(1)));
}

#[tokio::test]
async fn a_share_of_calls_is_throttled() {
    let lab = Lab::start(instant(), None).await;
    let fault = Fault::new(FaultKind::Throttle { retry_after: Span::from_secs(1), share: Share(0.5), operation: None });
    lab.control.add_fault(&fault).await.unwrap();
    let mut throttled = 0;
    for _ in 0..60 {
        throttled += usize::from(lab.get(&lab.pool()).await.status == 429);
    }
    assert!((12..=48).contains(&throttled), "{throttled} of 60");
}

#[tokio::test]
async fn slow_boots_are_slower_and_recorded() {
    let mut behaviour = instant();
    behaviour.boot = Some(Distribution::Constant(Span::from_millis(20)));
    let lab = Lab::start(behaviour, None).await;
    let fault = Fault::new(FaultKind::SlowBoot {
        only: family("D"),
        factor: Factor(3.0),
        extra: Span::from_millis(40),
        share: Share(1.0),
    });
    lab.control.add_fault(&fault.named("slow")).await.unwrap();
    lab.create("web-1", "Standard_D4s_v5", false).await;
    lab.fact("booted", |k| matches!(k, FactKind::VmBooted { .. })).await;
    let record = lab.control.vm("web-1").await.unwrap();
    let draw = record.draws[&Leg::Boot];
    assert_eq!((draw.drawn, draw.effective), (Span::from_millis(20), Some(Span::from_millis(100))));
    assert!(record.booted.unwrap().monotonic_ns - record.creating.unwrap().monotonic_ns >= 99_900_000);
    assert_eq!(record.faults, ["slow"]);
}

#[tokio::test]
async fn stuck_boots_stay_creating_until_deleted() {
    let lab = Lab::start(instant(), None).await;
    let fault = Fault::new(FaultKind::StuckBoot { only: every(), share: Share(1.0) });
    lab.control.add_fault(&fault).await.unwrap();
    let put = lab.create("web-1", "Standard_D4s_v5", false).await;
    lab.fact("creating", |k| matches!(k, FactKind::VmCreating { .. })).await;
    assert_eq!(lab.get(&put.header("azure-asyncoperation")).await.body["status"], "InProgress");
    assert_eq!(lab.control.vm("web-1").await.unwrap().draws[&Leg::Boot].effective, None);
    lab.delete_machines(&["web-1"]).await;
    lab.fact("deleted", |k| matches!(k, FactKind::VmDeleted { .. })).await;
}

#[tokio::test]
async fn a_slow_deletion_keeps_the_vm_and_its_quota_until_it_ends() {
    let lab = Lab::start(instant(), None).await;
    let only = VmSelector { vm: Some("web-1".into()), ..every() };
    let fault = Fault::new(FaultKind::SlowDelete { only, extra: Span::from_secs(3600), share: Share(1.0) });
    let id = lab.control.add_fault(&fault).await.unwrap().terms.id;
    for name in ["web-1", "web-2"] {
        lab.create(name, "Standard_D4s_v5", false).await;
        lab.fact("booted", |k| matches!(k, FactKind::VmBooted { .. }) && of(name, k)).await;
    }
    lab.delete_machines(&["web-1", "web-2"]).await;
    lab.fact("deleted", |k| matches!(k, FactKind::VmDeleted { .. }) && of("web-2", k)).await;
    let slow = lab.control.vm("web-1").await.unwrap();
    assert_eq!(slow.state, VmState::Deleting);
    assert_eq!(slow.faults, [id]);
    let (drawn, takes) = (slow.draws[&Leg::Delete].drawn, slow.draws[&Leg::Delete].effective.unwrap());
    assert_eq!(takes.as_micros(), drawn.as_micros() + Span::from_secs(3600).as_micros());
    assert!(lab.control.quota().await.unwrap().iter().any(|q| q.used == 4), "its cores are still in use");
}

#[tokio::test]
async fn a_vm_that_never_registers_succeeds_without_a_node() {
    let kube = FakeKube::default();
    let lab = Lab::start(instant(), Some(kube.client())).await;
    let fault = Fault::new(FaultKind::NeverRegister { only: every(), share: Share(1.0) });
    lab.control.add_fault(&fault.times(1)).await.unwrap();
    lab.create("web-1", "Standard_D4s_v5", false).await;
    lab.fact("booted", |k| matches!(k, FactKind::VmBooted { .. })).await;
    lab.create("web-2", "Standard_D4s_v5", false).await;
    lab.fact("ready", |k| matches!(k, FactKind::NodeReady { .. }) && of("web-2", k)).await;
    assert_eq!(lab.get(&lab.machine("web-1")).await.body["properties"]["provisioningState"], "Succeeded");
    assert_eq!(kube.nodes(), 1);
    lab.delete_machines(&["web-1"]).await;
    lab.fact("deleted", |k| matches!(k, FactKind::VmDeleted { .. })).await;
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

/// The number of refused calls in the facts.
async fn refused(lab: &Lab) -> u64 {
    let facts = lab.control.facts(0, Duration::ZERO).await.unwrap().facts;
    facts.iter().map(|fact| if let FactKind::Refused { calls } = fact.kind { calls } else { 0 }).sum()
}

#[tokio::test]
async fn an_outage_that_answers_503_and_ends() {
    let lab = Lab::start(instant(), None).await;
    let fault = Fault::new(FaultKind::ArmOutage { mode: ArmFaultMode::Unavailable });
    lab.control.add_fault(&fault.named("down")).await.unwrap();
    let answer = lab.get(&lab.pool()).await;
    assert_eq!((answer.status, answer.code()), (503, "ServiceUnavailable"));
    // There is a fact for the first refused call at once, and one for the rest at the end.
    lab.fact("refused", |k| matches!(k, FactKind::Refused { calls: 1 })).await;
    for _ in 0..4 {
        assert_eq!(lab.get(&lab.pool()).await.status, 503);
    }
    lab.control.remove_fault("down").await.unwrap();
    lab.fact("over", |k| matches!(k, FactKind::FaultEnded { id, applied: 5, .. } if id == "down")).await;
    assert_eq!(refused(&lab).await, 5);
    assert_eq!(lab.get(&lab.pool()).await.status, 200);
}

#[tokio::test]
async fn an_outage_that_refuses_connections() {
    let lab = Lab::start(instant(), None).await;
    // A connection that is open already is cut too.
    assert_eq!(lab.get(&lab.pool()).await.status, 200);
    let fault = Fault::new(FaultKind::ArmOutage { mode: ArmFaultMode::Refused });
    let id = lab.control.add_fault(&fault).await.unwrap().terms.id;
    for _ in 0..3 {
        assert!(lab.request(reqwest::Method::GET, &lab.pool()).send().await.is_err());
    }
    lab.fact("refused", |k| matches!(k, FactKind::Refused { calls: 1 })).await;
    lab.control.remove_fault(&id).await.unwrap();
    assert_eq!(lab.get(&lab.pool()).await.status, 200);
}

#[tokio::test]
async fn an_outage_of_a_number_of_calls_and_one_of_a_time() {
    let lab = Lab::start(instant(), None).await;
    let fault = || Fault::new(FaultKind::ArmOutage { mode: ArmFaultMode::Unavailable });
    lab.control.add_fault(&fault().named("calls").times(3)).await.unwrap();
    for expected in [503, 503, 503, 200] {
        assert_eq!(lab.get(&lab.pool()).await.status, expected);
    }
    assert_eq!(refused(&lab).await, 3);
    lab.control.add_fault(&fault().named("time").lasting(Span::from_millis(300))).await.unwrap();
    lab.fact("over", |k| matches!(k, FactKind::FaultEnded { id, .. } if id == "time")).await;
    assert_eq!(lab.get(&lab.pool()).await.status, 200);
}

#[tokio::test]
async fn crashes_and_evictions_of_a_share() {
    let kube = FakeKube::default();
    let lab = Lab::start(instant(), Some(kube.client())).await;
    for n in 0..10 {
        lab.create(&format!("web-{n}"), "Standard_D4s_v5", true).await;
    }
    let deadline = Instant::now() + crate::support::ANSWER.get();
    while kube.nodes() < 10 {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let crash = Fault::new(FaultKind::VmCrash { only: every(), share: Share(0.3) });
    lab.control.add_fault(&crash.named("crash")).await.unwrap();
    let records = lab.control.vms().await.unwrap();
    assert_eq!(records.iter().filter(|r| r.faults == ["crash"]).count(), 3);
    let evict = Fault::new(FaultKind::SpotEvict { only: every(), share: Share::WHOLE, notice: Span::ZERO });
    lab.control.add_fault(&evict.named("evict")).await.unwrap();
    // Running ones only: the crashed ones stay.
    while kube.nodes() > 3 {
        assert!(Instant::now() < deadline, "{}", kube.nodes());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let ended = lab.fact("evicted all", |k| matches!(k, FactKind::FaultEnded { id, .. } if id == "evict")).await;
    assert!(matches!(ended.kind, FactKind::FaultEnded { applied: 7, .. }));
    assert!(lab.control.faults().await.unwrap().is_empty(), "they act once");
}

/// That many VMs in two pools, all with a Ready Node.
async fn fleet(lab: &Lab, of_web: usize, of_batch: usize) {
    let pools = [("web", of_web), ("batch", of_batch)];
    for (pool, count) in pools {
        for n in 0..count {
            let name = format!("{pool}-{n}");
            let mut body = crate::support::machine_body(&name, "Standard_D4s_v5", true);
            body["properties"]["kubernetes"]["nodeLabels"]["karpenter.sh/nodepool"] = pool.into();
            lab.put(&lab.machine(&name), &body).await;
            lab.fact("ready", |k| matches!(k, FactKind::NodeReady { .. }) && of(&name, k)).await;
        }
    }
}

/// The machines that the fault of this name hit.
async fn hit_by(lab: &Lab, fault: &str) -> Vec<String> {
    let mut all = lab.control.vms().await.unwrap();
    all.retain(|r| r.faults.iter().any(|f| f == fault));
    all.into_iter().map(|r| r.vm.machine.clone()).collect()
}

fn pool(name: &str) -> VmSelector {
    VmSelector { nodepool: Some(name.to_owned()), ..VmSelector::default() }
}

#[tokio::test]
async fn a_count_is_how_many_vms_crash_and_the_seed_chooses_them() {
    let mut chosen = Vec::new();
    for _ in 0..2 {
        let kube = FakeKube::default();
        let lab = Lab::start(instant(), Some(kube.client())).await;
        fleet(&lab, 8, 3).await;
        let crash = Fault::new(FaultKind::VmCrash { only: pool("web"), share: Share(1.0) }).times(3).named("crash");
        lab.control.add_fault(&crash).await.unwrap();
        let hit = hit_by(&lab, "crash").await;
        assert_eq!(hit.len(), 3);
        assert!(hit.iter().all(|name| name.starts_with("web-")), "{hit:?}");
        let nine = Fault::new(FaultKind::VmCrash { only: pool("batch"), share: Share(1.0) }).times(9).named("nine");
        let refused = lab.control.add_fault(&nine).await.unwrap_err().to_string();
        assert!(refused.contains("3 running VMs match fault `nine`, which acts on at least 9"), "{refused}");
        assert_eq!(hit_by(&lab, "nine").await.len(), 0, "in silence it acted on three");
        lab.control.add_fault(&nine.at_least(2)).await.unwrap();
        assert_eq!(hit_by(&lab, "nine").await.len(), 3);
        let ended = lab.fact("over", |k| matches!(k, FactKind::FaultEnded { id, .. } if id == "crash")).await;
        assert!(matches!(ended.kind, FactKind::FaultEnded { applied: 3, .. }));
        chosen.push(hit);
    }
    assert_eq!(chosen[0], chosen[1]);
}

fn condition(only: VmSelector, kind: &str, status: ConditionStatus) -> Fault {
    Fault::new(FaultKind::NodeCondition { only, condition: kind.to_owned(), status, share: Share(1.0) })
}

const HEALTHY: &str = "kubernetes.azure.com/NodeHealthy";

#[tokio::test]
async fn a_condition_reaches_as_many_nodes_and_stays() {
    let kube = FakeKube::default();
    let lab = Lab::start(instant(), Some(kube.client())).await;
    fleet(&lab, 4, 1).await;
    let sick = condition(pool("web"), HEALTHY, ConditionStatus::False).times(2).named("sick");
    lab.control.add_fault(&sick).await.unwrap();
    let hit = hit_by(&lab, "sick").await;
    assert_eq!(hit.len(), 2);
    let (one, two) = (lab.vm_name(&hit[0]).await, lab.vm_name(&hit[1]).await);
    shows(&kube, &one, HEALTHY, "False").await;
    shows(&kube, &two, HEALTHY, "False").await;
    let node = kube.node(&one).unwrap();
    let written = node["status"]["conditions"].as_array().unwrap().iter().find(|c| c["type"] == HEALTHY).unwrap();
    let since: jiff::Timestamp = written["lastTransitionTime"].as_str().unwrap().parse().unwrap();
    assert!(jiff::Timestamp::now().duration_since(since).as_secs() < 60, "{written}");
    assert!(written["reason"].as_str().is_some_and(|reason| !reason.is_empty()));
    let facts = lab.sim.facts().after(0).facts;
    let matching = facts.iter().filter(
        |f| matches!(&f.kind, FactKind::NodeCondition { condition, status, .. } if condition == HEALTHY && status == "False"),
    );
    assert_eq!(matching.count(), 2);

    // The simulator's own writes leave it alone.
    lab.control.crash(&hit[0]).await.unwrap();
    shows(&kube, &one, "Ready", "Unknown").await;
    lab.control.restart(&hit[0]).await.unwrap();
    shows(&kube, &one, "Ready", "True").await;
    assert_eq!(kube.condition(&one, HEALTHY).unwrap(), "False");
    let others = lab.control.vms().await.unwrap();
    for other in others.iter().filter(|r| r.faults.is_empty()) {
        assert_eq!(kube.condition(&other.vm.name, HEALTHY), None);
    }

    // The agent may find the node healthy again.
    let only = VmSelector { vm: Some(hit[0].clone()), ..VmSelector::default() };
    lab.control.add_fault(&condition(only, HEALTHY, ConditionStatus::True)).await.unwrap();
    shows(&kube, &one, HEALTHY, "True").await;
    assert_eq!(kube.condition(&two, HEALTHY).unwrap(), "False");
}

#[tokio::test]
async fn a_ready_condition_of_an_agent_beats_the_kubelet_until_the_vm_is_replaced() {
    let kube = FakeKube::default();
    let lab = Lab::start(instant(), Some(kube.client())).await;
    fleet(&lab, 1, 0).await;
    let name = lab.vm_name("web-0").await;
    lab.control.add_fault(&condition(every(), "Ready", ConditionStatus::False)).await.unwrap();
    shows(&kube, &name, "Ready", "False").await;
    lab.control.crash("web-0").await.unwrap();
    shows(&kube, &name, "Ready", "Unknown").await;
    lab.control.restart("web-0").await.unwrap();
    shows(&kube, &name, "MemoryPressure", "False").await;
    shows(&kube, &name, "Ready", "False").await;
    lab.delete_machines(&["web-0"]).await;
    lab.fact("node gone", |k| matches!(k, FactKind::NodeDeleted { .. })).await;
    lab.create("web-0", "Standard_D4s_v5", true).await;
    until_node(&kube, &name).await;
    assert_eq!(kube.condition(&name, "Ready").unwrap(), "True");
}

#[tokio::test]
async fn a_condition_of_a_vm_that_has_no_node_yet_is_refused() {
    let lab = Lab::start(instant(), None).await;
    lab.create("web-1", "Standard_D4s_v5", false).await;
    lab.fact("booted", |k| matches!(k, FactKind::VmBooted { .. })).await;
    let error = lab.control.add_fault(&condition(every(), HEALTHY, ConditionStatus::False)).await.unwrap_err();
    assert!(error.to_string().contains("no running VM"), "{error}");
}

async fn shows(kube: &FakeKube, node: &str, kind: &str, status: &str) {
    let deadline = Instant::now() + crate::support::ANSWER.get();
    while kube.condition(node, kind).as_deref() != Some(status) {
        assert!(Instant::now() < deadline, "{node}: {kind} is {:?}, not {status}", kube.condition(node, kind));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn until_node(kube: &FakeKube, node: &str) {
    let deadline = Instant::now() + crate::support::ANSWER.get();
    while kube.node(node).is_none() {
        assert!(Instant::now() < deadline, "no Node {node}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn a_fault_that_would_do_nothing_is_an_error() {
    let lab = Lab::start(instant(), None).await;
    let kind = FaultKind::SpotEvict {
        only: VmSelector { vm: Some("no-such".into()), ..every() },
        share: Share::WHOLE,
        notice: Span::ZERO,
    };
    let error = lab.control.add_fault(&Fault::new(kind)).await.unwrap_err();
    assert!(error.to_string().contains("no running VM"), "{error}");
    assert!(lab.control.faults().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_share_of_few_vms_acts_on_at_least_as_many_as_it_must() {
    let kube = FakeKube::default();
    let lab = Lab::start(instant(), Some(kube.client())).await;
    fleet(&lab, 4, 0).await;
    let crash = |name: &str| Fault::new(FaultKind::VmCrash { only: every(), share: Share(0.1) }).named(name);
    lab.control.add_fault(&crash("one")).await.unwrap();
    assert_eq!(hit_by(&lab, "one").await.len(), 1);
    lab.control.add_fault(&crash("two").at_least(2)).await.unwrap();
    assert_eq!(hit_by(&lab, "two").await.len(), 2);
    let refused = lab.control.add_fault(&crash("three").at_least(2)).await.unwrap_err().to_string();
    assert!(refused.contains("1 running VM matches fault `three`, which acts on at least 2"), "{refused}");
}

#[tokio::test]
async fn an_eviction_prefers_vms_without_a_notice_and_no_vm_gets_two() {
    let kube = FakeKube::default();
    let lab = Lab::start(instant(), Some(kube.client())).await;
    fleet(&lab, 3, 0).await;
    let evict = |notice, name: &str| {
        Fault::new(FaultKind::SpotEvict { only: every(), share: Share::WHOLE, notice: Span::from_secs(notice) })
            .named(name)
    };
    lab.control.add_fault(&evict(30, "notice").times(2)).await.unwrap();
    let noticed = hit_by(&lab, "notice").await;
    assert_eq!(noticed.len(), 2);
    // A second notice would do nothing, and was counted nevertheless.
    let refused = lab.control.add_fault(&evict(30, "again").times(2)).await.unwrap_err().to_string();
    assert!(refused.contains("1 running VM"), "{refused}");
    lab.control.add_fault(&evict(0, "surprise").times(1)).await.unwrap();
    let surprised = hit_by(&lab, "surprise").await;
    assert!(surprised.len() == 1 && !noticed.contains(&surprised[0]), "{surprised:?} of {noticed:?}");
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
async fn a_seed_means_the_same_after_the_behaviour_was_set_again() {
    let lab = Lab::start(instant(), None).await;
    let fault = Fault::new(FaultKind::NeverRegister { only: every(), share: Share(0.5) });
    let behaviour = Behaviour { seed: 11, faults: vec![fault], ..Behaviour::instant() };
    let mut hit = Vec::new();
    for round in ["a", "b"] {
        lab.control.set_behaviour(&behaviour).await.unwrap();
        for n in 0..8 {
            let name = format!("{round}-{n}");
            lab.create(&name, "Standard_D4s_v5", false).await;
            lab.fact("booted", |k| matches!(k, FactKind::VmBooted { .. }) && of(&name, k)).await;
        }
        let faults = hit_by(&lab, "fault-1").await;
        let faults: Vec<String> =
            faults.iter().filter_map(|name| name.strip_prefix(round)).map(str::to_owned).collect();
        assert!(!faults.is_empty(), "{round}");
        hit.push(faults);
    }
    // On a cluster that stays, the second run had other draws than the first.
    assert_eq!(hit[0], hit[1]);
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
    let lab = Lab::start(instant(), None).await;
    let subnet = format!("{}/providers/Microsoft.Network/virtualNetworks/aks-vnet/subnets/small", lab.node_group());
    lab.put(&subnet, &json!({"properties": {"addressPrefix": "10.230.0.0/29"}})).await;
    let create = async |machine: &str| {
        let mut body = machine_body(machine, "Standard_D4s_v5", false);
        body["properties"]["network"]["vnetSubnetID"] = json!(subnet);
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
}

#[tokio::test]
async fn answers_that_no_client_expects() {
    let lab = Lab::start(instant(), None).await;
    let id = lab.machine("web-1");
    lab.control
        .add_fault(&fault(json!({"badAnswer": {"answer": "empty", "operation": "machines.put"}, "count": 1})))
        .await
        .unwrap();
    let put = lab.create("web-1", "Standard_D4s_v5", false).await;
    assert_eq!((put.status, &put.body), (200, &serde_json::Value::Null));
    // It was done nevertheless.
    assert_eq!(lab.get(&id).await.status, 200);
    lab.control.add_fault(&fault(json!({"badAnswer": {"answer": "missingApiVersion"}, "id": "bad"}))).await.unwrap();
    let refused = lab.create("web-2", "Standard_D4s_v5", false).await;
    assert_eq!((refused.status, refused.code()), (400, "MissingApiVersionParameter"));
    lab.control.remove_fault("bad").await.unwrap();
    assert_eq!(lab.get(&lab.machine("web-2")).await.status, 404, "and this was not");
}

#[tokio::test]
async fn a_zone_goes_away_with_its_vms_and_comes_back() {
    let kube = FakeKube::default();
    let lab = Lab::start(instant(), Some(kube.client())).await;
    let elsewhere = |machine: &str| {
        let mut body = machine_body(machine, "Standard_D4s_v5", false);
        body["zones"] = json!(["2"]);
        body
    };
    lab.create("web-1", "Standard_D4s_v5", false).await;
    lab.put(&lab.machine("web-2"), &elsewhere("web-2")).await;
    for machine in ["web-1", "web-2"] {
        lab.fact("ready", |k| matches!(k, FactKind::NodeReady { .. }) && of(machine, k)).await;
    }
    lab.control.crash("web-2").await.unwrap();
    lab.control.restart("web-2").await.unwrap();
    lab.control.add_fault(&fault(json!({"zoneOutage": {"zone": "1"}, "id": "dark"}))).await.unwrap();
    lab.fact("stopped", |k| matches!(k, FactKind::VmCrashed { .. }) && of("web-1", k)).await;
    let state = async |machine: &str| lab.control.vm(machine).await.unwrap().state;
    assert_eq!((state("web-1").await, state("web-2").await), (VmState::Stopped, VmState::Running));
    // Nothing new comes up there, and elsewhere it does.
    lab.create("web-3", "Standard_D4s_v5", false).await;
    let failed = lab.fact("refused", |k| matches!(k, FactKind::ProvisioningFailed { .. }) && of("web-3", k)).await;
    assert!(matches!(failed.kind, FactKind::ProvisioningFailed { code, .. } if code == "ZonalAllocationFailed"));
    lab.put(&lab.machine("web-4"), &elsewhere("web-4")).await;
    lab.fact("booted", |k| matches!(k, FactKind::VmBooted { .. }) && of("web-4", k)).await;
    lab.control.remove_fault("dark").await.unwrap();
    lab.fact("back", |k| matches!(k, FactKind::VmRestarted { .. }) && of("web-1", k)).await;
    assert_eq!(state("web-1").await, VmState::Running);
}
