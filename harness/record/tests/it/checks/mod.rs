//! Each check against runs that hold it, that break it, and that show nothing.

mod at_once;
mod available;
mod fields;
mod fleet;
mod happened;
mod in_order;
mod kept;
mod loss;
mod notified;
mod order;
mod pending;
mod price;
mod quota;
mod reasons;
mod replaced;
mod savings;
mod undisturbed;
mod usage;

use crate::scene::{Life, POOL, Scene, WEB, names, node};
use crate::story::{self, S};
use Verdict::{Fail, Inconclusive, Pass};
use harness_plan::*;
use harness_record::event::*;
use harness_record::verdict::{ExpectationResult, Verdict};
use harness_units::Amount;
use rstest::rstest;

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
            Check::Happened { of: EventPattern::any(OccurrenceKind::NodeReady), phases: phases(), at_least: Some(1), at_most: None },
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
