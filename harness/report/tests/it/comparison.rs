//! What a comparison of two runs says on the console.

use crate::support;
use harness_record::compare::{Side, Thresholds, compare};
use harness_report::console;

#[test]
fn a_comparison_says_what_became_slower() {
    let before = support::passed(5);
    let mut after = support::passed(5);
    "after".clone_into(&mut after.run.id);
    for latency in &mut after.latencies {
        for us in &mut latency.samples.measured_us {
            *us = *us * 3 / 2;
        }
        latency.stats = latency.samples.stats();
    }
    let slower = compare(&Side::from(&before), &Side::from(&after), Thresholds::default());
    let text = console::comparison(&slower, 120, false);
    assert!(text.starts_with("REGRESSION  A 20261121-121500-4f2a  B after"), "{text}");
    assert!(
        text.lines()
            .any(|line| line.starts_with("regression") && line.contains("node_provisioning") && line.contains("1.50")),
        "{text}"
    );
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
    let same = compare(&Side::from(&before), &Side::from(&before), Thresholds::default());
    assert!(console::comparison(&same, 120, false).starts_with("SAME"));
}
