//! What happens to VMs that run.

use std::time::{Duration, Instant};

use harness_azure::FactKind;
use harness_azure::control::VmState;
use harness_simulation::{Behaviour, ConditionStatus, Fault, FaultKind, VmSelector};
use harness_testing::{limits, wait_for};
use harness_units::{Share, Span};
use serde_json::json;

use super::{every, fault, hit_by};
use crate::fake_kube::FakeKube;
use crate::support::{Lab, instant, machine_body, of};

/// A condition that AKS's agents report.
const HEALTHY: &str = "kubernetes.azure.com/NodeHealthy";

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
    // Before, only the creation counted: an outage that stopped ten VMs was reported as applied 0 times.
    let ended = lab.fact("over", |k| matches!(k, FactKind::FaultEnded { id, .. } if id == "dark")).await;
    assert!(matches!(ended.kind, FactKind::FaultEnded { applied: 2, .. }), "a VM and a creation: {ended:?}");
    lab.fact("back", |k| matches!(k, FactKind::VmRestarted { .. }) && of("web-1", k)).await;
    assert_eq!(state("web-1").await, VmState::Running);
}

async fn state(lab: &Lab, machine: &str) -> VmState {
    lab.control.vm(machine).await.unwrap().state
}

/// A VM with a Ready Node in zone 1 and one in zone 2.
async fn one_in_each_of_two_zones(lab: &Lab) {
    lab.create("web-1", "Standard_D4s_v5", false).await;
    let mut body = machine_body("web-2", "Standard_D4s_v5", false);
    body["zones"] = json!(["2"]);
    lab.put(&lab.machine("web-2"), &body).await;
    for machine in ["web-1", "web-2"] {
        lab.fact("ready", |k| matches!(k, FactKind::NodeReady { .. }) && of(machine, k)).await;
    }
}

/// How often a VM was stopped and started.
fn stops_and_starts(lab: &Lab, machine: &str) -> (usize, usize) {
    let facts = lab.sim.facts().after(0).facts;
    let number = |is: fn(&FactKind) -> bool| facts.iter().filter(|f| is(&f.kind) && of(machine, &f.kind)).count();
    (number(|k| matches!(k, FactKind::VmCrashed { .. })), number(|k| matches!(k, FactKind::VmRestarted { .. })))
}

/// Before, the outage of zone 1 went on for as long as any fault was called `dark`: it stopped each new VM, and its VMs did not come back.
#[tokio::test]
async fn an_outage_ends_when_another_takes_its_name() {
    let kube = FakeKube::default();
    let lab = Lab::start(instant(), Some(kube.client())).await;
    one_in_each_of_two_zones(&lab).await;
    let outage = |zone: &str| fault(json!({"zoneOutage": {"zone": zone}, "id": "dark"}));
    lab.control.add_fault(&outage("1")).await.unwrap();
    assert_eq!((state(&lab, "web-1").await, state(&lab, "web-2").await), (VmState::Stopped, VmState::Running));
    lab.control.add_fault(&outage("2")).await.unwrap();
    assert_eq!((state(&lab, "web-1").await, state(&lab, "web-2").await), (VmState::Running, VmState::Stopped));
    lab.create("web-3", "Standard_D4s_v5", false).await;
    lab.fact("ready", |k| matches!(k, FactKind::NodeReady { .. }) && of("web-3", k)).await;
    lab.control.remove_fault("dark").await.unwrap();
    assert_eq!(state(&lab, "web-2").await, VmState::Running);
    assert_eq!(stops_and_starts(&lab, "web-3"), (0, 0));
}

/// Before, it went on where the next behaviour had a fault without a name, too, which got the same one from the simulator.
#[tokio::test]
async fn an_outage_ends_with_its_behaviour() {
    let kube = FakeKube::default();
    let lab = Lab::start(instant(), Some(kube.client())).await;
    one_in_each_of_two_zones(&lab).await;
    for (unnamed, expected) in
        [(json!({"zoneOutage": {"zone": "1"}}), VmState::Stopped), (json!({"throttle": {}}), VmState::Running)]
    {
        let behaviour = Behaviour { faults: vec![fault(unnamed)], ..instant() };
        lab.control.set_behaviour(&behaviour).await.unwrap();
        assert_eq!(lab.control.faults().await.unwrap()[0].fault.terms.id, "fault-1");
        assert_eq!(state(&lab, "web-1").await, expected);
    }
}

/// Before, the end of the first started the VMs, and the second stopped them again.
#[tokio::test]
async fn a_zone_is_back_when_its_last_outage_is_over() {
    let kube = FakeKube::default();
    let lab = Lab::start(instant(), Some(kube.client())).await;
    one_in_each_of_two_zones(&lab).await;
    lab.control.crash("web-2").await.unwrap();
    for written in [
        json!({"zoneOutage": {"zone": "1"}, "id": "first"}),
        json!({"zoneOutage": {"zone": "eastus-1"}, "id": "second"}),
        json!({"zoneOutage": {"zone": "2"}, "id": "other"}),
    ] {
        lab.control.add_fault(&fault(written)).await.unwrap();
    }
    lab.control.remove_fault("first").await.unwrap();
    // What is started by hand stops again.
    lab.control.restart("web-1").await.unwrap();
    assert_eq!(state(&lab, "web-1").await, VmState::Stopped);
    lab.control.remove_fault("second").await.unwrap();
    assert_eq!(state(&lab, "web-1").await, VmState::Running);
    assert_eq!(stops_and_starts(&lab, "web-1"), (2, 2), "by the outage, by hand, again by the outage, by its end");
    // Somebody else had stopped it.
    lab.control.remove_fault("other").await.unwrap();
    assert_eq!(state(&lab, "web-2").await, VmState::Stopped);
    let short = json!({"zoneOutage": {"zone": "1"}, "id": "short", "for": "20ms"});
    lab.control.add_fault(&fault(short)).await.unwrap();
    wait_for("the zone is back by itself", limits::ANSWER, async || match stops_and_starts(&lab, "web-1") {
        (3, 3) => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
}
