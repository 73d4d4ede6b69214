//! Each check against runs that hold it, that break it, and that show nothing.

mod scene;
mod story;

use Verdict::{Fail, Inconclusive, Pass};
use harness_record::event::*;
use harness_record::verdict::{ExpectationResult, Verdict};
use harness_scenario::plan::*;
use rstest::rstest;
use scene::{Life, POOL, Scene, WEB, names, node};
use story::S;

#[track_caller]
fn is(result: &ExpectationResult, verdict: Verdict, observed: &str) {
    assert_eq!((result.verdict, result.observed.as_str()), (verdict, observed), "{result:#?}");
}

fn amount(text: &str) -> Amount {
    text.parse().expect("is an amount")
}

/// What every check that is bound to phases makes of phases that did not run as they were meant to.
fn phase_of(kind: &str, scene: &mut Scene) {
    match kind {
        "reached" => scene.phase("p", 10, 50),
        "by its deadline" => scene.phase_with("p", 10, Some((50, PhaseOutcome::DeadlinePassed))),
        "cancelled" => scene.phase_with("p", 10, Some((50, PhaseOutcome::Cancelled))),
        "not ended" => scene.phase_with("p", 10, None),
        _ => scene.plan_phase("p"),
    }
}

fn bound_checks() -> Vec<(&'static str, Check)> {
    let phases = || names(&["p"]);
    let pools = || names(&[POOL]);
    let web = || names(&[WEB]);
    vec![
        (
            "happened",
            Check::Happened { of: Happening::any(What::NodeReady), phases: phases(), at_least: Some(1), at_most: None },
        ),
        ("undisturbed", Check::Undisturbed { workloads: web(), phases: phases() }),
        ("available", Check::Available { workloads: web(), at_least: Amount::Count(1), phases: phases() }),
        (
            "replaced",
            Check::Replaced {
                nodepools: pools(),
                phase: "p".to_owned(),
                reason: Some("Drifted".to_owned()),
                at_least: Some(1),
                differs_in: None,
            },
        ),
        ("kept", Check::Kept { nodepools: names(&["memory-optimized"]), phases: phases() }),
        ("at once", Check::AtOnce { nodepools: pools(), reason: None, at_most: Amount::Count(1), phases: phases() }),
        ("price", Check::Price { before: "before".to_owned(), after: "p".to_owned(), at_most_percent: 100 }),
        ("loss", Check::ReplacedBeforeLoss { phases: phases() }),
    ]
}

/// A run in which each of [`bound_checks`] holds between 10 and 50 s.
fn good(kind: &str) -> Scene {
    let mut scene = Scene::new();
    scene.phase("before", 1, 9);
    phase_of(kind, &mut scene);
    scene.node("old", &node(1).disrupted(20, "Drifted"));
    scene.node("new", &node(21));
    scene.node("cache", &Life { pool: "memory-optimized", ..node(1) });
    scene.node("spot", &Life { capacity_type: "spot", noticed: Some(30), evicted: Some(45), ..node(1) });
    scene.node("after", &node(31));
    scene.scale(1, "before", 0, 1);
    scene.pod("web-1", "after", Some(5), None);
    scene
}

#[test]
fn what_holds_holds() {
    let (labels, checks): (Vec<_>, Vec<_>) = bound_checks().into_iter().unzip();
    let result = good("reached").run(checks);
    for (label, result) in labels.iter().zip(&result.expectations) {
        assert_eq!(result.verdict, Pass, "{label}: {result:#?}");
        assert!(!result.limit.is_empty() && !result.evidence.is_empty(), "{label}");
    }
}

#[rstest]
#[case("by its deadline", "phase p ended by its deadline")]
#[case("cancelled", "phase p was cancelled")]
#[case("not ended", "phase p did not end")]
#[case("never", "phase p never began")]
fn a_phase_that_did_not_run_as_meant_is_no_pass(#[case] kind: &str, #[case] doubt: &str) {
    let (labels, checks): (Vec<_>, Vec<_>) = bound_checks().into_iter().unzip();
    let result = good(kind).run(checks);
    for (label, result) in labels.iter().zip(&result.expectations) {
        assert_eq!(result.verdict, Inconclusive, "{label}: {result:#?}");
        assert!(result.observed.contains(doubt), "{label}: {}", result.observed);
    }
}

mod happened {
    use super::*;

