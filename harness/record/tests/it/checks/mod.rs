//! Each check against runs that hold it, that break it, and that show nothing.

mod applied_in_order;
mod available;
mod fields;
mod fleet;
mod happened;
mod limits;
mod max_concurrent_disruptions;
mod notified;
mod order;
mod pending;
mod price;
mod quota;
mod reasons;
mod replaced;
mod replaced_before_loss;
mod retained;
mod savings;
mod uninterrupted;
mod usage;

use crate::log_builder::{self, S, planned};
use crate::scene::{NodeHistory, POOL, Scene, WEB, names, node};
use Verdict::{Fail, Inconclusive, Pass};
use harness_plan::*;
use harness_record::EventKind;
use harness_record::event::*;
use harness_record::verdict::{ExpectationResult, Verdict};
use harness_units::Amount;
use rstest::rstest;
use serde_json::json;

#[track_caller]
fn is(result: &ExpectationResult, verdict: Verdict, observed: &str) {
    assert_eq!((result.verdict, result.observed.as_str()), (verdict, observed), "{result:#?}");
}

fn amount(text: &str) -> Amount {
    text.parse().expect("is an amount")
}

/// The verdict of every check that is bound to phases on phases that did not run as planned.
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
    let checks = [
        ("happened", json!({"happened": {"what": "node-ready", "in": ["p"], "atLeast": 1}})),
        ("uninterrupted", json!({"uninterrupted": {"workloads": [WEB], "in": ["p"]}})),
        ("available", json!({"available": {"workloads": [WEB], "atLeast": 1, "in": ["p"]}})),
        ("replaced", json!({"replaced": {"nodepools": [POOL], "in": "p", "reason": "Drifted", "atLeast": 1}})),
        ("retained", json!({"retained": {"nodepools": ["memory-optimized"], "in": ["p"]}})),
        ("disruptions", json!({"maxConcurrentDisruptions": {"nodepools": [POOL], "atMost": 1, "in": ["p"]}})),
        ("price", json!({"price": {"before": "before", "after": "p", "atMostPercent": 100}})),
        ("loss", json!({"replacedBeforeLoss": {"in": ["p"]}})),
    ];
    checks.into_iter().map(|(label, check)| (label, planned(check))).collect()
}

/// A run in which each of [`bound_checks`] holds between 10 and 50 s.
fn good(kind: &str) -> Scene {
    let mut scene = Scene::new();
    scene.phase("before", 1, 9);
    phase_of(kind, &mut scene);
    scene.node("old", &node(1).disrupted(20, "Drifted"));
    scene.node("new", &node(21));
    scene.node("cache", &NodeHistory { pool: "memory-optimized", ..node(1) });
    scene.node("spot", &NodeHistory { capacity_type: "spot", noticed: Some(30), evicted: Some(45), ..node(1) });
    scene.node("after", &node(31));
    scene.scale(1, "before", 0, 1);
    scene.pod("web-1", "after", Some(5), None);
    scene
}

#[test]
fn what_should_hold_holds() {
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
fn a_phase_that_did_not_run_as_planned_does_not_pass(#[case] kind: &str, #[case] doubt: &str) {
    let (labels, checks): (Vec<_>, Vec<_>) = bound_checks().into_iter().unzip();
    let result = good(kind).run(checks);
    for (label, result) in labels.iter().zip(&result.expectations) {
        assert_eq!(result.verdict, Inconclusive, "{label}: {result:#?}");
        assert!(result.observed.contains(doubt), "{label}: {}", result.observed);
    }
}
