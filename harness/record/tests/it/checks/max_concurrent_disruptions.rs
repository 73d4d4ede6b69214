//! Nodes that are disrupted together.

use super::*;

fn check(at_most: &str, reason: Option<&str>) -> Check {
    planned(
        json!({"maxConcurrentDisruptions": {"nodepools": [POOL], "reason": reason, "atMost": amount(at_most), "in": ["p"]}}),
    )
}

/// Ten nodes: two are disrupted together, a third when one of these is deleted; a fourth is empty.
fn scene() -> Scene {
    let mut scene = Scene::new();
    scene.phase("p", 10, 60);
    for index in 0..6 {
        scene.node(&format!("stays-{index}"), &node(1));
    }
    scene.node("a", &node(1).disrupted(20, "Drifted"));
    scene.node("b", &NodeHistory { gone: Some(30), ..node(1).disrupted(21, "Drifted") });
    scene.node("c", &node(1).disrupted(24, "Drifted"));
    scene.node("d", &node(1).disrupted(22, "Empty"));
    scene
}

#[rstest]
#[case::a_part("20%", Some("Drifted"), Pass, "general-purpose: 2 at once of 10 (allowed 2) at 21.0s")]
#[case::a_smaller_part("10%", Some("Drifted"), Fail, "general-purpose: 2 at once of 10 (allowed 1) at 21.0s")]
#[case::rounded_up("12%", Some("Drifted"), Pass, "general-purpose: 2 at once of 10 (allowed 2) at 21.0s")]
#[case::a_number("2", Some("Drifted"), Pass, "general-purpose: 2 at once at 21.0s")]
#[case::whatever_the_reason("2", None, Fail, "general-purpose: 3 at once at 22.0s")]
#[case::of_that_reason_none("2", Some("Expired"), Inconclusive, "nothing was disrupted")]
fn at_most_that_many_at_once(
    #[case] at_most: &str,
    #[case] reason: Option<&str>,
    #[case] verdict: Verdict,
    #[case] observed: &str,
) {
    is(&scene().check(check(at_most, reason)), verdict, observed);
}

#[test]
fn a_node_whose_disruption_was_cancelled_no_longer_counts() {
    let mut scene = scene();
    scene.node("e", &NodeHistory { disrupted: Some((12, "Drifted")), spared: Some(15), ..node(1) });
    is(&scene.check(check("2", Some("Drifted"))), Pass, "general-purpose: 2 at once at 21.0s");
}

#[test]
fn a_disruption_that_started_before_the_phase_counts_in_it() {
    let mut scene = scene();
    scene.node("e", &NodeHistory { gone: Some(50), ..node(1).disrupted(8, "Drifted") });
    is(&scene.check(check("2", Some("Drifted"))), Fail, "general-purpose: 3 at once at 21.0s");
}

/// Before, it counted until the NodeClaim was gone, and a controller that kept to its budget was said to have exceeded it.
#[test]
fn a_node_claim_whose_vm_is_gone_no_longer_counts() {
    let history = NodeHistory { deleting: Some(13), gone: Some(40), ..node(1).disrupted(12, "Drifted") };
    for (vm_deleted, verdict, observed) in [
        (18, Pass, "general-purpose: 2 at once of 10 (allowed 2) at 21.0s"),
        (23, Fail, "general-purpose: 3 at once of 11 (allowed 2) at 21.0s"),
    ] {
        let mut scene = scene();
        scene.node("e", &history);
        scene.fact(vm_deleted, AzureFactKind::VmDeleted, "e", &history);
        is(&scene.check(check("15%", Some("Drifted"))), verdict, observed);
    }
}