    fn crashes(at_least: Option<u32>, at_most: Option<u32>, phases: &[&str]) -> Check {
        Check::Happened { of: Happening::any(What::VmCrashed), phases: names(phases), at_least, at_most }
    }

    fn scene() -> Scene {
        let mut scene = Scene::new();
        scene.phase("a", 1, 20);
        scene.phase("b", 20, 40);
        let life = node(1);
        scene.node("n", &life);
        scene.fact(30, AzureFactKind::VmCrashed, "n", &life);
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
    fn says_what_and_when() {
        let result = scene().check(crashes(Some(1), Some(3), &["b"]));
        assert_eq!(result.limit, "1 to 3 times");
        assert_eq!(result.evidence, "vm-n at 30.0s; in b (20.0s to 40.0s)");
    }

    #[test]
    fn lost_facts_are_no_evidence() {
        let mut scene = scene();
        let lost = Life { vcpus: None, price: None, ..node(1) };
        scene.fact(35, AzureFactKind::FactsLost, "", &lost);
        assert_eq!(scene.check(crashes(None, Some(3), &["b"])).verdict, Inconclusive);
    }

    #[test]
    fn a_target_that_tells_nothing_of_azure_is_no_evidence() {
        let mut scene = Scene::new();
        scene.phase("a", 1, 20);
        let mut result = scene.plan.clone();
        result.expectations = vec![Expectation { name: "it".to_owned(), check: crashes(None, Some(0), &[]) }];
        let events = [
            (S, EventKind::PhaseBegan { phase: "a".to_owned() }),
            (
                2 * S,
                EventKind::PhaseEnded { phase: "a".to_owned(), outcome: PhaseOutcome::Held, detail: String::new() },
            ),
            (3 * S, EventKind::RunEnded { reason: EndReason::Completed, detail: String::new() }),
        ];
        let events = events.into_iter().map(|(at_us, kind)| harness_record::Event { at_us, kind });
        let result = harness_record::RunResult::from_log(&result, events);
        assert_eq!(result.expectations[0].verdict, Inconclusive);
    }

    use harness_record::EventKind;
}

mod pending {
    use super::*;

    fn check(says: Option<&str>) -> Check {
        Check::Pending { workloads: names(&["control"]), says: says.map(str::to_owned) }
    }

    fn scene(ready: Option<u64>, message: Option<&str>) -> Scene {
        let mut scene = Scene::new();
        scene.phase("p", 1, 50);
        scene.node("n", &node(1));
        scene.pod_of("control", "control-7d9f-abcde", "n", 2, ready, None);
        if let Some(message) = message {
            scene.reason(4, "control-7d9f-abcde", "FailedScheduling", message);
        }
        scene
    }

    #[rstest]
    #[case::with_the_reason(
        None,
        Some("did not tolerate taint x"),
        Some("did not tolerate taint"),
        Pass,
        "control: 1 pod Pending"
    )]
    #[case::any_reason(None, Some("whatever"), None, Pass, "control: 1 pod Pending")]
    #[case::another_reason(None, Some("whatever"), Some("taint"), Fail, "control: Pending, and the reason was another")]
    #[case::no_reason(None, None, None, Inconclusive, "control: 1 pod Pending, and no controller said why")]
    #[case::bound(
        Some(9),
        Some("taint"),
        Some("taint"),
        Fail,
        "control: 1 pod bound (control-7d9f-abcde on vm-n at 9.00s)"
    )]
    fn stays_and_says_why(
        #[case] ready: Option<u64>,
        #[case] message: Option<&str>,
        #[case] says: Option<&str>,
        #[case] verdict: Verdict,
        #[case] observed: &str,
    ) {
        is(&scene(ready, message).check(check(says)), verdict, observed);
    }

    #[test]
    fn who_says_why_is_quoted_before_who_says_only_that_there_is_no_place() {
        let mut scene = scene(None, Some("no nodes available to schedule pods"));
        scene.reason(5, "control-7d9f-abcde", "FailedScheduling", "Failed to schedule pod, did not tolerate taint x");
        let result = scene.check(check(None));
        let why = "control-7d9f-abcde: FailedScheduling: Failed to schedule pod, did not tolerate taint x";
        assert_eq!((result.verdict, result.evidence.as_str()), (Pass, why));
    }

    #[test]
    fn without_pods_there_is_nothing_to_say() {
        let mut scene = Scene::new();
        scene.phase("p", 1, 50);
        is(&scene.check(check(None)), Inconclusive, "control: no pod was ever there");
    }

    #[test]
    fn a_node_made_for_them_fails_the_placement() {
        let placement = Check::Placement { workloads: names(&[WEB]), exclusively: true };
        let with = |nominated: bool| {
            let mut scene = scene(None, Some("taint"));
            let control = Workload {
                name: "control".to_owned(),
                stays_pending: true,
                class: POOL.to_owned(),
                ..scene.plan.workloads[0].clone()
            };
            scene.plan.workloads.push(control);
            scene.scale(1, "p", 0, 1);
            scene.pod("web-1", "n", Some(5), None);
            if nominated {
                scene.reason(5, "control-7d9f-abcde", "Nominated", "Pod should schedule on: nodeclaim/extra");
            }
            scene.check(placement.clone())
        };
        assert_eq!(with(false).verdict, Pass, "{:#?}", with(false));
        assert_eq!(with(true).verdict, Fail);
        assert!(with(true).observed.contains("1 NodeClaim for pods that must stay Pending"), "{}", with(true).observed);
    }
}

