//! Runs on one cluster: two at once are refused, and what one leaves does not colour the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use harness_plan::Capability;
use harness_record::event::{EndReason, Found, FoundKind, PhaseOutcome};
use harness_record::{Event, EventKind, ExitCode};
use harness_run::{LeaseError, RunLease};
use harness_simulation::Fault;
use serde_json::json;

use crate::api::{ApiServer, Effect, Fault as ApiFault, Verb};
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

/// Before, the note was cleared by a run that had not restored anything, and the tree of the kept run stayed in force for ever.
#[tokio::test(start_paused = true)]
async fn what_a_kept_run_left_stays_noted_until_a_run_has_restored_it() {
    for ends_early in [EndReason::NotRun, EndReason::Interrupted] {
        let mut lab = Lab::start();
        (lab.keep, lab.held) = (true, true);
        lab.run(&of_phases(&[plans::hold()])).await;
        lab.keep = false;
        let mut plan = plans::burst();
        let interrupt = lab.interrupt.clone();
        if ends_early == EndReason::NotRun {
            plan.needs.insert(Capability::MetricsApi);
        }
        // Nothing is restored yet: no VM is left that a cleanup would find.
        let during_the_restore = move |event: &Event| {
            if matches!(&event.kind, EventKind::PhaseBegan { phase } if phase == "prepare") {
                interrupt.cancel();
            }
        };
        let early = lab.run_with(&plan, during_the_restore).await;
        assert_eq!(early.ended().0, ends_early);
        assert!(early.known_state.is_none());
        lab.interrupt = tokio_util::sync::CancellationToken::new();
        let next = lab.run(&plans::burst()).await;
        assert_eq!(next.result().exit_code, ExitCode::Passed, "{ends_early:?}: {:?}", next.result().reasons);
        let kinds: Vec<FoundKind> = found(&next).into_iter().map(|(kind, _)| kind).collect();
        for kind in [FoundKind::GitTree, FoundKind::AzureBehaviour] {
            assert!(kinds.contains(&kind), "{ends_early:?}: {kind:?} of {kinds:?}");
        }
        assert_eq!(lab.leaks_of(&next).await, [""; 0], "{ends_early:?}");
    }
}

/// Before, a suite compared its runs with what a kept or killed run had left, and stopped after its first run: "the Git tree is another one".
#[tokio::test(start_paused = true)]
async fn a_run_reports_the_cluster_as_it_is_once_what_was_left_is_undone() {
    let mut lab = Lab::start();
    let untouched = lab.cluster().contents().await.unwrap();
    (lab.keep, lab.held) = (true, true);
    lab.run(&of_phases(&[plans::up()])).await;
    let kept = lab.cluster().contents().await.unwrap();
    lab.keep = false;
    let next = lab.run(&plans::burst()).await;
    let after = lab.cluster().contents().await.unwrap();
    assert!(after.left_since(&kept).contains(&"the Git tree is another one".to_owned()));
    let known_state = next.known_state.unwrap();
    assert_eq!(after.left_since(&known_state), [""; 0]);
    assert_eq!(known_state.left_since(&untouched), [""; 0]);
}

fn is_change(verb: Verb) -> bool {
    match verb {
        Verb::Get | Verb::List | Verb::Watch | Verb::Discover => false,
        Verb::Create | Verb::Replace | Verb::Patch | Verb::Delete | Verb::DeleteCollection => true,
    }
}

/// A run whose Lease another one takes at the start of a phase. What else happens then is up to the test.
struct Takeover {
    ran: Ran,
    /// The requests after it that change something.
    changes: Vec<String>,
}

async fn taken_over(lab: &Lab, at: &'static str, also: impl Fn(&ApiServer) + Send + 'static) -> Takeover {
    let api = lab.api.clone();
    let (taken, calls_before) = (AtomicBool::new(false), Arc::new(AtomicUsize::new(0)));
    let counted = calls_before.clone();
    let on_event = move |event: &Event| {
        if matches!(&event.kind, EventKind::PhaseBegan { phase } if phase == at) && !taken.swap(true, Ordering::Relaxed)
        {
            let spec = json!({"spec": {"holderIdentity": "other_ci-7_there_5"}});
            api.merge("Lease", "flux-system", "harness-run", "", &spec);
            counted.store(api.calls().len(), Ordering::Relaxed);
            also(&api);
        }
    };
    let phases = [plans::up(), json!({"name": "hold", "actions": [], "for": "40s"})];
    let ran = lab.run_with(&of_phases(&phases), on_event).await;
    let calls = lab.api.calls();
    let after = calls.iter().skip(calls_before.load(Ordering::Relaxed));
    let changes = after.filter(|call| is_change(call.verb)).map(ToString::to_string).collect();
    Takeover { ran, changes }
}

fn assert_left_to_the_other(ran: &Ran) {
    let (reason, detail) = ran.ended();
    assert_eq!(reason, EndReason::TargetFailed);
    for part in ["run other (process 5 on ci-7)", "leaves the cluster to that one, which undoes what is left"] {
        assert!(detail.contains(part), "{detail}");
    }
    assert_eq!(ran.result().exit_code, ExitCode::TargetFailed);
}

