//! Boots and deletions that take longer, or never end.

use harness_azure::FactKind;
use harness_azure::control::VmState;
use harness_simulation::{Behaviour, Distribution, Fault, FaultKind, Leg, VmSelector};
use harness_units::{Factor, Share, Span};

use super::{every, family, hit_by};
use crate::fake_kube::FakeKube;
use crate::support::{Lab, instant, of};

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
