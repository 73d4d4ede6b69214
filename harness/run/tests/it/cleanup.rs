//! The cleanup when something is in its way, and what it restores.

use harness_record::event::{AzureFactKind, EndReason, PhaseOutcome};
use harness_record::{Event, EventKind, ExitCode};
use serde_json::{Value, json};

use crate::lab::{Lab, Ran};
use crate::plans::{self, of_phases};

fn action(id: u32, action: &Value) -> Value {
    json!({"id": id, "atUs": 0, "action": action})
}

/// Does something when a phase starts.
async fn run_when(lab: &Lab, phases: &[Value], phase: &'static str, act: impl Fn() + Send + 'static) -> Ran {
    let on_event = move |event: &Event| {
        if matches!(&event.kind, EventKind::PhaseBegan { phase: began } if began == phase) {
            act();
        }
    };
    let ran = lab.run_with(&of_phases(phases), on_event).await;
    ran.assert_well_formed();
    ran
}

#[tokio::test(start_paused = true)]
async fn objects_that_flux_does_not_prune_are_deleted_directly() {
    let lab = Lab::start();
    let api = lab.api.clone();
    let suspend =
        move || api.merge("Kustomization", "flux-system", "node-config", "", &json!({"spec": {"suspend": true}}));
    let ran = run_when(&lab, &[plans::up()], "cleanup", suspend).await;
    let (began_us, ended_us, outcome, detail) = ran.phase("cleanup");
    assert_eq!(outcome, PhaseOutcome::Reached);
    assert!(detail.contains("Flux has not applied the original tree"), "{detail}");
    // The limit of Flux, then the grace period of the pruning, then the time in which nodes are deleted.
    assert!((50_000_000..75_000_000).contains(&(ended_us - began_us)), "{} us", ended_us - began_us);
    assert_eq!(lab.leaks_of(&ran).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_cannot_be_deleted_is_a_leak_and_the_cleanup_ends_nevertheless() {
    let lab = Lab::start();
    let api = lab.api.clone();
    let hold = move || {
        let finalizers = json!({"metadata": {"finalizers": ["example.com/for-ever"]}});
        api.merge("NodePool", "", "web", "", &finalizers);
    };
    let ran = run_when(&lab, &[plans::up()], "up", hold).await;
    assert_eq!(ran.leaks(), ["NodePool web"]);
    let (began_us, ended_us, outcome, _) = ran.phase("cleanup");
    assert_eq!(outcome, PhaseOutcome::DeadlinePassed);
    assert!((120_000_000..130_000_000).contains(&(ended_us - began_us)), "{} us", ended_us - began_us);
    assert_eq!(ran.ended().0, EndReason::Completed);
    assert_ne!(ran.result().exit_code, ExitCode::Passed, "a leak is not a success");
}

#[tokio::test(start_paused = true)]
async fn a_component_that_the_plan_leaves_dead_runs_again() {
    let lab = Lab::start();
    let kill = action(0, &json!({"killComponent": "karpenter"}));
    let ran = lab.run(&of_phases(&[json!({"name": "dead", "actions": [kill], "for": "1s"})])).await;
    ran.assert_well_formed();
    assert_eq!(lab.components.orders(), ["kill karpenter", "restart karpenter"]);
    assert!(lab.components.runs("karpenter"));
}

#[tokio::test(start_paused = true)]
async fn a_component_that_runs_again_is_left_alone() {
    let lab = Lab::start();
    let actions =
        [action(0, &json!({"killComponent": "karpenter"})), action(1, &json!({"startComponent": "karpenter"}))];
    let ran = lab.run(&of_phases(&[json!({"name": "restart", "actions": actions, "for": "1s"})])).await;
    ran.assert_well_formed();
    assert_eq!(lab.components.orders(), ["kill karpenter", "restart karpenter"]);
}

#[tokio::test(start_paused = true)]
async fn faults_of_azure_end_with_the_run() {
    let lab = Lab::start();
    let slow = action(0, &json!({"azureFault": {"slowBoot": {"factor": 3.0}}}));
    let ran = lab.run(&of_phases(&[json!({"name": "slow", "actions": [slow], "for": "1s"})])).await;
    ran.assert_well_formed();
    let began = ran.events.iter().filter_map(|event| match &event.kind {
        EventKind::Azure(fact) if fact.what == AzureFactKind::FaultBegan => Some((event.at_us, fact.message.as_str())),
        _ => None,
    });
    let (began_us, ended_us, ..) = ran.phase("slow");
    let began: Vec<(u64, &str)> = began.collect();
    assert!(
        matches!(began[..], [(at_us, message)] if (began_us..ended_us).contains(&at_us) && message.starts_with("slowBoot")),
        "{began:?}"
    );
    assert!(lab.control.faults().await.unwrap().is_empty());
    assert_eq!(lab.leaks_of(&ran).await, [""; 0]);
}

/// They were in force while the run was prepared, and one that lasts 15 s could be over before the first pod was asked for.
#[tokio::test(start_paused = true)]
async fn faults_of_the_behaviour_start_with_the_first_phase() {
    let lab = Lab::start();
    let mut plan = of_phases(&[
        json!({"name": "first", "actions": [plans::scale(0, 0, 0, 1)], "for": "20s"}),
        json!({"name": "second", "actions": [], "for": "1s"}),
    ]);
    let faults = json!([{"slowBoot": {"factor": 3.0}, "for": "15s"}, {"throttle": {"operation": "skus.list"}}]);
    plan.azure.faults = serde_json::from_value(faults).unwrap();
    let ran = lab.run(&plan).await;
    ran.assert_well_formed();
    let moments = |what: AzureFactKind| {
        let facts = ran.events.iter().filter_map(move |event| match &event.kind {
            EventKind::Azure(fact) if fact.what == what => Some((fact.occurred_us, fact.message.clone())),
            _ => None,
        });
        facts.collect::<Vec<_>>()
    };
    let (began_us, ended_us, ..) = ran.phase("first");
    let began = moments(AzureFactKind::FaultBegan);
    assert!(
        matches!(&began[..], [(_, slow), (_, throttle)] if slow.starts_with("slowBoot") && throttle.starts_with("throttle")),
        "{began:?}"
    );
    assert!(began.iter().all(|(at_us, _)| (began_us..began_us + 100_000).contains(at_us)), "{began_us} {began:?}");
    let over = moments(AzureFactKind::FaultEnded);
    assert!((began_us + 14_900_000..ended_us).contains(&over[0].0), "{began_us} {over:?}");
    // It was in force for the VM of the first action, whose boot takes three times as long.
    let booted = moments(AzureFactKind::VmBooted);
    let accepted = moments(AzureFactKind::VmAccepted);
    let boot_us = booted[0].0 - accepted[0].0;
    assert!(boot_us >= 3 * plans::BOOT_S * 900_000, "{boot_us}");
    assert!(lab.control.faults().await.unwrap().is_empty());
    assert_eq!(lab.leaks_of(&ran).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn the_intervals_of_flux_are_restored() {
    let lab = Lab::start();
    let mut plan = of_phases(&[plans::hold()]);
    plan.gitops = Some(serde_json::from_value(json!({"sourceInterval": "5s", "interval": "7s"})).unwrap());
    let api = lab.api.clone();
    let (sender, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let interval = |api: &crate::api::ApiServer, kind: &str| {
        api.get(kind, "flux-system", "node-config").unwrap()["spec"]["interval"].as_str().unwrap().to_owned()
    };
    let on_event = move |event: &Event| {
        if matches!(&event.kind, EventKind::PhaseBegan { phase } if phase == "hold") {
            sender.send((interval(&api, "GitRepository"), interval(&api, "Kustomization"))).unwrap();
        }
    };
    lab.run_with(&plan, on_event).await.assert_well_formed();
    assert_eq!(seen.recv().await, Some(("5s".to_owned(), "7s".to_owned())));
    assert_eq!(interval(&lab.api, "GitRepository"), "1m0s");
    assert_eq!(interval(&lab.api, "Kustomization"), "1m0s");
}