mod undisturbed {
    use super::*;

    fn check() -> Check {
        Check::Undisturbed { workloads: names(&[WEB]), phases: names(&["p"]) }
    }

    fn scene(going: Option<u64>) -> Scene {
        let mut scene = Scene::new();
        scene.phase("p", 10, 50);
        scene.node("n", &node(1));
        scene.pod("web-1", "n", Some(5), None);
        scene.pod("web-2", "n", Some(5), going);
        scene
    }

    #[rstest]
    #[case::all_stay(None, Pass, "none disturbed")]
    #[case::one_goes(Some(20), Fail, "web: 1 of 2 pods disturbed")]
    #[case::it_went_before(Some(8), Pass, "none disturbed")]
    #[case::it_went_after(Some(60), Pass, "none disturbed")]
    fn pods_that_were_ready(#[case] going: Option<u64>, #[case] verdict: Verdict, #[case] observed: &str) {
        is(&scene(going).check(check()), verdict, observed);
    }

    #[test]
    fn a_pod_that_is_not_ready_for_a_moment_was_disturbed() {
        let mut scene = scene(None);
        let pod = scene.story.key(ObjectKind::Pod, "web-3");
        for (at, reached) in [(4, Reached::Created), (5, Reached::Ready), (20, Reached::NotReady), (21, Reached::Ready)]
        {
            scene.story.reached(at * S, &pod, reached, &[(attribute::WORKLOAD, WEB)]);
        }
        let result = scene.check(check());
        is(&result, Fail, "web: 1 of 3 pods disturbed");
        assert!(result.evidence.starts_with("web-3 was not Ready any more at 20.0s"), "{}", result.evidence);
    }

    #[test]
    fn nobody_there_is_no_evidence() {
        let mut scene = Scene::new();
        scene.phase("p", 10, 50);
        is(&scene.check(check()), Inconclusive, "web: no pod was Ready when p began");
    }
}

mod available {
    use super::*;

    fn check(at_least: &str) -> Check {
        Check::Available { workloads: names(&[WEB]), at_least: amount(at_least), phases: names(&["p"]) }
    }

    /// Four pods are asked for; one is lost at 20 s and replaced at 25 s, another one at 22 s and 30 s.
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
    fn fewer_are_needed_when_fewer_are_asked_for() {
        let mut scene = scene();
        scene.scale(19, "p", 4, 2);
        is(&scene.check(check("100%")), Pass, "always enough");
    }

    #[test]
    fn where_none_are_asked_for_there_is_no_evidence() {
        let mut scene = Scene::new();
        scene.phase("p", 10, 50);
        is(&scene.check(check("80%")), Inconclusive, "web: no pod was needed in p");
    }
}

mod replaced {
    use super::*;

    fn check(at_least: Option<u32>, reason: Option<&str>, differs_in: Option<NodeProperty>) -> Check {
        Check::Replaced {
            nodepools: names(&[POOL]),
            phase: "p".to_owned(),
            reason: reason.map(str::to_owned),
            at_least,
            differs_in,
        }
    }

    const IMAGE: Option<NodeProperty> = Some(NodeProperty::Image);

