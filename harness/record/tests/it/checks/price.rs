//! What the fleet costs an hour.

use super::*;

fn check(at_most_percent: u32) -> Check {
    planned(json!({"price": {"before": "fill", "after": "shrink", "atMostPercent": at_most_percent}}))
}

fn scene(price: Option<(f64, f64)>) -> Scene {
    let mut scene = Scene::new();
    scene.phase("fill", 1, 10);
    scene.phase("shrink", 10, 60);
    scene.node("a", &NodeHistory { price, ..node(1) });
    for name in ["b", "c", "d"] {
        scene.node(name, &NodeHistory { price, ..node(1).disrupted(20, "Underutilized") });
    }
    scene
}

const OBSERVED: &str = "$0.800 an hour (4 VMs) at the end of fill, $0.200 an hour (1 VM) at the end of shrink, 25 %";

#[rstest]
#[case::fallen(25, Pass)]
#[case::not_enough(24, Fail)]
fn falls_to_a_share(#[case] at_most_percent: u32, #[case] verdict: Verdict) {
    is(&scene(Some((0.2, 0.2))).check(check(at_most_percent)), verdict, OBSERVED);
}

#[test]
fn without_prices_there_is_no_evidence() {
    let result = scene(None).check(check(50));
    assert_eq!(result.verdict, Inconclusive);
    assert!(result.observed.ends_with("no price of 5 VMs"), "{}", result.observed);
}

#[test]
fn a_share_of_nothing_is_inconclusive() {
    let mut scene = Scene::new();
    scene.phase("fill", 1, 10);
    scene.phase("shrink", 10, 60);
    assert_eq!(scene.check(check(50)).verdict, Inconclusive);
}