/// Before, the first run restored the tree, the behaviour of Azure and the controller under the second. The interrupt is the Ctrl-C after `fg`:
/// the cleanup starts before the Lease is looked at the next time.
#[tokio::test(start_paused = true)]
async fn a_run_whose_cluster_another_one_has_taken_ends_and_changes_nothing_more() {
    for interrupts in [0, 1, 2] {
        let mut lab = Lab::start();
        lab.held = true;
        let requests = lab.interrupts();
        let also = move |_: &ApiServer| {
            let both = [&requests.interrupt, &requests.abandon];
            both.into_iter().take(interrupts).for_each(|request| request.cancel());
        };
        let Takeover { ran, changes } = taken_over(&lab, "hold", also).await;
        assert_left_to_the_other(&ran);
        assert_eq!(changes, [""; 0], "{interrupts}");
        assert!(ran.phases().iter().all(|(name, _)| name != "cleanup"), "{:?}", ran.phases());
        assert!(!lab.git.subjects()[0].starts_with("Restore"), "{:?}", lab.git.subjects());
        assert_ne!(lab.control.behaviour().await.unwrap().seed, 1, "the behaviour of Azure is the other run's");
        assert_eq!(lab.components.orders(), [""; 0]);
        let lease = lab.api.get("Lease", "flux-system", "harness-run").unwrap();
        assert_eq!(lease["spec"]["holderIdentity"], "other_ci-7_there_5");
        assert!(lease["metadata"]["annotations"]["harness.dev/changed"].is_string(), "the note is for the other run");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cleanup_ends_when_another_run_has_taken_the_cluster() {
    let mut lab = Lab::start();
    lab.held = true;
    let hold = |api: &ApiServer| {
        let finalizers = json!({"metadata": {"finalizers": ["example.com/for-ever"]}});
        api.merge("NodePool", "", "web", "", &finalizers);
    };
    let Takeover { ran, .. } = taken_over(&lab, "cleanup", hold).await;
    assert_left_to_the_other(&ran);
    let (began_us, ended_us, outcome, detail) = ran.phase("cleanup");
    assert_eq!(outcome, PhaseOutcome::Cancelled);
    assert!(detail.contains("run other"), "{detail}");
    assert!(ended_us - began_us < Duration::from_secs(11).as_micros() as u64, "{} us", ended_us - began_us);
}

/// Nobody else would undo it: the note is deleted too.
#[tokio::test(start_paused = true)]
async fn a_run_whose_lease_is_deleted_ends_and_cleans_up() {
    let mut lab = Lab::start();
    lab.held = true;
    let api = lab.api.clone();
    let on_event = move |event: &Event| {
        if matches!(&event.kind, EventKind::PhaseBegan { phase } if phase == "hold") {
            api.delete("Lease", "flux-system", "harness-run", None);
        }
    };
    let phases = [plans::up(), json!({"name": "hold", "actions": [], "for": "40s"})];
    let ran = lab.run_with(&of_phases(&phases), on_event).await;
    let (reason, detail) = ran.ended();
    assert_eq!(reason, EndReason::TargetFailed);
    assert!(detail.contains("nobody does: it was deleted"), "{detail}");
    assert_eq!(ran.phase("cleanup").2, PhaseOutcome::Reached);
    assert_eq!(lab.leaks_of(&ran).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn the_holder_of_a_cluster_can_be_asked_for() {
    let lab = Lab::start();
    let holder = async || RunLease::holder_on(&lab.cluster()).await.unwrap().map(|holder| holder.to_string());
    assert_eq!(holder().await, None);
    let first = RunLease::take(&lab.cluster(), "first").await.unwrap();
    assert!(holder().await.is_some_and(|holder| holder.starts_with("run first (process ")));
    drop(first);
}

/// Before, a Lease that an API server did not take back added up to 20 s to the grace period.
#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_does_not_hold_up_the_end_of_an_interrupted_run() {
    let mut lab = Lab::start();
    lab.held = true;
    let (api, requests) = (lab.api.clone(), lab.interrupts());
    let on_event = move |event: &Event| {
        if matches!(&event.kind, EventKind::PhaseBegan { phase } if phase == "hold") {
            api.fault(ApiFault::new(Effect::Silence, |_| true));
            let requests = requests.clone();
            // As with `--grace 10s`.
            tokio::spawn(async move {
                requests.interrupt.cancel();
                tokio::time::sleep(Duration::from_secs(5)).await;
                requests.abandon.cancel();
                tokio::time::sleep(Duration::from_secs(4)).await;
                requests.leave.cancel();
            });
        }
    };
    let phases = [plans::up(), json!({"name": "hold", "actions": [], "for": "40s"})];
    let ran = lab.run_with(&of_phases(&phases), on_event).await;
    ran.assert_well_formed();
    assert_eq!(ran.ended().0, EndReason::Interrupted);
    let (began_us, ..) = ran.phase("hold");
    let ended_us = ran.events.last().unwrap().at_us;
    assert!(ended_us - began_us < Duration::from_millis(9_100).as_micros() as u64, "{} us", ended_us - began_us);
    let leaks = ran.leaks().join(" ");
    assert!(leaks.contains("NodeClaim ") && leaks.contains("VirtualMachine "), "{leaks}");
    assert_eq!(ran.result().exit_code, ExitCode::LeftBehind);
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
