//! Watches that break, and clocks that jump: observations stay true, and milestones that were not seen live are marked.

use std::time::Duration;

use harness_record::event::{Audit, EndReason, ObjectKind, Reached, Seen};
use harness_record::{Event, EventKind};
use jiff::SignedDuration;
use serde_json::json;

use crate::api::{ApiServer, Effect, Fault, Verb};
use crate::lab::{Lab, Ran};
use crate::plans::{self, PODS, of_phases};

fn restarts(ran: &Ran) -> Vec<(String, String)> {
    let restarts = ran.events.iter().filter_map(|event| match &event.kind {
        EventKind::Audit(Audit::WatchRestarted { watch, error }) => Some((watch.clone(), error.clone())),
        _ => None,
    });
    restarts.collect()
}

/// How a milestone of the pods was seen, in the order of the log.
fn seen(ran: &Ran, milestone: Reached) -> Vec<Seen> {
    let pods = ran.events.iter().filter_map(|event| match &event.kind {
        EventKind::Milestone(it) if it.object.kind == ObjectKind::Pod && it.reached == milestone => Some(it.seen),
        _ => None,
    });
    pods.collect()
}

/// Does something when a phase starts.
fn when(phase: &'static str, mut act: impl FnMut() + Send + 'static) -> impl FnMut(&Event) + Send + 'static {
    move |event| {
        if matches!(&event.kind, EventKind::PhaseBegan { phase: began } if began == phase) {
            act();
        }
    }
}

