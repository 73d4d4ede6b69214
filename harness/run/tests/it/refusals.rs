//! An API server that refuses each kind of request once, with each of the codes that an overloaded or contended server sends.

use std::collections::BTreeSet;

use harness_record::event::{EndReason, PhaseOutcome};
use harness_record::{Event, EventKind};
use serde_json::json;

use crate::api::{Call, Effect, Fault, Verb};
use crate::lab::{Lab, Ran, on_paused_time};
use crate::plans::{self, of_phases};

/// The kinds of requests that a run sends: verb, kind and whether it is in the cleanup.
fn kinds_of_requests() -> BTreeSet<(Verb, &'static str)> {
    let calls = on_paused_time(async {
        let lab = Lab::start();
        lab.run(&plan()).await.assert_well_formed();
        lab.api.calls()
    });
    calls.into_iter().map(|call| (call.verb, call.kind)).collect()
}

fn plan() -> harness_plan::Plan {
    of_phases(&[plans::up(), plans::down()])
}

#[test]
fn a_single_refusal_leaves_nothing_behind_whether_or_not_it_ends_the_run() {
    let kinds = kinds_of_requests();
    assert!(kinds.contains(&(Verb::Patch, "Deployment")) && kinds.contains(&(Verb::Delete, "Namespace")), "{kinds:?}");
    for (code, retry_after_s) in [(409, None), (429, Some(1)), (500, None)] {
        for (verb, kind) in &kinds {
            on_paused_time(async {
                let at = format!("{code} on {verb:?} {kind}");
                let lab = Lab::start();
                lab.api.fault(Fault::on(Effect::Refuse { code, retry_after_s }, *verb, kind).times(1));
                let ran = lab.run(&plan()).await;
                ran.assert_well_formed();
                let (reason, detail) = ran.ended();
                match verb {
                    // Watches list again, deletions and lists of the cleanup are retried, a scale is sent again.
                    Verb::List | Verb::Watch | Verb::Delete => {
                        assert_eq!(reason, EndReason::Completed, "{at}: {detail}")
                    }
                    Verb::Patch if *kind == "Deployment" => assert_eq!(reason, EndReason::Completed, "{at}: {detail}"),
                    // The preparation does not retry: a lost answer may have been a success.
                    Verb::Create => assert_eq!(reason, EndReason::TargetFailed, "{at}"),
                    _ => assert!(matches!(reason, EndReason::Completed | EndReason::TargetFailed), "{at}: {reason:?}"),
                }
                if reason == EndReason::TargetFailed {
                    assert!(detail.contains("refused by a test"), "{at}: {detail}");
                }
                assert!(ran.leaks().is_empty(), "{at}: {:?}", ran.leaks());
                assert_eq!(lab.leaks_of(&ran).await, [""; 0], "{at}");
            });
        }
    }
}

/// Before, a run ended with one refusal of a figure that no verdict needs.
#[tokio::test(start_paused = true)]
async fn the_list_of_the_clusters_own_daemonsets_is_sent_again() {
    let lab = Lab::start();
    let refuse = Effect::Refuse { code: 429, retry_after_s: Some(1) };
    let of_the_cluster = |call: &Call| call.kind == "DaemonSet" && call.namespace == "kube-system";
    lab.api.fault(Fault::new(refuse, of_the_cluster).times(1));
    let ran = lab.run(&plan()).await;
    assert_eq!(ran.ended(), (EndReason::Completed, ""));
    assert_eq!(lab.api.calls().iter().filter(|call| of_the_cluster(call)).count(), 2);
}

#[test]
fn a_lost_answer_leaves_nothing_behind_either() {
    for (verb, kind) in kinds_of_requests() {
        if verb == Verb::Watch {
            continue;
        }
        on_paused_time(async {
            let lab = Lab::start();
            lab.api.fault(Fault::on(Effect::Lost, verb, kind).times(1));
            let ran = lab.run(&plan()).await;
            ran.assert_well_formed();
            assert_eq!(lab.leaks_of(&ran).await, [""; 0], "{verb:?} {kind}");
        });
    }
}

fn scalings(events: &[Event]) -> Vec<(bool, Option<String>)> {
    let actions = events.iter().filter_map(|event| match &event.kind {
        EventKind::Action(it) if it.what.id().is_some() => Some((it.acked_us.is_some(), it.error.clone())),
        _ => None,
    });
    actions.collect()
}

#[tokio::test(start_paused = true)]
async fn a_scale_that_stays_refused_is_an_action_that_failed() {
    let lab = Lab::start();
    lab.api.fault(Fault::on(Effect::Refuse { code: 429, retry_after_s: Some(1) }, Verb::Patch, "Deployment"));
    let up = json!({"name": "up", "actions": [plans::scale(0, 0, 0, 2)], "until": "all-pods-ready", "within": "10s"});
    let ran = lab.run(&of_phases(&[up])).await;
    ran.assert_well_formed();
    let sent = scalings(&ran.events);
    assert_eq!(sent.len(), 1);
    let (acked, error) = &sent[0];
    assert!(!acked && error.as_ref().is_some_and(|error| error.contains("refused by a test")), "{error:?}");
    assert_eq!(lab.api.calls().iter().filter(|call| call.verb == Verb::Patch && call.kind == "Deployment").count(), 3);
    let (.., outcome, detail) = ran.phase("up");
    assert_eq!((outcome, detail), (PhaseOutcome::DeadlinePassed, "web: 0 of 2 pods Ready"));
}

