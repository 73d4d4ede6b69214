//! Comparisons, in each format.

use harness_record::RunResult;
use harness_record::compare::{Comparisons, MeasuredRun, Thresholds, compare};
use harness_report::{comparison, console};

use crate::support;

/// Five runs like this one, each a little slower than the one before: a scatter of about 1.6 %.
fn five(result: &RunResult, name: &str, factor: f64) -> Vec<MeasuredRun> {
    let one = |index: u32| {
        let mut run = MeasuredRun::from(result);
        run.info.id = format!("{name}-{index}");
        for us in run.latencies.iter_mut().flat_map(|latency| &mut latency.samples.measured_us) {
            *us = (*us as f64 * factor * (1.0 + 0.01 * f64::from(index))) as u64;
        }
        run
    };
    (0..5).map(one).collect()
}

#[test]
fn a_comparison_says_what_became_slower() {
    let result = support::passed(5);
    let (before, after) = (five(&result, "before", 1.0), five(&result, "after", 1.5));
    let slower = compare(&before, &after, Thresholds::default());
    let text = console::comparison(&slower, 130, false);
    assert!(text.starts_with("REGRESSION  "), "{text}");
    assert!(text.contains("  A: 5 runs (before-0, before-1, before-2, \u{2026})"), "{text}");
    assert!(
        text.lines()
            .any(|line| line.starts_with("regression  node_provisioning") && line.contains("1.50  1.43 to 1.58")),
        "{text}"
    );
    assert!(text.contains("Groups are shown and never gate."), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 130), "{text}");
    // The groups of what changed are named below it.
    let groups = text.split("\nWhere\n").nth(1).unwrap();
    assert!(groups.lines().any(|line| line.starts_with("(shown)") && line.contains("nodepool ")), "{text}");

    let all = Comparisons::new(vec![slower], vec!["spot: only before".to_owned()]);
    let md = comparison::markdown(&all);
    assert!(md.starts_with("## Regression: ") && md.contains("| **regression** |"), "{md}");
    assert!(md.ends_with("- not compared: spot: only before\n"), "{md}");
    assert!(console::comparisons(&all, 130, false).ends_with("not compared: spot: only before\n"));

    let same = compare(&before, &before, Thresholds::default());
    assert!(console::comparison(&same, 120, false).starts_with("SAME"));
    let single = console::comparison(&compare(&before[..1], &after[..1], Thresholds::default()), 120, false);
    assert!(single.starts_with("INCONCLUSIVE") && single.contains("Run both sides with --repeat 5."), "{single}");
    let against_five = console::comparison(&compare(&before, &after[..1], Thresholds::default()), 120, false);
    assert!(against_five.starts_with("SLOWER THAN THE NOISE"), "{against_five}");
}
