//! Reports of the golden logs: the whole way from `events.jsonl` to what people read.

#![allow(clippy::unwrap_used, clippy::panic, reason = "also in the helpers of tests")]

mod support;

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use harness_record::RunResult;
use harness_record::compare::{Side, Thresholds, compare};
use harness_report::{console, html, markdown, write_all};
use harness_scenario::plan::Plan;
use rstest::rstest;

fn read(name: &str) -> (Plan, RunResult) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/recordings").join(name);
    let plan: Plan = serde_json::from_reader(BufReader::new(File::open(folder.join("plan.json")).unwrap())).unwrap();
    let result = RunResult::read(&plan, BufReader::new(File::open(folder.join("events.jsonl")).unwrap())).unwrap();
    (plan, result)
}

#[rstest]
#[case("pass", "Passed", "exit code 0")]
#[case("no-quota", "OperationNotAllowed", "exit code 1")]
#[case("never-registers", "Failed", "exit code 1")]
#[case("killed", "Killed", "exit code 4")]
fn a_recording_becomes_every_report(#[case] name: &str, #[case] says: &str, #[case] code: &str) {
    let (plan, result) = read(name);
    let page = html::render(&plan, &result).unwrap();
    let md = markdown::render(&plan, &result);
    for text in [&page, &md] {
        assert!(text.contains(says) && text.contains(code), "{name}: {says}, {code}\n{md}");
    }
    let folder: PathBuf = Path::new(env!("CARGO_TARGET_TMPDIR")).join("recordings").join(name);
    fs::create_dir_all(&folder).unwrap();
    assert_eq!(write_all(&folder, &plan, &result).unwrap().len(), 5);
}

#[test]
fn the_same_log_makes_the_same_reports() {
    let (plan, result) = read("pass");
    let (_, again) = read("pass");
    assert_eq!(html::render(&plan, &result).unwrap(), html::render(&plan, &again).unwrap());
    assert_eq!(markdown::render(&plan, &result), markdown::render(&plan, &again));
}

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
