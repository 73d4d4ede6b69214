//! What spot VMs save.

use super::*;

fn spot(price: Option<(f64, f64)>) -> NodeHistory {
    NodeHistory { capacity_type: "spot", price, gone: Some(3_602), deleting: Some(3_600), ..node(1) }
}

fn scene(spots: &[Option<(f64, f64)>]) -> Scene {
    let mut scene = Scene::new();
    scene.phase("p", 1, 10);
    for (index, price) in spots.iter().enumerate() {
        scene.node(&format!("spot-{index}"), &spot(*price));
    }
    scene
}

#[rstest]
#[case::enough(&[Some((0.06, 0.2))], 70, Pass, "70 % less: $0.0600 instead of $0.200")]
#[case::too_little(&[Some((0.06, 0.2))], 71, Fail, "70 % less: $0.0600 instead of $0.200")]
#[case::no_price(&[None], 10, Inconclusive, "no VM with a known price ran")]
#[case::some_without(&[None, Some((0.06, 0.2))], 10, Inconclusive, "no price of 1 VM")]
fn compared_with_the_same_vms_on_demand(
    #[case] spots: &[Option<(f64, f64)>],
    #[case] at_least_percent: u32,
    #[case] verdict: Verdict,
    #[case] observed: &str,
) {
    is(&scene(spots).check(planned(json!({"savings": {"atLeastPercent": at_least_percent}}))), verdict, observed);
}

#[test]
fn without_spot_there_is_no_evidence() {
    let mut scene = Scene::new();
    scene.node("a", &node(1));
    is(&scene.check(planned(json!({"savings": {"atLeastPercent": 1}}))), Inconclusive, "no spot VM among 1 VM");
}

#[test]
fn the_result_says_what_the_vms_cost() {
    let mut scene = scene(&[Some((0.06, 0.2))]);
    scene.node("regular", &NodeHistory { gone: Some(1_802), deleting: Some(1_800), ..node(1) });
    let cost = scene.run(Vec::new()).cost.expect("prices are known");
    assert_eq!((cost.spot_micro_usd, cost.on_demand_micro_usd), (60_000, 100_000));
    assert_eq!(cost.at_on_demand_prices_micro_usd, Some(300_000));
    assert_eq!((cost.peak_micro_usd_per_hour, cost.vm_us), (260_000, 5_400 * S));
    assert_eq!((cost.vms, cost.spot_vms, cost.vms_without_price), (2, 1, 0));
}

/// An on-demand fallback for the second half of the run: spot saves 70 % while there is any, and less over all.
#[test]
fn savings_in_phases_are_of_what_the_vms_cost_in_them() {
    let scene = || {
        let mut scene = Scene::new();
        scene.phase("spot", 1, 102);
        scene.phase("fallback", 102, 202);
        scene.phase("later", 202, 300);
        let price = |own| Some((own, 0.2));
        let stays = NodeHistory { capacity_type: "spot", price: price(0.06), ..node(1) };
        scene.node("spot", &NodeHistory { gone: Some(202), deleting: Some(201), ..stays });
        scene.node("regular", &NodeHistory { price: price(0.2), gone: Some(202), deleting: Some(201), ..node(101) });
        scene
    };
    let check = |phases: &[&str], percent: u32| planned(json!({"savings": {"atLeastPercent": percent, "in": phases}}));
    let whole = scene().check(planned(json!({"savings": {"atLeastPercent": 60}})));
    is(&whole, Fail, "46 % less: $0.00889 instead of $0.0167");
    let result = scene().check(check(&["spot"], 70));
    is(&result, Pass, "70 % less: $0.00167 instead of $0.00556");
    assert_eq!(result.evidence, "1 of 1 VM on spot, 1m40s of running time altogether; in spot (1.00s to 1m42s)");
    let result = scene().check(check(&["spot", "fallback"], 60));
    is(&result, Fail, "46 % less: $0.00889 instead of $0.0167");
    is(&scene().check(check(&["later"], 60)), Inconclusive, "no VM with a known price ran");
}
