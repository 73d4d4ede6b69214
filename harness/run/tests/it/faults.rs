//! Faults that the run aims and clears: the simulated Azure knows VMs, the run knows whose pods are on them.

use harness_record::EventKind;
use harness_record::event::{AzureFact, AzureFactKind};
use harness_simulation::Distribution;
use harness_units::Span;
use serde_json::{Value, json};

use crate::lab::{Lab, Ran};
use crate::plans::{of_phases, up};

fn fault(id: u32, what: &Value) -> Value {
    json!({"id": id, "atUs": 0, "action": {"azureFault": what}})
}

fn clear(id: u32, what: &Value) -> Value {
    json!({"id": id, "atUs": 500_000, "action": {"clearAzureFaults": what}})
}

fn facts(ran: &Ran, what: AzureFactKind) -> Vec<&AzureFact> {
    let facts = ran.events.iter().filter_map(|event| match &event.kind {
        EventKind::Azure(fact) if fact.what == what => Some(fact),
        _ => None,
    });
    facts.collect()
}

#[tokio::test(start_paused = true)]
async fn a_fault_aimed_at_a_workload_acts_on_as_many_of_its_nodes_as_asked_for() {
    let lab = Lab::start();
    let crash = fault(1, &json!({"vmCrash": {}, "workload": "web", "count": 1}));
    let ran = lab.run(&of_phases(&[up(), json!({"name": "crash", "actions": [crash], "for": "5s"})])).await;
    ran.assert_well_formed();
    assert_eq!(ran.action(1).error, None);
    let crashed = facts(&ran, AzureFactKind::VmCrashed);
    assert_eq!(crashed.len(), 1, "{crashed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_cannot_act_is_an_error_of_its_action_and_says_what_there_is() {
    let lab = Lab::start();
    let three = fault(1, &json!({"vmCrash": {}, "workload": "web", "count": 3}));
    let nobody = fault(2, &json!({"vmCrash": {}, "workload": "cache"}));
    let ran = lab.run(&of_phases(&[up(), json!({"name": "crash", "actions": [three, nobody], "for": "5s"})])).await;
    ran.assert_well_formed();
    // Five pods need two nodes. Two VMs crashed without a word.
    let error = ran.action(1).error.as_deref().unwrap();
    assert!(error.contains("2 running VMs match") && error.contains("acts on at least 3"), "{error}");
    let error = ran.action(2).error.as_deref().unwrap();
    assert!(error.contains("no node has a Ready pod of cache"), "{error}");
    assert!(facts(&ran, AzureFactKind::VmCrashed).is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_fault_is_cleared_and_the_others_stay_until_the_run_ends() {
    let lab = Lab::start();
    let first = fault(1, &json!({"slowBoot": {"factor": 3.0}, "id": "slow"}));
    let second = fault(2, &json!({"throttle": {"share": 0.5}, "id": "busy"}));
    let cleared = clear(3, &json!({"id": "slow"}));
    // It has ended by itself.
    let again = json!({"id": 4, "atUs": 700_000, "action": {"clearAzureFaults": {"id": "slow"}}});
    let phase = json!({"name": "slow", "actions": [first, second, cleared, again], "for": "2s"});
    let ran = lab.run(&of_phases(&[phase])).await;
    ran.assert_well_formed();
    assert_eq!((ran.action(3).error.as_ref(), ran.action(4).error.as_ref()), (None, None));
    let (began_us, ended_us, ..) = ran.phase("slow");
    let ended = ran.events.iter().filter_map(|event| match &event.kind {
        EventKind::Azure(fact) if fact.what == AzureFactKind::FaultEnded => Some((event.at_us, fact.message.as_str())),
        _ => None,
    });
    let in_phase: Vec<&str> =
        ended.filter(|(at_us, _)| (began_us..ended_us).contains(at_us)).map(|(_, message)| message).collect();
    assert!(matches!(in_phase[..], [message] if message.starts_with("slowBoot")), "{in_phase:?}");
}

/// Before, the first upgrade was an error of the harness, after it had waited for a version that nobody announced, and the second went to 1.36.5.
#[tokio::test(start_paused = true)]
async fn an_upgrade_that_fails_is_carried_out_and_the_next_goes_to_the_same_version() {
    let lab = Lab::start();
    let broken = json!({"clusterOperationFail": {"code": "ControlPlaneUpgradeFailed"}, "count": 1});
    let upgrade = |id: u32, at_us: u64| json!({"id": id, "atUs": at_us, "action": {"upgradeKubernetes": {}}});
    let actions = [fault(1, &broken), upgrade(2, 100_000), upgrade(3, 5_000_000)];
    let mut plan = of_phases(&[up(), json!({"name": "upgrade", "actions": actions, "for": "10s"})]);
    plan.azure.operations.upgrade = Some(Distribution::Constant(Span::from_secs(2)));
    let ran = lab.run(&plan).await;
    ran.assert_well_formed();
    assert_eq!((&ran.action(2).error, &ran.action(3).error), (&None, &None));
    let mut announced = lab.components.orders();
    announced.retain(|order| order.starts_with("version "));
    assert_eq!(announced, ["version 1.36.4", "version 1.36.3"], "the second upgrade, and the cleanup");
}
