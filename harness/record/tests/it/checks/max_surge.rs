//! Nodes beyond those at the start.

use super::*;

fn check(at_most: &str, phases: &[&str]) -> Check {
    planned(json!({"maxSurge": {"nodepools": [POOL], "atMost": amount(at_most), "in": phases}}))
}

/// Four nodes, of which one is replaced by three others: it is chosen at 20 s, these are launched from 22 s to 24 s, and it is gone at 30 s.
fn scene() -> Scene {
    let mut scene = Scene::new();
    scene.phase("p", 10, 60);
    scene.phase("q", 60, 90);
    for index in 0..3 {
        scene.node(&format!("stays-{index}"), &node(1));
    }
    scene.node("old", &NodeHistory { gone: Some(30), ..node(1).disrupted(20, "Drifted") });
    for (index, name) in ["new-1", "new-2", "new-3"].into_iter().enumerate() {
        scene.node(name, &node(21 + index as u64));
    }
    scene
}

#[rstest]
#[case::a_number("3", Pass, "general-purpose: 7 nodes at 24.0s, 3 more than at the start (allowed 3)")]
#[case::a_smaller_number("2", Fail, "general-purpose: 7 nodes at 24.0s, 3 more than at the start (allowed 2)")]
#[case::a_part("75%", Pass, "general-purpose: 7 nodes at 24.0s, 3 more than at the start (allowed 3)")]
#[case::rounded_up("51%", Pass, "general-purpose: 7 nodes at 24.0s, 3 more than at the start (allowed 3)")]
#[case::a_smaller_part("50%", Fail, "general-purpose: 7 nodes at 24.0s, 3 more than at the start (allowed 2)")]
fn at_most_that_many_more(#[case] at_most: &str, #[case] verdict: Verdict, #[case] observed: &str) {
    let result = scene().check(check(at_most, &["p"]));
    is(&result, verdict, observed);
    assert!(result.evidence.starts_with("at 24.0s: new-1, new-2, new-3"), "{}", result.evidence);
}

/// What is needed is what was there when the first phase started, not when the last one did: else a fleet that has grown is the measure of itself.
#[test]
fn the_start_is_that_of_the_first_phase() {
    let mut scene = scene();
    scene.node("late", &node(69));
    let seven = "general-purpose: 7 nodes at 24.0s, 3 more than at the start (allowed 3)";
    let more = "general-purpose: 7 nodes at 1m10s, 1 more than at the start (allowed 0)";
    let results = scene.run(vec![check("3", &["p", "q"]), check("0", &["q"])]).expectations;
    is(&results[0], Pass, seven);
    is(&results[1], Fail, more);
}

/// A node on the edges of the phases: launched at the very end of the last it counts, and one that is gone at the very start does not.
#[rstest]
#[case::launched_at_the_end(59, Fail, "general-purpose: 2 nodes at 1m, 1 more than at the start (allowed 0)")]
#[case::launched_after_it(
    60,
    Inconclusive,
    "general-purpose: 1 node at 10.0s, 0 more than at the start (allowed 0), no node was launched"
)]
fn edges(#[case] created: u64, #[case] verdict: Verdict, #[case] observed: &str) {
    let mut scene = Scene::new();
    scene.phase("p", 10, 60);
    scene.node("stays", &node(1));
    scene.node("gone", &NodeHistory { gone: Some(10), ..node(1).disrupted(5, "Empty") });
    scene.node("new", &node(created));
    is(&scene.check(check("0", &["p"])), verdict, observed);
}

/// Before, the start was counted in Ready nodes and the peak in launched ones: each of these nodes was one more, although nothing was launched. A
/// percentage is one of the Ready node.
#[rstest]
#[case::being_deleted(NodeHistory { gone: Some(20), ..node(1).disrupted(5, "Empty") }, Pass, "2 nodes at 10.0s, 0 more")]
#[case::being_made(node(8), Fail, "3 nodes at 31.0s, 1 more")]
fn what_comes_or_goes_at_the_start_is_part_of_the_start(
    #[case] passing: NodeHistory,
    #[case] verdict: Verdict,
    #[case] most: &str,
) {
    let scene = |more: &[NodeHistory]| {
        let mut scene = Scene::new();
        scene.phase("p", 10, 60);
        scene.node("stays", &node(1));
        scene.node("passing", &passing);
        more.iter().for_each(|more| scene.node("new", more));
        scene
    };
    let observed = "general-purpose: 2 nodes at 10.0s, 0 more than at the start (allowed 0), no node was launched";
    is(&scene(&[]).check(check("0", &["p"])), Inconclusive, observed);
    let observed = |allowed: u32| format!("general-purpose: {most} than at the start (allowed {allowed})");
    is(&scene(&[node(30)]).check(check("0", &["p"])), verdict, &observed(0));
    is(&scene(&[node(30)]).check(check("50%", &["p"])), Pass, &observed(1));
}

/// Before a VM is launched there is nothing to pay.
#[test]
fn a_nodeclaim_without_a_machine_does_not_count() {
    let mut scene = scene();
    scene.node("refused", &NodeHistory { ready: None, ..node(23) });
    is(
        &scene.check(check("3", &["p"])),
        Pass,
        "general-purpose: 7 nodes at 24.0s, 3 more than at the start (allowed 3)",
    );
}

#[test]
fn without_nodes_at_the_start_there_is_no_evidence() {
    let mut scene = Scene::new();
    scene.phase("p", 10, 60);
    scene.node("late", &node(20));
    let observed = "general-purpose: no node was Ready at the start, no node was launched";
    is(&scene.check(check("1", &["p"])), Inconclusive, observed);
}

/// A fleet to which nothing happened does not show how many nodes a replacement takes.
#[test]
fn where_nothing_is_launched_there_is_no_evidence() {
    let mut scene = Scene::new();
    scene.phase("p", 10, 60);
    scene.node("a", &node(1));
    let observed = "general-purpose: 1 node at 10.0s, 0 more than at the start (allowed 1), no node was launched";
    is(&scene.check(check("1", &["p"])), Inconclusive, observed);
}
