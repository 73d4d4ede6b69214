//! The events of each end of a run, and their order.

use std::time::Duration;

use harness_plan::Capability;
use harness_record::EventKind;
use harness_record::event::{EndReason, PhaseOutcome};
use harness_run::RunError;
use serde_json::json;

use crate::api::{Effect, Fault, Verb};
use crate::lab::Lab;
use crate::plans::{self, of_phases};

#[tokio::test(start_paused = true)]
async fn a_capability_that_the_target_lacks_is_named_and_nothing_is_done() {
    let lab = Lab::start();
    let mut plan = plans::burst();
    plan.needs.insert(Capability::MetricsApi);
    let ran = lab.run(&plan).await;
    ran.assert_well_formed();
    assert_eq!(ran.ended(), (EndReason::NotRun, "needs metrics-api"));
    assert!(ran.phases().is_empty(), "{:?}", ran.phases());
    assert_eq!(lab.api.calls().len(), 0);
    assert_eq!(lab.leaks_of(&ran).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_component_that_dies_ends_the_phase_and_the_run_without_a_cleanup() {
    let lab = Lab::start();
    let components = lab.components.clone();
    let ran = lab
        .run_with(&plans::burst(), move |event| {
            if matches!(&event.kind, EventKind::PhaseBegan { phase } if phase == "hold") {
                components.die("karpenter");
            }
        })
        .await;
    ran.assert_well_formed();
    let (reason, detail) = ran.ended();
    assert_eq!(reason, EndReason::TargetFailed);
    assert!(detail.contains("karpenter died (exit status: 2)") && detail.contains("out of ideas"), "{detail}");
    assert_eq!(ran.phases().last().unwrap(), &("hold".to_owned(), Some(PhaseOutcome::Cancelled)));
}

#[tokio::test(start_paused = true)]
async fn a_preparation_that_fails_is_cleaned_up() {
    let lab = Lab::start();
    lab.api.fault(Fault::on(Effect::Refuse { code: 500, retry_after_s: None }, Verb::Create, "Deployment"));
    let ran = lab.run(&plans::burst()).await;
    ran.assert_well_formed();
    let (reason, detail) = ran.ended();
    assert_eq!(reason, EndReason::TargetFailed);
    assert!(detail.starts_with("cannot create the Deployment harness-r1/web"), "{detail}");
    let phases = [("prepare", PhaseOutcome::Cancelled), ("cleanup", PhaseOutcome::Reached)];
    assert_eq!(ran.phases(), phases.map(|(name, outcome)| (name.to_owned(), Some(outcome))));
    assert_eq!(lab.leaks_of(&ran).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_tree_that_does_not_become_healthy_ends_the_preparation_and_no_phase_starts() {
    let lab = Lab::start();
    let mut plan = plans::burst();
    // A second pool that the tree does not have: its health check never passes.
    plan.node_config.classes.push(plan.node_config.classes[0].clone());
    plan.node_config.classes[1].name = "batch".to_owned();
    let ran = lab.run(&plan).await;
    ran.assert_well_formed();
    let (began_us, ended_us, outcome, detail) = ran.phase("prepare");
    assert_eq!(outcome, PhaseOutcome::DeadlinePassed);
    assert!(detail.contains("applied, its health checks have not passed"), "{detail}");
    assert!((150_000_000..152_000_000).contains(&(ended_us - began_us)), "{} us", ended_us - began_us);
    let names: Vec<String> = ran.phases().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["prepare", "cleanup"]);
    assert_eq!(ran.ended().0, EndReason::Completed);
    assert_eq!(lab.leaks_of(&ran).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_its_phase_to_the_microsecond_and_the_next_one_follows() {
    let lab = Lab::start();
    let never = json!({
        "name": "never", "actions": [], "within": "10s",
        "until": {"ready-pods": {"workload": "web", "atLeast": 99}},
    });
    let ran = lab.run(&of_phases(&[plans::up(), never, plans::down()])).await;
    ran.assert_well_formed();
    let (began_us, ended_us, outcome, detail) = ran.phase("never");
    assert_eq!(outcome, PhaseOutcome::DeadlinePassed);
    assert_eq!(detail, "5 Ready pods of web");
    assert!((10_000_000..10_002_000).contains(&(ended_us - began_us)), "{} us", ended_us - began_us);
    assert_eq!(ran.phase("down").2, PhaseOutcome::Reached);
    assert_eq!(ran.ended().0, EndReason::Completed);
}

#[tokio::test(start_paused = true)]
async fn an_action_that_is_still_due_passes_the_deadline() {
    let lab = Lab::start();
    let late = json!({
        "name": "late", "actions": [plans::scale(0, 20_000, 0, 1)], "until": "no-pods", "within": "10s",
    });
    let ran = lab.run(&of_phases(&[late])).await;
    let (.., outcome, detail) = ran.phase("late");
    assert_eq!((outcome, detail), (PhaseOutcome::DeadlinePassed, "an action was still due or not answered"));
    let sent =
        ran.events.iter().any(|event| matches!(event.kind, EventKind::Action(ref it) if it.what.id() == Some(0)));
    assert!(!sent, "an action that is due after the deadline is not sent");
}

#[tokio::test(start_paused = true)]
async fn a_log_that_is_removed_ends_the_run_and_the_cluster_is_cleaned_up() {
    let lab = Lab::start();
    let log = lab.next_out().join("events.jsonl");
    let ran = lab
        .run_with(&plans::burst(), move |event| {
            if matches!(&event.kind, EventKind::PhaseBegan { phase } if phase == "up") {
                std::fs::remove_file(&log).unwrap();
            }
        })
        .await;
    assert!(matches!(ran.returned, Err(RunError::LogRemoved { .. })), "{:?}", ran.returned);
    assert_eq!(lab.leaks_of(&ran).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_exists_already_is_not_touched() {
    let lab = Lab::start();
    let out = lab.next_out();
    std::fs::create_dir_all(&out).unwrap();
    std::fs::write(out.join("events.jsonl"), "").unwrap();
    let folder = out.clone();
    let plan = plans::burst();
    let options = harness_run::Options {
        run_id: "r1".to_owned(),
        out,
        tree: harness_run::Tree { folder, files: Vec::new() },
        command: String::new(),
        keep: false,
        throwaway: false,
        on_event: Box::new(|_| {}),
        interrupts: lab.interrupts(),
        lease: None,
        known_state: None,
    };
    let returned = harness_run::execute(&plan, lab.cluster(), options).await;
    assert!(matches!(returned, Err(RunError::NoLog { .. })), "{returned:?}");
    assert_eq!(lab.api.calls().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_ends_the_phase_at_once() {
    let lab = Lab::start();
    let interrupt = lab.interrupt.clone();
    let ran = lab
        .run_with(&plans::burst(), move |event| {
            if matches!(&event.kind, EventKind::PhaseBegan { phase } if phase == "hold") {
                let interrupt = interrupt.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_secs(2)).await;
                    interrupt.cancel();
                });
            }
        })
        .await;
    ran.assert_well_formed();
    let (began_us, ended_us, outcome, _) = ran.phase("hold");
    assert_eq!(outcome, PhaseOutcome::Cancelled);
    assert!((2_000_000..2_010_000).contains(&(ended_us - began_us)), "{} us", ended_us - began_us);
    assert_eq!(ran.ended(), (EndReason::Interrupted, ""));
    assert!(ran.phases().iter().all(|(name, _)| name != "down"));
    assert_eq!(lab.leaks_of(&ran).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_tree_that_flux_refuses_is_not_waited_for() {
    let mut lab = Lab::start();
    lab.tree.push(("broken.yaml", "kind: [NodePool"));
    let ran = lab.run(&plans::burst()).await;
    ran.assert_well_formed();
    let (began_us, ended_us, outcome, detail) = ran.phase("prepare");
    assert_eq!(outcome, PhaseOutcome::DeadlinePassed);
    assert!(detail.contains("is fetched, not applied; Flux says: broken.yaml: "), "{detail}");
    assert!((10_000_000..11_000_000).contains(&(ended_us - began_us)), "{} us", ended_us - began_us);
    let names: Vec<String> = ran.phases().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["prepare", "cleanup"]);
    assert_eq!(lab.leaks_of(&ran).await, [""; 0]);
}