    /// Two nodes; the first goes as drifted and another comes for it.
    fn scene(second: Life, images: [Option<&'static str>; 2]) -> Scene {
        let made = |image: Option<&'static str>| image.map(|image| (attribute::IMAGE, image)).into_iter().collect();
        let mut scene = Scene::new();
        scene.phase("p", 10, 60);
        scene.node("old-1", &Life { made: made(images[0]), ..node(1).disrupted(20, "Drifted") });
        scene.node("old-2", &Life { made: made(images[0]), ..second });
        scene.node("new-1", &Life { made: made(images[1]), ..node(21) });
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
        "general-purpose: 1 of 2 nodes replaced, 1 went otherwise (old-2 Empty)"
    )]
    #[case::for_no_known_reason(
        Life { deleting: Some(30), gone: Some(33), ..node(1) },
        None,
        Inconclusive,
        "general-purpose: 1 of 2 nodes replaced, 1 went otherwise (old-2 for no known reason)"
    )]
    #[case::drifted_says_enough(
        Life { drifted: Some(25), deleting: Some(30), gone: Some(33), ..node(1) },
        None,
        Pass,
        "general-purpose: 2 of 2 nodes replaced"
    )]
    #[case::gone_too_late(
        Life { gone: Some(70), ..node(1).disrupted(30, "Drifted") },
        None,
        Fail,
        "general-purpose: 1 of 2 nodes replaced"
    )]
    fn so_many_for_the_reason(
        #[case] second: Life,
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
    fn by_other_ones(#[case] images: [Option<&'static str>; 2], #[case] verdict: Verdict, #[case] observed: &str) {
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
            scene.node("old", &Life { made: made("v1.34.1"), ..node(1).disrupted(20, "Drifted") });
            scene.node("new", &Life { made: made(version), ..node(21) });
            scene.check(check(None, None, Some(NodeProperty::KubeletVersion))).verdict
        };
        assert_eq!((with("v1.34.2"), with("v1.34.1")), (Pass, Fail));
    }

    #[test]
    fn gone_without_another_is_not_replaced() {
        let mut scene = Scene::new();
        scene.phase("p", 10, 60);
        scene.node("old", &node(1).disrupted(20, "Drifted"));
        is(&scene.check(check(None, None, None)), Fail, "general-purpose: 1 of 1 node replaced, no other came");
    }

    #[test]
    fn no_node_no_evidence() {
        let mut scene = Scene::new();
        scene.phase("p", 10, 60);
        scene.node("late", &node(20));
        is(&scene.check(check(None, None, None)), Inconclusive, "general-purpose: no node was Ready at the begin");
    }
}

mod kept {
    use super::*;

    fn check() -> Check {
        Check::Kept { nodepools: names(&[POOL]), phases: names(&["p", "q"]) }
    }

    #[rstest]
    #[case::both(node(1), Pass, "general-purpose: 2 nodes kept")]
    #[case::one_goes(node(1).disrupted(30, "Drifted"), Fail, "general-purpose: 1 of 2 nodes went")]
    #[case::in_the_second_phase(node(1).disrupted(55, "Drifted"), Fail, "general-purpose: 1 of 2 nodes went")]
    #[case::afterwards(node(1).disrupted(90, "Empty"), Pass, "general-purpose: 2 nodes kept")]
    #[case::it_came_later(node(12).disrupted(30, "Empty"), Pass, "general-purpose: 1 node kept")]
    fn from_the_first_phase_to_the_last(#[case] second: Life, #[case] verdict: Verdict, #[case] observed: &str) {
        let mut scene = Scene::new();
        scene.phase("p", 10, 50);
        scene.phase("q", 50, 80);
        scene.node("a", &node(1));
        scene.node("b", &second);
        let result = scene.check(check());
        is(&result, verdict, observed);
        if verdict == Fail {
            assert!(result.evidence.starts_with("b went at "), "{}", result.evidence);
        }
    }

    #[test]
    fn no_node_no_evidence() {
        let mut scene = Scene::new();
        scene.phase("p", 10, 50);
        scene.phase("q", 50, 80);
        is(&scene.check(check()), Inconclusive, "general-purpose: no node was Ready at the begin");
    }
}

mod at_once {
    use super::*;