#[tokio::test(start_paused = true)]
async fn actions_that_become_due_during_a_slow_request_are_sent_with_the_next_and_keep_their_intended_times() {
    let lab = Lab::start();
    lab.api.fault(Fault::on(Effect::Slow(std::time::Duration::from_secs(2)), Verb::Patch, "Deployment").times(1));
    let actions = [plans::scale(0, 0, 0, 1), plans::scale(1, 500, 1, 2), plans::scale(2, 1_000, 2, 3)];
    let up = json!({"name": "up", "actions": actions, "until": "all-pods-ready", "within": "1m"});
    let ran = lab.run(&of_phases(&[up])).await;
    let (began_us, .., outcome, _) = ran.phase("up");
    assert_eq!(outcome, PhaseOutcome::Reached);
    let stamps = ran.events.iter().filter_map(|event| match &event.kind {
        EventKind::Action(it) if it.what.id().is_some() => {
            Some((it.intended_us - began_us, it.sent_us.unwrap() - began_us))
        }
        _ => None,
    });
    let stamps: Vec<(u64, u64)> = stamps.collect();
    assert_eq!(stamps.iter().map(|it| it.0).collect::<Vec<_>>(), [0, 500_000, 1_000_000]);
    assert_eq!(stamps[1].1, stamps[2].1, "one request for both");
    assert!((2_000_000..2_010_000).contains(&stamps[1].1), "{stamps:?}");
    assert_eq!(lab.api.calls().iter().filter(|call| call.verb == Verb::Patch && call.kind == "Deployment").count(), 2);
}

/// Runs until the cleanup starts; then the fault hits one request of each kind that the cleanup sends.
async fn hit_in_the_cleanup(effect: Effect, verb: Verb, kind: &'static str) -> (Lab, Ran) {
    let lab = Lab::start();
    let api = lab.api.clone();
    let on_event = move |event: &Event| {
        if matches!(&event.kind, EventKind::PhaseBegan { phase } if phase == "cleanup") {
            api.fault(Fault::on(effect, verb, kind).times(1));
        }
    };
    let ran = lab.run_with(&of_phases(&[plans::up()]), on_event).await;
    ran.assert_well_formed();
    (lab, ran)
}

/// The kinds without watches and without what only the preparation creates.
fn kinds_in_the_cleanup() -> BTreeSet<(Verb, &'static str)> {
    let calls = on_paused_time(async {
        let lab = Lab::start();
        let api = lab.api.clone();
        let (sender, mut began) = tokio::sync::mpsc::unbounded_channel();
        let on_event = move |event: &Event| {
            if matches!(&event.kind, EventKind::PhaseBegan { phase } if phase == "cleanup") {
                sender.send(api.calls().len()).unwrap();
            }
        };
        lab.run_with(&of_phases(&[plans::up()]), on_event).await.assert_well_formed();
        let began = began.recv().await.unwrap();
        lab.api.calls().split_off(began)
    });
    calls.into_iter().filter(|call| call.verb != Verb::Watch).map(|call| (call.verb, call.kind)).collect()
}

#[test]
fn a_refusal_in_the_cleanup_leaves_nothing_behind() {
    let kinds = kinds_in_the_cleanup();
    assert!(
        kinds.contains(&(Verb::Patch, "Kustomization")) && kinds.contains(&(Verb::Delete, "Namespace")),
        "{kinds:?}"
    );
    for effect in
        [Effect::Refuse { code: 429, retry_after_s: Some(1) }, Effect::Refuse { code: 500, retry_after_s: None }]
    {
        for (verb, kind) in &kinds {
            on_paused_time(async {
                let (lab, ran) = hit_in_the_cleanup(effect, *verb, kind).await;
                assert_eq!(
                    lab.leaks_of(&ran).await,
                    [""; 0],
                    "{effect:?} on {verb:?} {kind}: {:?}",
                    ran.phase("cleanup")
                );
                assert!(ran.leaks().is_empty(), "{effect:?} on {verb:?} {kind}: {:?}", ran.leaks());
            });
        }
    }
}

#[test]
fn one_request_of_the_cleanup_that_is_never_answered_leaves_nothing_behind() {
    for (verb, kind) in kinds_in_the_cleanup() {
        on_paused_time(async {
            let (lab, ran) = hit_in_the_cleanup(Effect::Silence, verb, kind).await;
            assert_eq!(lab.leaks_of(&ran).await, [""; 0], "{verb:?} {kind}: {:?}", ran.phase("cleanup"));
        });
    }
}
