//! Nodes that are left alone.

use super::*;

fn check() -> Check {
    planned(json!({"retained": {"nodepools": [POOL], "in": ["p", "q"]}}))
}

#[rstest]
#[case::both(node(1), Pass, "general-purpose: 2 nodes kept")]
#[case::one_goes(node(1).disrupted(30, "Drifted"), Fail, "general-purpose: 1 of 2 nodes deleted")]
#[case::in_the_second_phase(node(1).disrupted(55, "Drifted"), Fail, "general-purpose: 1 of 2 nodes deleted")]
#[case::afterwards(node(1).disrupted(90, "Empty"), Pass, "general-purpose: 2 nodes kept")]
#[case::it_came_later(node(12).disrupted(30, "Empty"), Pass, "general-purpose: 1 node kept")]
fn from_the_first_phase_to_the_last(#[case] second: NodeHistory, #[case] verdict: Verdict, #[case] observed: &str) {
    let mut scene = Scene::new();
    scene.phase("p", 10, 50);
    scene.phase("q", 50, 80);
    scene.node("a", &node(1));
    scene.node("b", &second);
    let result = scene.check(check());
    is(&result, verdict, observed);
    if verdict == Fail {
        assert!(result.evidence.starts_with("b deleted at "), "{}", result.evidence);
    }
}

#[test]
fn without_nodes_there_is_no_evidence() {
    let mut scene = Scene::new();
    scene.phase("p", 10, 50);
    scene.phase("q", 50, 80);
    is(&scene.check(check()), Inconclusive, "general-purpose: no node was Ready at the start");
}
