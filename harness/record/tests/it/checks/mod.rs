//! Each check against runs that hold it, that break it, and that show nothing.

mod applied_in_order;
mod available;
mod fields;
mod fleet;
mod happened;
mod limits;
mod max_concurrent_disruptions;
mod max_surge;
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
mod unready;
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
        ("unready", json!({"unready": {"workloads": [WEB], "in": ["p"]}})),
        ("replaced", json!({"replaced": {"nodepools": [POOL], "in": "p", "reason": "Drifted", "atLeast": 1}})),
        ("retained", json!({"retained": {"nodepools": ["memory-optimized"], "in": ["p"]}})),
        ("disruptions", json!({"maxConcurrentDisruptions": {"nodepools": [POOL], "atMost": 1, "in": ["p"]}})),
        ("price", json!({"price": {"before": "before", "after": "p", "atMostPercent": 100}})),
        ("surge", json!({"maxSurge": {"nodepools": [POOL], "atMost": 5, "in": ["p"]}})),
        (
            "price at every moment",
            json!({"price": {"before": "before", "after": "p", "atMostPercent": 500, "always": true}}),
        ),
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

/// What was seen decides; where it does not, a phase that lasted to its deadline was watched as well as one that ended by itself. Before, every
/// one of these was inconclusive after a deadline: "2 of at least 1" too.
#[rstest]
#[case("by its deadline", "phase p hit its deadline after 40.0s", &[])]
#[case("cancelled", "phase p was cancelled after 40.0s", &PROVED)]
#[case("not ended", "the log ends 16m30s into phase p", &PROVED)]
#[case("never", "phase p never started", &[])]
fn a_phase_that_was_cut_proves_what_was_seen_and_nothing_else(
    #[case] kind: &str,
    #[case] note: &str,
    #[case] proved: &[&str],
) {
    let (labels, checks): (Vec<_>, Vec<_>) = bound_checks().into_iter().unzip();
    let result = good(kind).run(checks);
    for (label, result) in labels.iter().zip(&result.expectations) {
        let held = kind == "by its deadline" || proved.contains(label);
        assert_eq!(result.verdict, if held { Pass } else { Inconclusive }, "{label}: {result:#?}");
        // The time that was watched matters to what was not seen alone.
        assert_eq!(
            result.observed.contains(note),
            !PROVED.contains(label) || kind == "never",
            "{label}: {}",
            result.observed
        );
    }
}

/// A latency of the whole run mixes the samples of every phase.
#[rstest]
#[case::of_the_first(Some("first"), "p99 3.00s")]
#[case::of_the_second(Some("second"), "p99 9.00s")]
#[case::of_the_run(None, "p99 9.00s")]
fn a_latency_can_be_that_of_the_samples_of_one_phase(#[case] phase: Option<&str>, #[case] observed: &str) {
    let mut scene = Scene::new();
    scene.phase("first", 1, 30);
    scene.phase("second", 30, 90);
    scene.node("fast", &node(10));
    scene.node("slow", &NodeHistory { ready: Some(49), ..node(40) });
    let phases: Vec<&str> = phase.into_iter().collect();
    let limit = json!({"latency": {"of": "node_provisioning", "p99": "20s", "in": phases}});
    is(&scene.check(planned(limit)), Pass, observed);
}

/// Those that are proved as soon as it has been seen.
const PROVED: [&str; 2] = ["happened", "replaced"];

/// What must not happen and does is refuted at once, whatever becomes of the phase.
#[rstest]
fn what_must_not_happen_is_refuted_when_it_is_seen(
    #[values("reached", "by its deadline", "cancelled", "not ended")] kind: &str,
) {
    let checks = [
        json!({"happened": {"what": "node-ready", "in": ["p"], "atMost": 0}}),
        json!({"uninterrupted": {"workloads": ["api"], "in": ["p"]}}),
        json!({"available": {"workloads": [WEB], "atLeast": 2, "in": ["p"]}}),
        json!({"zones": {"workloads": [WEB], "atLeast": 2, "in": ["p"]}}),
        json!({"retained": {"nodepools": [POOL], "in": ["p"]}}),
        json!({"maxConcurrentDisruptions": {"nodepools": [POOL], "atMost": 0, "in": ["p"]}}),
        json!({"maxSurge": {"nodepools": [POOL], "atMost": 0, "in": ["p"]}}),
        json!({"price": {"before": "before", "after": "p", "atMostPercent": 100, "always": true}}),
    ];
    let mut scene = good(kind);
    scene.pod_of("api", "api-1", "after", 4, Some(5), Some(30));
    for result in scene.run(checks.into_iter().map(planned).collect()).expectations {
        assert_eq!(result.verdict, Fail, "{result:#?}");
        assert!(!result.observed.contains("phase p"), "{}", result.observed);
    }
}

/// How often something must happen, by how often it did and how the phase ended.
#[rstest]
#[case::enough_in_time(Some(1), None, "reached", Pass, "2 times")]
#[case::enough_at_the_deadline(Some(1), None, "by its deadline", Pass, "2 times")]
#[case::enough_when_cancelled(Some(2), None, "cancelled", Pass, "2 times")]
#[case::enough_in_a_log_that_was_cut(Some(2), None, "not ended", Pass, "2 times")]
#[case::too_few_in_time(Some(3), None, "reached", Fail, "2 times")]
#[case::too_few_at_the_deadline(
    Some(3),
    None,
    "by its deadline",
    Fail,
    "2 times, phase p hit its deadline after 40.0s"
)]
#[case::too_few_when_cancelled(Some(3), None, "cancelled", Inconclusive, "2 times, phase p was cancelled after 40.0s")]
#[case::too_many_at_the_deadline(None, Some(1), "by its deadline", Fail, "2 times")]
#[case::too_many_when_cancelled(None, Some(1), "cancelled", Fail, "2 times")]
#[case::not_too_many_at_the_deadline(
    None,
    Some(2),
    "by its deadline",
    Pass,
    "2 times, phase p hit its deadline after 40.0s"
)]
#[case::not_too_many_when_cancelled(
    None,
    Some(2),
    "cancelled",
    Inconclusive,
    "2 times, phase p was cancelled after 40.0s"
)]
#[case::within_both_when_cancelled(
    Some(1),
    Some(2),
    "cancelled",
    Inconclusive,
    "2 times, phase p was cancelled after 40.0s"
)]
#[case::in_a_phase_that_never_started(Some(1), None, "never", Inconclusive, "0 times, phase p never started")]
fn what_was_seen_is_used(
    #[case] at_least: Option<u32>,
    #[case] at_most: Option<u32>,
    #[case] kind: &str,
    #[case] verdict: Verdict,
    #[case] observed: &str,
) {
    let check = json!({"happened": {"what": "node-ready", "in": ["p"], "atLeast": at_least, "atMost": at_most}});
    is(&good(kind).check(planned(check)), verdict, observed);
}
