//! What can go wrong in Azure and in the controller, on the real local cluster with the real controller: the run ends within its
//! deadlines, with the right code, says why, and leaves nothing. Each case has a cluster of its own: the controller remembers
//! for an hour where Azure had no capacity.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{Ran, components_or_skip, run, scenario};
use rstest::rstest;

fn run_case(name: &str) -> Option<Ran> {
    components_or_skip(name).then(|| run(&[scenario(name).to_str().unwrap(), "--seed", "11"]))
}

#[rstest]
#[case("no-quota", "compute-optimized", "OperationNotAllowed")]
#[case("no-capacity", "general-purpose", "AllocationFailed")]
#[case("never-registers", "compute-optimized", "never")]
fn a_fault_that_stays_fails_and_is_named(#[case] name: &str, #[case] pool: &str, #[case] why: &str) {
    let Some(ran) = run_case(name) else { return };
    assert_eq!(ran.code, 1, "{}", ran.said());
    let reason = ran.summary["reasons"].as_array().unwrap().iter().any(|line| {
        let line = line.as_str().unwrap();
        line.contains(pool) && line.contains(why) && !line.contains('\n')
    });
    assert!(reason, "one line names {pool} and {why}\n{}", ran.said());
    ran.assert_reports();
    ran.assert_nothing_left();
}

#[rstest]
#[case("throttled", "throttled")]
#[case("arm-down", "refused")]
fn a_fault_that_passes_is_survived(#[case] name: &str, #[case] caused: &str) {
    let Some(ran) = run_case(name) else { return };
    assert_eq!(ran.code, 0, "{}", ran.said());
    // The test shows nothing when the fault never happened.
    assert!(ran.count(|event| event["azure"]["what"] == caused) > 0, "{}", ran.said());
    ran.assert_reports();
    ran.assert_nothing_left();
}

#[test]
fn an_outage_that_outlasts_the_deadline_is_the_reason() {
    let Some(ran) = run_case("arm-down-too-long") else { return };
    assert_eq!(ran.code, 1, "{}", ran.said());
    let reason = ran.summary["reason"].as_str().unwrap();
    assert!(reason.contains("Azure Resource Manager was down"), "{}", ran.said());
    assert!(ran.summary["counts"]["armRefused"].as_u64().unwrap() > 0, "{}", ran.said());
    ran.assert_reports();
    ran.assert_nothing_left();
}

#[test]
fn a_killed_controller_launches_nothing_twice() {
    let Some(ran) = run_case("controller-killed") else { return };
    assert_eq!(ran.code, 0, "{}", ran.said());
    let done = |what: &str| {
        ran.count(|event| event["action"]["what"]["other"] == what && event["action"]["acked_us"].is_u64())
    };
    assert_eq!((done("kill karpenter"), done("start karpenter")), (1, 1), "{}", ran.said());
    let counts = &ran.summary["counts"];
    assert_eq!(counts["vmsBooted"], counts["nodeclaims"], "{}", ran.said());
    ran.assert_reports();
    ran.assert_nothing_left();
}
