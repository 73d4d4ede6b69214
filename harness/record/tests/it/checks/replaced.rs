//! Nodes that others replaced.

use super::*;

fn check(at_least: Option<u32>, reason: Option<&str>, differs_in: Option<NodeProperty>) -> Check {
    let bounds =
        json!({"nodepools": [POOL], "in": "p", "reason": reason, "atLeast": at_least, "differsIn": differs_in});
    planned(json!({"replaced": bounds}))
}

const IMAGE: Option<NodeProperty> = Some(NodeProperty::Image);

/// Two nodes; the first is deleted as drifted, and another is created for it.
fn scene(second: NodeHistory, images: [Option<&'static str>; 2]) -> Scene {
    let made = |image: Option<&'static str>| image.map(|image| (attribute::IMAGE, image)).into_iter().collect();
    let mut scene = Scene::new();
    scene.phase("p", 10, 60);
    scene.node("old-1", &NodeHistory { made: made(images[0]), ..node(1).disrupted(20, "Drifted") });
    scene.node("old-2", &NodeHistory { made: made(images[0]), ..second });
    scene.node("new-1", &NodeHistory { made: made(images[1]), ..node(21) });
    scene
}

#[rstest]
#[case::as_many_as_asked(node(1), Some(1), Pass, "general-purpose: 1 of 2 nodes replaced")]
#[case::not_all(node(1), None, Fail, "general-purpose: 1 of 2 nodes replaced")]
#[case::all(node(1).disrupted(30, "Drifted"), None, Pass, "general-purpose: 2 of 2 nodes replaced")]
#[case::for_another_reason(
    node(1).disrupted(30, "Empty"),
    None,
    Fail,
    "general-purpose: 1 of 2 nodes replaced, 1 deleted for another reason (old-2 Empty)"
)]
#[case::for_no_known_reason(
    NodeHistory { deleting: Some(30), gone: Some(33), ..node(1) },
    None,
    Inconclusive,
    "general-purpose: 1 of 2 nodes replaced, 1 deleted for another reason (old-2 for no known reason)"
)]
#[case::drifted_says_enough(
    NodeHistory { drifted: Some(25), deleting: Some(30), gone: Some(33), ..node(1) },
    None,
    Pass,
    "general-purpose: 2 of 2 nodes replaced"
)]
#[case::gone_too_late(
    NodeHistory { gone: Some(70), ..node(1).disrupted(30, "Drifted") },
    None,
    Fail,
    "general-purpose: 1 of 2 nodes replaced"
)]
fn enough_nodes_for_the_reason(
    #[case] second: NodeHistory,
    #[case] at_least: Option<u32>,
    #[case] verdict: Verdict,
    #[case] observed: &str,
) {
    is(&scene(second, [None, None]).check(check(at_least, Some("Drifted"), None)), verdict, observed);
}

#[rstest]
#[case::another_image([Some("a"), Some("b")], Pass, "general-purpose: 1 of 2 nodes replaced")]
#[case::the_same_image([Some("a"), Some("a")], Fail, "general-purpose: 1 of 2 nodes replaced, 1 new node with the old image (new-1)")]
#[case::not_known([None, Some("b")], Inconclusive, "general-purpose: 1 of 2 nodes replaced, image not known of 1 node")]
fn by_different_nodes(#[case] images: [Option<&'static str>; 2], #[case] verdict: Verdict, #[case] observed: &str) {
    let result = scene(node(1), images).check(check(Some(1), Some("Drifted"), IMAGE));
    is(&result, verdict, observed);
    if verdict == Pass {
        assert_eq!(
            result.evidence,
            "old-1 (image a) gone at 23.0s, old-2 stayed, new-1 (image b) Ready at 24.0s; in p (10.0s to 1m)"
        );
    }
}

#[test]
fn a_kubelets_version_is_that_of_the_node() {
    let made = |version| vec![(attribute::KUBELET_VERSION, version)];
    let with = |version: &'static str| {
        let mut scene = Scene::new();
        scene.phase("p", 10, 60);
        scene.node("old", &NodeHistory { made: made("v1.34.1"), ..node(1).disrupted(20, "Drifted") });
        scene.node("new", &NodeHistory { made: made(version), ..node(21) });
        scene.check(check(None, None, Some(NodeProperty::KubeletVersion))).verdict
    };
    assert_eq!((with("v1.34.2"), with("v1.34.1")), (Pass, Fail));
}

#[test]
fn gone_without_another_is_not_replaced() {
    let mut scene = Scene::new();
    scene.phase("p", 10, 60);
    scene.node("old", &node(1).disrupted(20, "Drifted"));
    is(&scene.check(check(None, None, None)), Fail, "general-purpose: 1 of 1 node replaced, no new node was Ready");
}

/// Before, a node that was replaced again and again was replaced.
#[rstest]
#[case::stays(node(21), Pass, "general-purpose: 1 of 1 node replaced")]
#[case::for_another_reason(node(21).disrupted(40, "Empty"), Pass, "general-purpose: 1 of 1 node replaced")]
#[case::after_the_phase(node(21).disrupted(60, "Drifted"), Pass, "general-purpose: 1 of 1 node replaced")]
#[case::at_its_end(
    node(21).disrupted(59, "Drifted"),
    Fail,
    "general-purpose: 1 of 1 node replaced, general-purpose: 1 replaced again (new-1 Drifted)"
)]
#[case::in_it(
    node(21).disrupted(40, "Drifted"),
    Fail,
    "general-purpose: 1 of 1 node replaced, general-purpose: 1 replaced again (new-1 Drifted)"
)]
#[case::for_no_known_reason(
    NodeHistory { deleting: Some(40), gone: Some(43), ..node(21) },
    Inconclusive,
    "general-purpose: 1 of 1 node replaced, general-purpose: 1 replaced again (new-1 for no known reason)"
)]
#[case::never_launched(
    NodeHistory { ready: None, ..node(21).disrupted(40, "Drifted") },
    Pass,
    "general-purpose: 1 of 1 node replaced"
)]
fn nothing_is_replaced_twice(#[case] first: NodeHistory, #[case] verdict: Verdict, #[case] observed: &str) {
    let mut scene = Scene::new();
    scene.phase("p", 10, 60);
    scene.node("old", &node(1).disrupted(20, "Drifted"));
    scene.node("new-1", &first);
    scene.node("new-2", &node(41));
    let once = json!({"replaced": {"nodepools": [POOL], "in": "p", "reason": "Drifted", "once": true}});
    is(&scene.check(planned(once)), verdict, observed);
}

/// Until the phase is over, something may still be replaced again.
#[rstest]
#[case("reached", Pass)]
#[case("by its deadline", Pass)]
#[case("cancelled", Inconclusive)]
#[case("not ended", Inconclusive)]
#[case("never", Inconclusive)]
fn that_nothing_is_replaced_twice_is_known_at_the_end(#[case] kind: &str, #[case] verdict: Verdict) {
    let once = json!({"replaced": {"nodepools": [POOL], "in": "p", "atLeast": 1, "once": true}});
    assert_eq!(good(kind).check(planned(once)).verdict, verdict);
}

#[test]
fn without_nodes_there_is_no_evidence() {
    let mut scene = Scene::new();
    scene.phase("p", 10, 60);
    scene.node("late", &node(20));
    is(&scene.check(check(None, None, None)), Inconclusive, "general-purpose: no node was Ready at the start");
}
