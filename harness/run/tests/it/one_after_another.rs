//! Runs on one cluster: two at once are refused, and what one leaves does not colour the next.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use harness_record::event::{EndReason, Found, FoundKind};
use harness_record::{Event, EventKind, ExitCode};
use harness_run::{LeaseError, RunLease};
use harness_simulation::Fault;
use serde_json::json;

use crate::lab::{Lab, Ran};
use crate::plans::{self, of_phases};

fn found(ran: &Ran) -> Vec<(FoundKind, String)> {
    let found = ran.events.iter().filter_map(|event| match &event.kind {
        EventKind::Found(Found { kind, name, is_restored: true }) => Some((*kind, name.clone())),
        EventKind::Found(other) => panic!("{other:?}"),
        _ => None,
    });
    found.collect()
}

/// Before, the second run failed with NoCompatibleInstanceTypes for as long as the controller remembered the shortages of the first, and a
/// fault that `--keep` had left stopped it without a word.
#[tokio::test(start_paused = true)]
async fn what_a_kept_run_left_is_undone_and_recorded_before_the_next() {
    let mut lab = Lab::start();
    (lab.keep, lab.held) = (true, true);
    let kept = lab.run(&of_phases(&[plans::up()])).await;
    assert_eq!(kept.ended().0, EndReason::Completed);
    let fault: Fault = serde_json::from_value(json!({"armOutage": {"mode": "refused"}, "id": "spring"})).unwrap();
    lab.control.add_fault(&fault).await.unwrap();
    let suspended = json!({"spec": {"suspend": true}});
    lab.api.merge("Kustomization", "flux-system", "node-config", "", &suspended);
    lab.components.stop_silently("source-controller");

    lab.keep = false;
    let next = lab.run(&plans::burst()).await;
    assert_eq!(next.result().exit_code, ExitCode::Passed, "{:?}", next.result().reasons);
    let found = found(&next);
    let kinds: Vec<FoundKind> = found.iter().map(|(kind, _)| *kind).collect();
    for kind in [
        FoundKind::StoppedComponent,
        FoundKind::AzureFault,
        FoundKind::SuspendedFlux,
        FoundKind::AzureBehaviour,
        FoundKind::GitTree,
        FoundKind::Object,
        FoundKind::Shortages,
    ] {
        assert!(kinds.contains(&kind), "{kind:?} of {found:?}");
    }
    assert!(found.contains(&(FoundKind::Object, format!("Namespace harness-{}", kept.run_id))), "{found:?}");
    assert!(found.contains(&(FoundKind::Shortages, kept.run_id.clone())), "{found:?}");
    assert!(lab.components.orders().contains(&"restart karpenter".to_owned()));
    let warnings = next.result().warnings.join("\n");
    assert!(warnings.contains("before the run the simulated Azure had the fault spring: it was ended"), "{warnings}");
    assert_eq!(lab.leaks_of(&kept).await, [""; 0], "also what the first run had left");
    assert_eq!(lab.leaks_of(&next).await, [""; 0]);

    // The second restored everything: there is nothing to say about a third.
    let third = lab.run(&plans::burst()).await;
    assert_eq!(self::found(&third), []);
}