    fn check(at_most: &str, reason: Option<&str>) -> Check {
        Check::AtOnce {
            nodepools: names(&[POOL]),
            reason: reason.map(str::to_owned),
            at_most: amount(at_most),
            phases: names(&["p"]),
        }
    }

    /// Ten nodes, of which two go together and a third when one of these is gone; a fourth is empty.
    fn scene() -> Scene {
        let mut scene = Scene::new();
        scene.phase("p", 10, 60);
        for index in 0..6 {
            scene.node(&format!("stays-{index}"), &node(1));
        }
        scene.node("a", &node(1).disrupted(20, "Drifted"));
        scene.node("b", &Life { gone: Some(30), ..node(1).disrupted(21, "Drifted") });
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
    fn no_more_than(
        #[case] at_most: &str,
        #[case] reason: Option<&str>,
        #[case] verdict: Verdict,
        #[case] observed: &str,
    ) {
        is(&scene().check(check(at_most, reason)), verdict, observed);
    }

    #[test]
    fn who_was_spared_is_not_being_disrupted_any_more() {
        let mut scene = scene();
        scene.node("e", &Life { disrupted: Some((12, "Drifted")), spared: Some(15), ..node(1) });
        is(&scene.check(check("2", Some("Drifted"))), Pass, "general-purpose: 2 at once at 21.0s");
    }

    #[test]
    fn what_began_before_the_phase_counts_in_it() {
        let mut scene = scene();
        scene.node("e", &Life { gone: Some(50), ..node(1).disrupted(8, "Drifted") });
        is(&scene.check(check("2", Some("Drifted"))), Fail, "general-purpose: 3 at once at 21.0s");
    }
}

mod price {
    use super::*;

    fn check(at_most_percent: u32) -> Check {
        Check::Price { before: "fill".to_owned(), after: "shrink".to_owned(), at_most_percent }
    }

    fn scene(price: Option<(f64, f64)>) -> Scene {
        let mut scene = Scene::new();
        scene.phase("fill", 1, 10);
        scene.phase("shrink", 10, 60);
        scene.node("a", &Life { price, ..node(1) });
        for name in ["b", "c", "d"] {
            scene.node(name, &Life { price, ..node(1).disrupted(20, "Underutilized") });
        }
        scene
    }

    const OBSERVED: &str =
        "$0.800 an hour (4 VMs) at the end of fill, $0.200 an hour (1 VM) at the end of shrink, 25 %";

    #[rstest]
    #[case::fallen(25, Pass)]
    #[case::not_enough(24, Fail)]
    fn falls_to_a_part(#[case] at_most_percent: u32, #[case] verdict: Verdict) {
        is(&scene(Some((0.2, 0.2))).check(check(at_most_percent)), verdict, OBSERVED);
    }

    #[test]
    fn without_prices_there_is_no_evidence() {
        let result = scene(None).check(check(50));
        assert_eq!(result.verdict, Inconclusive);
        assert!(result.observed.ends_with("no price of 5 VMs"), "{}", result.observed);
    }

    #[test]
    fn of_nothing_there_is_no_part() {
        let mut scene = Scene::new();
        scene.phase("fill", 1, 10);
        scene.phase("shrink", 10, 60);
        assert_eq!(scene.check(check(50)).verdict, Inconclusive);
    }
}

mod savings {
    use super::*;

    fn spot(price: Option<(f64, f64)>) -> Life {
        Life { capacity_type: "spot", price, gone: Some(3_602), deleting: Some(3_600), ..node(1) }
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
    #[case::no_price(&[None], 10, Inconclusive, "no prices")]
    #[case::some_without(&[None, Some((0.06, 0.2))], 10, Inconclusive, "no price of 1 VM")]
    fn against_the_same_on_demand(
        #[case] spots: &[Option<(f64, f64)>],
        #[case] at_least_percent: u32,
        #[case] verdict: Verdict,
        #[case] observed: &str,
    ) {
        is(&scene(spots).check(Check::Savings { at_least_percent }), verdict, observed);
    }

    #[test]
    fn without_spot_there_is_no_evidence() {
        let mut scene = Scene::new();
        scene.node("a", &node(1));
        is(&scene.check(Check::Savings { at_least_percent: 1 }), Inconclusive, "no spot VM among 1 VM");
    }

    #[test]
    fn the_result_says_what_the_vms_cost() {
        let mut scene = scene(&[Some((0.06, 0.2))]);
        scene.node("regular", &Life { gone: Some(1_802), deleting: Some(1_800), ..node(1) });
        let cost = scene.run(Vec::new()).cost.expect("prices are known");
        assert_eq!((cost.spot_micro_usd, cost.on_demand_micro_usd), (60_000, 100_000));
        assert_eq!(cost.at_on_demand_prices_micro_usd, Some(300_000));
        assert_eq!((cost.peak_micro_usd_per_hour, cost.vm_us), (260_000, 5_400 * S));
        assert_eq!((cost.vms, cost.spot_vms, cost.vms_without_price), (2, 1, 0));
    }
}

mod quota {
    use super::*;

