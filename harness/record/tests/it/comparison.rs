//! Comparing runs.

use crate::story::{Fault, S, plan, run};
use harness_record::compare::{Change, Side, Thresholds, compare};
use harness_record::event::Reached;
use harness_record::summary::{read_hlog, write_hlog};
use harness_record::{Event, EventKind, RunResult, Summary};
use rstest::rstest;

/// The run of the story, its pods Ready later by so much.
fn slower_by(us: u64) -> RunResult {
    let mut events: Vec<Event> = run(&Fault::None);
    for event in &mut events {
        if let EventKind::Milestone(milestone) = &event.kind
            && milestone.reached == Reached::Ready
            && milestone.object.name.starts_with("web")
        {
            event.at_us += us;
        }
    }
    RunResult::from_log(&plan(), events)
}

#[test]
fn a_run_is_the_same_as_itself() {
    let side = Side::from(&slower_by(0));
    let comparison = compare(&side, &side, Thresholds::default());
    assert_eq!((comparison.change, comparison.exit_code()), (Change::Same, 0));
    assert!(comparison.differences.is_empty());
    let small: Vec<_> = comparison.latencies.iter().filter(|it| it.count[0] < 8).collect();
    assert!(!small.is_empty() && small.iter().all(|it| it.change == Change::Inconclusive));
}

#[rstest]
#[case::slower(0, 3 * S, Change::Regression, 1)]
#[case::faster(3 * S, 0, Change::Better, 0)]
#[case::too_little_to_matter(0, S / 10, Change::Same, 0)]
fn tells_a_difference(#[case] before: u64, #[case] after: u64, #[case] change: Change, #[case] code: u8) {
    let comparison = compare(&Side::from(&slower_by(before)), &Side::from(&slower_by(after)), Thresholds::default());
    assert_eq!((comparison.change, comparison.exit_code()), (change, code));
    let of = |workload: &str| {
        let found = comparison
            .latencies
            .iter()
            .find(|it| it.name == "pod_ready" && it.labels.get("workload").is_some_and(|value| value == workload));
        found.unwrap().change
    };
    assert_eq!((of("web"), of("encoder")), (change, Change::Same));
}

#[test]
fn what_never_comes_is_a_regression() {
    let broken = run(&Fault::NeverRegisters { pool: "general-purpose" });
    let after = RunResult::from_log(&plan(), broken);
    let comparison = compare(&Side::from(&slower_by(0)), &Side::from(&after), Thresholds::default());
    assert_eq!(comparison.change, Change::Regression);
    let back = compare(&Side::from(&after), &Side::from(&slower_by(0)), Thresholds::default());
    assert_eq!(back.change, Change::Better);
}

#[test]
fn nothing_in_common_is_inconclusive() {
    let empty = Side { latencies: Vec::new(), ..Side::from(&slower_by(0)) };
    let comparison = compare(&empty, &Side::from(&slower_by(0)), Thresholds::default());
    assert_eq!((comparison.change, comparison.exit_code()), (Change::Inconclusive, 4));
}

#[test]
fn a_baseline_of_two_files_is_enough() {
    let result = slower_by(0);
    let mut log = Vec::new();
    write_hlog(&result, &mut log).unwrap();
    let summary = Summary::from(&result);
    let baseline = Side::from_summary(&summary, &read_hlog(&log).unwrap());
    let own = Side::from(&result);
    assert_eq!(baseline.latencies.len(), own.latencies.len());
    for (kept, measured) in baseline.latencies.iter().zip(&own.latencies) {
        assert_eq!(
            (kept.samples.count(), kept.samples.censored.len()),
            (measured.samples.count(), measured.samples.censored.len())
        );
        for (a, b) in kept.samples.measured_us.iter().zip(&measured.samples.measured_us) {
            assert!(a.abs_diff(*b) <= b / 500, "{a} {b}");
        }
    }
    assert_eq!(compare(&baseline, &own, Thresholds::default()).change, Change::Same);
    let slow = compare(&baseline, &Side::from(&slower_by(3 * S)), Thresholds::default());
    assert_eq!(slow.change, Change::Regression);
}

#[test]
fn says_what_differs() {
    let a = Side::from(&slower_by(0));
    let mut b = a.clone();
    b.parameters.insert("podReadyP99".to_owned(), "60s".to_owned());
    b.target = "aks".to_owned();
    let comparison = compare(&a, &b, Thresholds::default());
    assert_eq!(
        comparison.differences,
        ["target: local before, aks after", "parameter podReadyP99: 30s before, 60s after"]
    );
}