#[tokio::test(start_paused = true)]
async fn a_second_run_at_the_same_time_is_refused_with_the_holder() {
    let lab = Lab::start();
    let first = RunLease::take(&lab.cluster(), "first").await.unwrap();
    let refused = RunLease::take(&lab.cluster(), "second").await.unwrap_err();
    let LeaseError::Held { holder, .. } = &refused else { panic!("{refused}") };
    assert!(holder.to_string().starts_with(&format!("run first (process {}", std::process::id())), "{holder}");
    drop(first);
    // A value that is dropped gives nothing back: its process may have been killed. This one lives.
    assert!(RunLease::take(&lab.cluster(), "second").await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_run_ends_when_another_one_has_taken_its_cluster() {
    let mut lab = Lab::start();
    lab.held = true;
    let api = lab.api.clone();
    let taken = AtomicBool::new(false);
    let on_event = move |event: &Event| {
        if matches!(&event.kind, EventKind::PhaseBegan { phase } if phase == "hold")
            && !taken.swap(true, Ordering::Relaxed)
        {
            let spec = json!({"spec": {"holderIdentity": "other_ci-7_there_5"}});
            api.merge("Lease", "flux-system", "harness-run", "", &spec);
        }
    };
    let phases = [plans::up(), json!({"name": "hold", "actions": [], "for": "40s"})];
    let ran = lab.run_with(&of_phases(&phases), on_event).await;
    let (reason, detail) = ran.ended();
    assert_eq!(reason, EndReason::TargetFailed);
    assert!(detail.contains("run other (process 5 on ci-7)"), "{detail}");
}

/// Before, this was inconclusive (exit code 4) after three minutes, with "pushed, not fetched" as the reason.
#[tokio::test(start_paused = true)]
async fn a_commit_that_flux_cannot_fetch_is_a_failure_of_the_target_with_the_reason() {
    let lab = Lab::start();
    let api = lab.api.clone();
    let down = AtomicBool::new(false);
    let on_event = move |event: &Event| {
        if matches!(&event.kind, EventKind::Milestone(_)) && !down.swap(true, Ordering::Relaxed) {
            api.merge("GitRepository", "flux-system", "node-config", "", &json!({"spec": {"suspend": true}}));
            let failed = json!({"status": {"conditions": [
                {"type": "FetchFailed", "status": "True", "reason": "GitOperationFailed", "message": "failed to checkout: 503"},
            ]}});
            api.merge("GitRepository", "flux-system", "node-config", "status", &failed);
        }
    };
    let ran = lab.run_with(&plans::burst(), on_event).await;
    let (reason, detail) = ran.ended();
    assert_eq!(reason, EndReason::TargetFailed, "{detail}");
    for part in ["the fetch by Flux of commit", "within 60 s", "Flux says: failed to checkout: 503"] {
        assert!(detail.contains(part), "{detail}");
    }
    assert_eq!(ran.result().exit_code, ExitCode::TargetFailed);
    let (began_us, ended_us, _, said) = ran.phase("prepare");
    assert!(said.contains("503"), "{said}");
    assert!(ended_us - began_us < Duration::from_secs(70).as_micros() as u64);
    let awaited = |event: &&Event| matches!(&event.kind, EventKind::Awaited { what } if what.contains("503"));
    assert!(ran.events.iter().any(|event| awaited(&event)), "the console says it meanwhile");
}

/// Before, a cleanup that was given up said nothing, and the exit code 130 promised that everything had been cleaned up.
#[tokio::test(start_paused = true)]
async fn a_cleanup_that_is_given_up_names_what_is_left() {
    let mut lab = Lab::start();
    lab.held = true;
    let (interrupt, abandon) = (lab.interrupt.clone(), lab.abandon.clone());
    let on_event = move |event: &Event| match &event.kind {
        EventKind::PhaseBegan { phase } if phase == "hold" => interrupt.cancel(),
        EventKind::PhaseBegan { phase } if phase == "cleanup" => abandon.cancel(),
        _ => {}
    };
    let phases = [plans::up(), json!({"name": "hold", "actions": [], "for": "40s"})];
    let ran = lab.run_with(&of_phases(&phases), on_event).await;
    assert_eq!(ran.ended().0, EndReason::Interrupted);
    assert_eq!(ran.result().exit_code, ExitCode::LeftBehind);
    let leaks = ran.leaks().join(" ");
    assert!(leaks.contains("NodePool web") && leaks.contains(&format!("Namespace harness-{}", ran.run_id)), "{leaks}");
    let (.., detail) = ran.phase("cleanup");
    assert!(detail.contains("--grace"), "{detail}");
}
