//! Replacements that are Ready before spot VMs are evicted.

use super::*;

fn check() -> Check {
    planned(json!({"replacedBeforeLoss": {"in": ["p"]}}))
}

fn scene(lost: &[u64], new: &[u64]) -> Scene {
    let mut scene = Scene::new();
    scene.phase("p", 10, 60);
    for (index, at) in lost.iter().enumerate() {
        let history = NodeHistory { capacity_type: "spot", noticed: Some(20), evicted: Some(*at), ..node(1) };
        scene.node(&format!("spot-{index}"), &history);
    }
    for (index, created) in new.iter().enumerate() {
        scene.node(&format!("new-{index}"), &node(*created));
    }
    scene
}

#[rstest]
#[case::in_time(&[30], &[22], Pass, "1 of 1 spot VM replaced before the loss")]
#[case::too_late(&[30], &[28], Fail, "0 of 1 spot VM replaced before the loss")]
#[case::one_for_two(&[30, 31], &[22], Fail, "1 of 2 spot VMs replaced before the loss")]
#[case::one_each(&[30, 31], &[22, 23], Pass, "2 of 2 spot VMs replaced before the loss")]
#[case::it_was_there_before(&[30], &[12], Fail, "0 of 1 spot VM replaced before the loss")]
#[case::no_notice(&[], &[22], Inconclusive, "no spot VM was given notice")]
fn the_new_node_comes_first(
    #[case] lost: &[u64],
    #[case] new: &[u64],
    #[case] verdict: Verdict,
    #[case] observed: &str,
) {
    is(&scene(lost, new).check(check()), verdict, observed);
}
