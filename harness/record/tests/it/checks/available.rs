//! Enough Ready pods at each moment.

use super::*;

fn check(at_least: &str) -> Check {
    planned(json!({"available": {"workloads": [WEB], "atLeast": amount(at_least), "in": ["p"]}}))
}

/// Four planned pods; one is lost at 20 s and replaced at 25 s, another is lost at 22 s and replaced at 30 s.
fn scene() -> Scene {
    let mut scene = Scene::new();
    scene.phase("up", 1, 10);
    scene.phase("p", 10, 50);
    scene.scale(1, "up", 0, 4);
    scene.node("n", &node(1));
    scene.pod("web-1", "n", Some(5), None);
    scene.pod("web-2", "n", Some(5), None);
    scene.pod("web-3", "n", Some(5), Some(20));
    scene.pod("web-4", "n", Some(5), Some(22));
    scene.pod("web-5", "n", Some(25), None);
    scene.pod("web-6", "n", Some(30), None);
    scene
}

#[rstest]
#[case::half("50%", Pass, "always enough")]
#[case::rounded_up("51%", Fail, "web: 2 Ready at 22.0s where 3 are needed, too few for 3.00s")]
#[case::a_number("2", Pass, "always enough")]
#[case::all("100%", Fail, "web: 2 Ready at 22.0s where 4 are needed, too few for 10.0s")]
fn the_lowest_moment_counts(#[case] at_least: &str, #[case] verdict: Verdict, #[case] observed: &str) {
    is(&scene().check(check(at_least)), verdict, observed);
}

#[test]
fn fewer_are_needed_when_fewer_are_planned() {
    let mut scene = scene();
    scene.scale(19, "p", 4, 2);
    is(&scene.check(check("100%")), Pass, "always enough");
}

#[test]
fn without_planned_pods_there_is_no_evidence() {
    let mut scene = Scene::new();
    scene.phase("p", 10, 50);
    is(&scene.check(check("80%")), Inconclusive, "web: no pod was needed in p");
}

/// A disruption budget says how many it keeps, and of that nothing was said before: how many were Ready while it held.
#[rstest]
#[case::half(json!({"minAvailable": "50%"}), Pass, "web in p: never fewer than 2 of 4 Ready (22.0s), 2 needed")]
#[case::all_but_two(json!({"maxUnavailable": 2}), Pass, "web in p: never fewer than 2 of 4 Ready (22.0s), 2 needed")]
#[case::rounded_up(json!({"minAvailable": "60%"}), Fail, "web in p: never fewer than 2 of 4 Ready (22.0s), 3 needed")]
#[case::all_but_one(json!({"maxUnavailable": "25%"}), Fail, "web in p: never fewer than 2 of 4 Ready (22.0s), 3 needed")]
fn a_disruption_budget_says_how_many(#[case] budget: serde_json::Value, #[case] verdict: Verdict, #[case] shown: &str) {
    let mut scene = scene();
    let web = scene.plan.workloads.iter_mut().find(|workload| workload.name == WEB).unwrap();
    web.disruption_budget = Some(serde_json::from_value(budget).unwrap());
    let result = scene.check(planned(json!({"available": {"workloads": [WEB], "in": ["p"]}})));
    assert_eq!(result.verdict, verdict, "{result:#?}");
    assert!(result.evidence.starts_with(shown), "{}", result.evidence);
}
