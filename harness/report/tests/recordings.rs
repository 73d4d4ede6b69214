//! Reports of the golden logs: the whole way from `events.jsonl` to what people read.

#![allow(clippy::unwrap_used, clippy::panic, reason = "also in the helpers of tests")]

mod support;

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use harness_record::RunResult;
use harness_record::compare::{Comparisons, MeasuredRun, Thresholds, compare};
use harness_report::{comparison, console, html, markdown, write_all};
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

/// Five runs like this one, each a little slower than the one before: a scatter of about 1.6 %.
fn five(result: &RunResult, name: &str, factor: f64) -> Vec<MeasuredRun> {
    let one = |index: u32| {
        let mut run = MeasuredRun::from(result);
        run.id = format!("{name}-{index}");
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
