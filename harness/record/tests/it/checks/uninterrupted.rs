//! Pods that must stay Ready.

use super::*;

fn check() -> Check {
    planned(json!({"uninterrupted": {"workloads": [WEB], "in": ["p"]}}))
}

fn scene(going: Option<u64>) -> Scene {
    let mut scene = Scene::new();
    scene.phase("p", 10, 50);
    scene.node("n", &node(1));
    scene.pod("web-1", "n", Some(5), None);
    scene.pod("web-2", "n", Some(5), going);
    scene
}

#[rstest]
#[case::all_stay(None, Pass, "none interrupted")]
#[case::one_goes(Some(20), Fail, "web: 1 of 2 pods interrupted")]
#[case::it_went_before(Some(8), Pass, "none interrupted")]
#[case::it_went_after(Some(60), Pass, "none interrupted")]
fn pods_that_were_ready(#[case] going: Option<u64>, #[case] verdict: Verdict, #[case] observed: &str) {
    is(&scene(going).check(check()), verdict, observed);
}

#[test]
fn a_pod_that_is_not_ready_for_a_moment_was_interrupted() {
    let mut scene = scene(None);
    let pod = scene.builder.key(ObjectKind::Pod, "web-3");
    for (at, reached) in [(4, Reached::Created), (5, Reached::Ready), (20, Reached::NotReady), (21, Reached::Ready)] {
        scene.builder.reached(at * S, &pod, reached, &[(attribute::WORKLOAD, WEB)]);
    }
    let result = scene.check(check());
    is(&result, Fail, "web: 1 of 3 pods interrupted");
    assert!(result.evidence.starts_with("web-3 was not Ready any more at 20.0s"), "{}", result.evidence);
}

#[test]
fn without_pods_there_is_no_evidence() {
    let mut scene = Scene::new();
    scene.phase("p", 10, 50);
    is(&scene.check(check()), Inconclusive, "web: no pod was Ready when p began");
}