    fn check(scope: &str, cores: u32) -> Check {
        Check::Quota { scopes: vec![QuotaScope { scope: scope.to_owned(), cores }] }
    }

    fn scene() -> Scene {
        let mut scene = Scene::new();
        scene.node("a", &node(1));
        scene.node("b", &node(10));
        scene.node("d", &Life { size: "Standard_D4s_v5", ..node(1) });
        scene.node("s", &Life { capacity_type: "spot", ..node(1) });
        scene
    }

    #[rstest]
    #[case::family("F", 8, Pass, "F: at most 8 cores")]
    #[case::family_broken("F", 7, Fail, "F: at most 8 cores, and vm-b was granted over the quota at 10.0s")]
    #[case::region("regional", 12, Pass, "regional: at most 12 cores")]
    #[case::spot("spot", 4, Pass, "spot: at most 4 cores")]
    #[case::nobody("NC", 4, Inconclusive, "NC: no VM ran")]
    fn holds(#[case] scope: &str, #[case] cores: u32, #[case] verdict: Verdict, #[case] observed: &str) {
        is(&scene().check(check(scope, cores)), verdict, observed);
    }

    #[test]
    fn an_unknown_size_is_no_evidence() {
        let mut scene = scene();
        scene.node("u", &Life { vcpus: None, ..node(20) });
        assert_eq!(scene.check(check("F", 8)).verdict, Inconclusive);
    }

    #[test]
    fn holds_from_when_the_plan_raised_it() {
        let mut scene = scene();
        scene.phase("p", 1, 50);
        let raise = Action::AzureFault(AzureFault::Quota { scope: "F".to_owned(), cores: 8 });
        scene.plan.phases[0].actions.push(PlannedAction { id: 7, at_us: 0, action: raise });
        scene.story.action(5 * S, Some(7), "p", ActionKind::Other("azure fault quota".to_owned()));
        is(&scene.check(check("F", 4)), Pass, "F: at most 8 cores");
    }
}

mod loss {
    use super::*;

    fn check() -> Check {
        Check::ReplacedBeforeLoss { phases: names(&["p"]) }
    }

