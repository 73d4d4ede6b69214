//! Pods that are not Ready at the end of a phase, and where they are stuck.

use super::*;

fn check(bounds: serde_json::Value) -> Check {
    let mut unready = json!({"workloads": [WEB], "in": ["p"]});
    unready.as_object_mut().unwrap().append(&mut bounds.as_object().unwrap().clone());
    planned(json!({ "unready": unready }))
}

/// Six planned pods, until 50 s: two Ready, one that lost Ready, one on a node that never runs it, one without a node; the sixth is never
/// created. Another pod was Ready and is gone.
fn scene() -> (Scene, [ObjectKey; 3]) {
    let mut scene = Scene::new();
    scene.phase("up", 1, 10);
    scene.phase_with("p", 10, Some((50, PhaseOutcome::DeadlinePassed)));
    scene.scale(1, "up", 0, 6);
    scene.node("n", &node(1));
    scene.pod("web-0", "n", Some(5), Some(15));
    scene.pod("web-1", "n", Some(5), None);
    scene.pod("web-2", "n", Some(20), None);
    let stuck = [
        scene.pod("web-3", "n", Some(5), None),
        scene.pod("web-4", "n", None, None),
        scene.pod("web-5", "n", None, None),
    ];
    scene.builder.reached(40 * S, &stuck[0], Reached::NotReady, &[]);
    scene.builder.reached(12 * S, &stuck[1], Reached::Scheduled, &[(attribute::NODE, "vm-n")]);
    scene.builder.reached(12 * S, &stuck[2], Reached::Unschedulable, &[]);
    (scene, stuck)
}

const STUCK: &str = "web: 4 of 6 not Ready at the end of p: 1 without a node (web-5), 2 on vm-n (web-3, web-4), 1 never created, \
                     phase p hit its deadline after 40.0s";

#[rstest]
#[case::none(json!({}), Fail)]
#[case::too_many(json!({"atMost": 3}), Fail)]
#[case::as_many(json!({"atMost": 4}), Pass)]
#[case::exactly(json!({"atLeast": 4, "atMost": 4}), Pass)]
#[case::more(json!({"atLeast": 5}), Fail)]
fn the_pods_that_are_stuck_are_counted_and_named(#[case] bounds: serde_json::Value, #[case] verdict: Verdict) {
    is(&scene().0.check(check(bounds)), verdict, STUCK);
}

#[test]
fn pods_that_are_ready_and_those_that_nobody_wants_any_more_are_not_counted() {
    let (mut scene, stuck) = scene();
    scene.scale(30, "p", 6, 2);
    for pod in stuck {
        scene.builder.reached(31 * S, &pod, Reached::Deleting, &[]);
    }
    is(&scene.check(check(json!({}))), Pass, "every pod was Ready, phase p hit its deadline after 40.0s");
}

#[test]
fn why_a_pod_has_no_node_is_quoted() {
    let (mut scene, _) = scene();
    scene.reason(13, "web-5", "FailedScheduling", "0/3 nodes are available: 3 Insufficient cpu.");
    let result = scene.check(check(json!({})));
    assert!(result.evidence.starts_with("web-5: FailedScheduling: 0/3 nodes are available"), "{}", result.evidence);
}

#[test]
fn without_planned_pods_there_is_no_evidence() {
    let mut scene = Scene::new();
    scene.phase("p", 10, 50);
    is(&scene.check(check(json!({}))), Inconclusive, "web: no pod was wanted at the end of p");
}
