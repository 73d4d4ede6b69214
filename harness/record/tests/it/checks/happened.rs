//! How often something happened.

use super::*;

fn crashes(at_least: Option<u32>, at_most: Option<u32>, phases: &[&str]) -> Check {
    planned(json!({"happened": {"what": "vm-crashed", "in": phases, "atLeast": at_least, "atMost": at_most}}))
}

fn scene() -> Scene {
    let mut scene = Scene::new();
    scene.phase("a", 1, 20);
    scene.phase("b", 20, 40);
    let history = node(1);
    scene.node("n", &history);
    scene.fact(30, AzureFactKind::VmCrashed, "n", &history);
    scene
}

#[rstest]
#[case::in_its_phase(crashes(Some(1), None, &["b"]), Pass, "1 time")]
#[case::anywhere(crashes(Some(1), None, &[]), Pass, "1 time")]
#[case::too_seldom(crashes(Some(2), None, &[]), Fail, "1 time")]
#[case::not_in_that_phase(crashes(Some(1), None, &["a"]), Fail, "0 times")]
#[case::too_often(crashes(None, Some(0), &[]), Fail, "1 time")]
#[case::never_where_it_must_not(crashes(None, Some(0), &["a"]), Pass, "0 times")]
fn counts(#[case] check: Check, #[case] verdict: Verdict, #[case] observed: &str) {
    is(&scene().check(check), verdict, observed);
}

#[test]
fn lists_what_happened_and_when() {
    let result = scene().check(crashes(Some(1), Some(3), &["b"]));
    assert_eq!(result.limit, "1 to 3 times");
    assert_eq!(result.evidence, "vm-n at 30.0s; in b (20.0s to 40.0s)");
}

#[test]
fn lost_facts_are_inconclusive() {
    let mut scene = scene();
    let lost = NodeHistory { vcpus: None, price: None, ..node(1) };
    scene.fact(35, AzureFactKind::FactsLost, "", &lost);
    assert_eq!(scene.check(crashes(None, Some(3), &["b"])).verdict, Inconclusive);
}

#[test]
fn a_target_without_facts_from_azure_is_inconclusive() {
    let mut scene = Scene::new();
    scene.phase("a", 1, 20);
    let mut result = scene.plan.clone();
    result.expectations = vec![Expectation::new("it", crashes(None, Some(0), &[]))];
    let events = [
        (S, EventKind::PhaseBegan { phase: "a".to_owned() }),
        (2 * S, EventKind::PhaseEnded { phase: "a".to_owned(), outcome: PhaseOutcome::Held, detail: String::new() }),
        (3 * S, EventKind::RunEnded { reason: EndReason::Completed, detail: String::new() }),
    ];
    let events = events.into_iter().map(|(at_us, kind)| harness_record::Event { at_us, kind });
    let result = crate::result_of(&result, events);
    assert_eq!(result.expectations[0].verdict, Inconclusive);
}

use harness_record::EventKind;