    fn scene(lost: &[u64], new: &[u64]) -> Scene {
        let mut scene = Scene::new();
        scene.phase("p", 10, 60);
        for (index, at) in lost.iter().enumerate() {
            let life = Life { capacity_type: "spot", noticed: Some(20), evicted: Some(*at), ..node(1) };
            scene.node(&format!("spot-{index}"), &life);
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
}

mod fleet {
    use super::*;

    fn check() -> Check {
        Check::Fleet { as_many_as_nodeclaims: true, at_the_end: None }
    }

    #[test]
    fn evictions_replacements_and_crashes_are_no_discrepancy() {
        let mut scene = Scene::new();
        scene.node("a", &node(1).disrupted(20, "Drifted"));
        scene.node("b", &node(21));
        scene.node(
            "s",
            &Life { capacity_type: "spot", evicted: Some(30), deleting: Some(31), gone: Some(33), ..node(1) },
        );
        scene.fact(40, AzureFactKind::VmCrashed, "b", &node(21));
        is(&scene.check(check()), Pass, "3 VMs booted, 3 NodeClaims launched");
    }

    #[test]
    fn launched_twice_is_one_too_many() {
        let mut scene = Scene::new();
        scene.node("a", &node(1));
        let life = node(5);
        let vm = story::Vm {
            name: "vm-again".to_owned(),
            claim: "a".to_owned(),
            pool: life.pool.to_owned(),
            ..story::Vm::default()
        };
        scene.story.azure(6 * S, AzureFactKind::VmBooted, &vm);
        is(&scene.check(check()), Fail, "2 VMs booted, 1 NodeClaim launched, a has 2 VMs");
    }

    #[test]
    fn one_too_many_and_one_too_few_are_not_equal() {
        let mut scene = Scene::new();
        scene.node("a", &node(1));
        let claim = scene.story.key(ObjectKind::NodeClaim, "b");
        scene.story.reached(2 * S, &claim, Reached::Created, &[(attribute::NODEPOOL, POOL)]);
        scene.story.reached(3 * S, &claim, Reached::Launched, &[]);
        let orphan = story::Vm { name: "vm-orphan".to_owned(), ..story::Vm::default() };
        scene.story.azure(4 * S, AzureFactKind::VmBooted, &orphan);
        is(
            &scene.check(check()),
            Fail,
            "2 VMs booted, 2 NodeClaims launched, VM vm-orphan has no launched NodeClaim, b has no VM",
        );
    }

    #[test]
    fn what_azure_failed_after_it_was_launched_is_no_discrepancy() {
        let mut scene = Scene::new();
        scene.node("a", &node(1));
        let claim = scene.story.key(ObjectKind::NodeClaim, "b");
        scene.story.reached(2 * S, &claim, Reached::Launched, &[(attribute::NODEPOOL, POOL)]);
        scene.fact(2, AzureFactKind::VmAccepted, "b", &node(2));
        scene.fact(4, AzureFactKind::ProvisioningFailed, "b", &node(2));
        let result = scene.check(check());
        is(&result, Pass, "1 VM booted, 2 NodeClaims launched");
        assert!(result.evidence.contains("1 launched and then failed by Azure"), "{}", result.evidence);
    }
}

mod reasons {
    use super::*;
    use harness_record::EventKind;

    fn failing(azure: bool) -> harness_record::RunResult {
        let mut scene = Scene::new();
        scene.phase("p", 10, 60);
        scene.node("old", &node(1));
        if azure {
            let life = node(20);
            scene.fact(20, AzureFactKind::VmAccepted, "refused", &life);
            let vm = story::Vm {
                name: "vm-refused".to_owned(),
                claim: "refused".to_owned(),
                pool: POOL.to_owned(),
                code: "AllocationFailed".to_owned(),
                message: "no capacity".to_owned(),
            };
            scene.story.azure(22 * S, AzureFactKind::ProvisioningFailed, &vm);
        } else {
            let reason = Reason {
                kind: "NodePool".to_owned(),
                name: POOL.to_owned(),
                reason: "DisruptionBlocked".to_owned(),
                message: "No allowed disruptions due to blocking budget".to_owned(),
                severity: "Warning".to_owned(),
            };
            scene.story.at(22 * S, EventKind::Reason(reason));
        }
        let check = Check::Replaced {
            nodepools: names(&[POOL]),
            phase: "p".to_owned(),
            reason: None,
            at_least: None,
            differs_in: None,
        };
        scene.run(vec![check])
    }

    #[rstest]
    #[case::azures_code(true, "Azure: AllocationFailed (no capacity), 1 time")]
    #[case::the_controllers_reason(false, "DisruptionBlocked: No allowed disruptions due to blocking budget")]
    fn a_failed_check_is_explained_by_what_is_known_of_its_pool(#[case] azure: bool, #[case] why: &str) {
        let expected = format!("check 0: general-purpose: 0 of 1 node replaced; general-purpose: {why}");
        assert_eq!(failing(azure).reason, expected);
    }

    #[test]
    fn so_is_a_phase_that_waited_for_it() {
        let mut scene = Scene::new();
        scene.phase_with("p", 10, Some((60, PhaseOutcome::DeadlinePassed)));
        scene.plan.phases[0].until =
            Some(Until::Nodes { nodepool: Some(POOL.to_owned()), at_least: Some(2), at_most: None });
        scene.node("old", &node(1));
        let vm = story::Vm { pool: POOL.to_owned(), code: "SkuNotAvailable".to_owned(), ..story::Vm::default() };
        scene.story.azure(22 * S, AzureFactKind::ProvisioningFailed, &vm);
        let result = scene.run(vec![Check::Phase { phase: "p".to_owned() }]);
        assert_eq!(
            result.reason,
            "phase p: not at least 2 nodes of general-purpose after 50.0s; general-purpose: Azure: SkuNotAvailable, 1 time"
        );
    }
}
