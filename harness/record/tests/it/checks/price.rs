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

fn always(at_most_percent: u32) -> Check {
    let price = json!({"before": "fill", "after": "shrink", "atMostPercent": at_most_percent, "always": true});
    planned(json!({"price": price}))
}

/// Before, a fleet that grew and shrank again within the phase had not become dearer.
#[rstest]
#[case::dearer_for_a_moment(
    199,
    Fail,
    "$0.200 an hour (1 VM) at the end of fill, $0.400 an hour (2 VMs) at most in shrink, at 20.0s, 200 %"
)]
#[case::within_the_limit(
    200,
    Pass,
    "$0.200 an hour (1 VM) at the end of fill, $0.400 an hour (2 VMs) at most in shrink, at 20.0s, 200 %"
)]
fn at_every_moment(#[case] at_most_percent: u32, #[case] verdict: Verdict, #[case] observed: &str) {
    let mut scene = Scene::new();
    scene.phase("fill", 1, 10);
    scene.phase("shrink", 10, 60);
    scene.node("a", &node(1));
    scene.node("b", &node(19).disrupted(30, "Empty"));
    let end = "$0.200 an hour (1 VM) at the end of fill, $0.200 an hour (1 VM) at the end of shrink, 100 %";
    let results = scene.run(vec![always(at_most_percent), check(100)]).expectations;
    is(&results[0], verdict, observed);
    is(&results[1], Pass, end);
}

/// A VM that boots at the very end of the phase is part of it, one that boots later is not.
#[rstest]
#[case::at_the_end(59, Fail)]
#[case::after_it(60, Pass)]
fn at_the_edge_of_the_phase(#[case] created: u64, #[case] verdict: Verdict) {
    let mut scene = Scene::new();
    scene.phase("fill", 1, 10);
    scene.phase("shrink", 10, 60);
    scene.node("a", &node(1));
    scene.node("b", &node(created));
    assert_eq!(scene.check(always(100)).verdict, verdict);
}

/// What is not known can only add to the price: it excuses no price that is too high already, and proves none that is low enough.
#[rstest]
#[case::too_high_already(2, Fail, "no price of 1 VM, 200 %")]
#[case::perhaps_low_enough(1, Inconclusive, "no price of 1 VM")]
fn a_price_that_is_not_known(#[case] known: usize, #[case] verdict: Verdict, #[case] observed: &str) {
    let mut scene = Scene::new();
    scene.phase("fill", 1, 10);
    scene.phase("shrink", 10, 60);
    scene.node("a", &node(1));
    for name in ["b", "c"].iter().take(known - 1) {
        scene.node(name, &node(19).disrupted(30, "Empty"));
    }
    scene.node("unknown", &NodeHistory { price: None, size: "Standard_F8s_v2", ..node(29) });
    let result = scene.check(always(100));
    assert_eq!(result.verdict, verdict, "{result:#?}");
    assert!(result.observed.ends_with(observed), "{}", result.observed);
}
