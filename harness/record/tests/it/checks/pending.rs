//! Pods that must stay Pending.

use super::*;

fn check(message: Option<&str>) -> Check {
    planned(json!({"pending": {"workloads": ["control"], "messageContains": message}}))
}

fn scene(ready: Option<u64>, message: Option<&str>) -> Scene {
    let mut scene = Scene::new();
    scene.phase("p", 1, 50);
    scene.node("n", &node(1));
    scene.pod_of("control", "control-7d9f-abcde", "n", 2, ready, None);
    if let Some(message) = message {
        scene.reason(4, "control-7d9f-abcde", "FailedScheduling", message);
    }
    scene
}

#[rstest]
#[case::with_the_reason(
    None,
    Some("did not tolerate taint x"),
    Some("did not tolerate taint"),
    Pass,
    "control: 1 pod Pending"
)]
#[case::any_reason(None, Some("whatever"), None, Pass, "control: 1 pod Pending")]
#[case::another_reason(None, Some("whatever"), Some("taint"), Fail, "control: Pending, for another reason")]
#[case::no_reason(None, None, None, Inconclusive, "control: 1 pod Pending, and no controller said why")]
#[case::bound(
    Some(9),
    Some("taint"),
    Some("taint"),
    Fail,
    "control: 1 pod bound (control-7d9f-abcde on vm-n at 9.00s)"
)]
fn stays_and_says_why(
    #[case] ready: Option<u64>,
    #[case] message: Option<&str>,
    #[case] says: Option<&str>,
    #[case] verdict: Verdict,
    #[case] observed: &str,
) {
    is(&scene(ready, message).check(check(says)), verdict, observed);
}

#[test]
fn a_reason_that_explains_is_quoted_before_one_that_only_finds_no_place() {
    let mut scene = scene(None, Some("no nodes available to schedule pods"));
    scene.reason(5, "control-7d9f-abcde", "FailedScheduling", "Failed to schedule pod, did not tolerate taint x");
    let result = scene.check(check(None));
    let why = "control-7d9f-abcde: FailedScheduling: Failed to schedule pod, did not tolerate taint x";
    assert_eq!((result.verdict, result.evidence.as_str()), (Pass, why));
}

#[test]
fn without_pods_it_is_inconclusive() {
    let mut scene = Scene::new();
    scene.phase("p", 1, 50);
    is(&scene.check(check(None)), Inconclusive, "control: no pod was ever there");
}

#[test]
fn a_node_created_for_them_fails_the_placement() {
    let placement = planned(json!({"placement": {"workloads": [WEB]}}));
    let with = |nominated: bool| {
        let mut scene = scene(None, Some("taint"));
        let control = Workload {
            name: "control".to_owned(),
            stays_pending: true,
            class: POOL.to_owned(),
            ..scene.plan.workloads[0].clone()
        };
        scene.plan.workloads.push(control);
        scene.scale(1, "p", 0, 1);
        scene.pod("web-1", "n", Some(5), None);
        if nominated {
            scene.reason(5, "control-7d9f-abcde", "Nominated", "Pod should schedule on: nodeclaim/extra");
        }
        scene.check(placement.clone())
    };
    assert_eq!(with(false).verdict, Pass, "{:#?}", with(false));
    assert_eq!(with(true).verdict, Fail);
    assert!(with(true).observed.contains("1 NodeClaim for pods that must stay Pending"), "{}", with(true).observed);
}

/// Pods that wait in one phase and are bound in the next could not be expected.
#[rstest]
#[case::bound_in_the_next_phase(60, Pass, "control: 1 pod Pending")]
#[case::bound_in_the_phase(30, Fail, "control: 1 pod bound (control-7d9f-abcde on vm-n at 30.0s)")]
fn pods_may_stay_pending_in_one_phase_only(#[case] ready: u64, #[case] verdict: Verdict, #[case] observed: &str) {
    let mut scene = scene(Some(ready), Some("no capacity"));
    scene.phase("later", 50, 90);
    scene.pod_of("control", "control-of-before", "n", 0, Some(0), None);
    let check = planned(json!({"pending": {"workloads": ["control"], "messageContains": "capacity", "in": ["p"]}}));
    is(&scene.check(check), verdict, observed);
}