/// Pods cannot be watched for a while, and the server forgets every change meanwhile. The wait after each refusal is two to three times as
/// long as the one before: it is drawn.
fn break_pods(api: &ApiServer, lists_refused: u32) {
    api.fault(Fault::on(Effect::Refuse { code: 500, retry_after_s: None }, Verb::List, "Pod").times(lists_refused));
    assert_eq!(api.break_watches("Pod"), 1);
    let api = api.clone();
    tokio::spawn(async move {
        // Before the watch is opened again, and after the first change that it missed.
        tokio::time::sleep(Duration::from_millis(100)).await;
        api.compact();
    });
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_breaks_resumes_where_it_was() {
    let lab = Lab::start();
    let api = lab.api.clone();
    let plan = of_phases(&[plans::up(), plans::hold(), plans::down()]);
    let ran = lab.run_with(&plan, when("hold", move || assert_eq!(api.break_watches("Pod"), 1))).await;
    ran.assert_well_formed();
    assert_eq!(restarts(&ran).iter().map(|it| it.0.as_str()).collect::<Vec<_>>(), ["pods"]);
    assert_eq!(seen(&ran, Reached::Deleted), [Seen::Live; PODS as usize]);
    assert_eq!(ran.ended().0, EndReason::Completed);
}

#[tokio::test(start_paused = true)]
async fn milestones_that_a_broken_watch_has_missed_are_marked() {
    let lab = Lab::start();
    let api = lab.api.clone();
    let gone = json!({"name": "gone", "actions": [plans::scale(1, 0, PODS, 0)], "until": "no-pods", "within": "2m"});
    let plan = of_phases(&[plans::up(), gone]);
    let ran = lab.run_with(&plan, when("gone", move || break_pods(&api, 2))).await;
    ran.assert_well_formed();
    let restarts = restarts(&ran);
    assert!(restarts.iter().all(|(watch, _)| watch == "pods") && restarts.len() >= 3, "{restarts:?}");
    assert!(restarts.iter().any(|(_, error)| error.contains("too old resource version")), "{restarts:?}");
    assert_eq!(seen(&ran, Reached::Ready), [Seen::Live; PODS as usize], "before the break");
    assert_eq!(seen(&ran, Reached::Deleted), [Seen::Inferred; PODS as usize], "the moment was not seen");
    assert_eq!(ran.phase("gone").2, harness_record::event::PhaseOutcome::Reached);
    assert!(ran.result().warnings.iter().any(|warning| warning.contains("watch")), "{:?}", ran.result().warnings);
}

#[tokio::test(start_paused = true)]
async fn objects_that_were_created_while_a_watch_was_broken_are_listed() {
    let lab = Lab::start();
    let api = lab.api.clone();
    let ran = lab.run_with(&of_phases(&[plans::up()]), when("up", move || break_pods(&api, 2))).await;
    ran.assert_well_formed();
    let created = seen(&ran, Reached::Created);
    assert_eq!(created, [Seen::Listed; PODS as usize]);
    assert_eq!(ran.phase("up").2, harness_record::event::PhaseOutcome::Reached);
}

/// The end of a phase in which a pod was deleted came 0.7 ms after the answer, before the watch had shown the deletion: every pod seemed to
/// be Ready, and the pod that took its place was never bound.
#[tokio::test(start_paused = true)]
async fn a_phase_does_not_end_before_the_pods_that_it_deleted_are_seen_to_be() {
    let lab = Lab::start();
    let api = lab.api.clone();
    let churn = json!({
        "name": "churn", "actions": [{"id": 1, "atUs": 0, "action": {"replace": {"workloads": ["web"], "count": 1}}}],
        "until": "all-pods-ready", "within": "2m",
    });
    let plan = of_phases(&[plans::up(), churn]);
    let ran = lab.run_with(&plan, when("churn", move || break_pods(&api, 2))).await;
    ran.assert_well_formed();
    let (began_us, ended_us, outcome, _) = ran.phase("churn");
    assert_eq!(outcome, harness_record::event::PhaseOutcome::Reached);
    let ready = ran.events.iter().filter(|event| match &event.kind {
        EventKind::Milestone(it) => it.object.kind == ObjectKind::Pod && it.reached == Reached::Ready,
        _ => false,
    });
    // Those of the phase before can be of the moment at which this one started.
    let in_churn = ready.filter(|event| event.at_us > began_us && event.at_us <= ended_us).count();
    assert_eq!(in_churn, 1, "the pod that took its place");
}

/// The events without the server's own stamps and the header, which contain wall time, and without this process's own usage.
fn without_wall_time(ran: &Ran) -> Vec<Event> {
    let mut events = ran.events[1..].to_vec();
    events.retain(|event| !matches!(event.kind, EventKind::Usage { .. }));
    for event in &mut events {
        if let EventKind::Milestone(milestone) = &mut event.kind {
            milestone.server = None;
        }
    }
    // Two watches that see something in the same microsecond have no order.
    events.sort_by_cached_key(|event| (event.at_us, format!("{:?}", event.kind)));
    events
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_jumps_changes_no_difference() {
    let plan = plans::burst();
    let steady = Lab::start().run(&plan).await;
    for jump in [SignedDuration::from_hours(-1), SignedDuration::from_hours(5)] {
        let lab = Lab::start();
        let api = lab.api.clone();
        let ran = lab.run_with(&plan, when("up", move || api.shift_clock(jump))).await;
        ran.assert_well_formed();
        for (shifted, as_it_was) in without_wall_time(&ran).iter().zip(&without_wall_time(&steady)) {
            assert_eq!(shifted, as_it_was, "{jump:#}");
        }
        assert_eq!(ran.events.len(), steady.events.len(), "{jump:#}");
        let latencies = |ran: &Ran| {
            let all = ran.result().latencies.into_iter();
            all.map(|latency| (latency.name, latency.labels, latency.samples)).collect::<Vec<_>>()
        };
        assert_eq!(latencies(&ran), latencies(&steady), "{jump:#}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_objects_of_the_run_are_watched() {
    let lab = Lab::start();
    let mut plan = plans::burst();
    let object = json!({
        "name": "mine", "at": {"apiVersion": "v1", "kind": "ConfigMap", "namespace": "default", "name": "mine"}, "paths": ["data"],
    });
    plan.objects = serde_json::from_value(json!([object])).unwrap();
    let expectation = json!({"name": "nominated", "check": {"happened": {
        "what": "reason", "code": "Nominated", "atMost": 9,
    }}});
    plan.expectations.push(serde_json::from_value(expectation).unwrap());
    lab.run(&plan).await.assert_well_formed();
    let calls = lab.api.calls();
    let watches = calls.iter().filter(|call| call.verb == Verb::Watch);
    let mut watched: Vec<(&str, &str, &str)> =
        watches.map(|call| (call.kind, call.parameter("labelSelector"), call.parameter("fieldSelector"))).collect();
    watched.sort_unstable();
    let of_pools = "karpenter.sh/nodepool in (web)";
    let expected = [
        ("ConfigMap", "", "metadata.name=mine"),
        ("Event", "", "type!=Normal"),
        ("Event", "", "type=Normal,reason=DisruptionBlocked"),
        ("Event", "", "type=Normal,reason=Nominated"),
        ("GitRepository", "", ""),
        ("Kustomization", "", ""),
        ("Node", of_pools, ""),
        ("NodeClaim", of_pools, ""),
        ("NodePool", "", ""),
        ("Pod", "harness.dev/run=r1", ""),
    ];
    assert_eq!(watched, expected);
}
