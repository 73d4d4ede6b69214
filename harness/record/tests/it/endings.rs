//! How runs end: verdict, reasons and expectations of generated logs, of a run that passes and of some that do not.

use std::fmt::Write as _;

use harness_record::log::LogWriter;
use harness_record::{RunResult, Summary};
use rstest::rstest;

use crate::log_builder::{Fault, plan, run};

/// How the log ends.
enum End {
    Whole,
    /// In the middle of a line, after this part of the log.
    Cut(f64),
}

#[rstest]
#[case::pass("pass", Fault::None, End::Whole)]
#[case::no_quota(
    "no-quota",
    Fault::Fails {
        pool: "compute-optimized",
        code: "OperationNotAllowed",
        message: "Operation could not be completed as it results in exceeding approved standardFSv2Family Cores quota. \
                  Additional details - Deployment Model: Resource Manager, Location: eastus, Current Limit: 0, Current Usage: 0, \
                  Additional Required: 4, (Minimum) New Limit Required: 4.",
    },
    End::Whole
)]
#[case::never_registers("never-registers", Fault::NeverRegisters { pool: "compute-optimized" }, End::Whole)]
#[case::killed("killed", Fault::None, End::Cut(0.6))]
fn a_run_states_its_verdict_and_its_reasons(#[case] name: &str, #[case] fault: Fault, #[case] end: End) {
    let mut log = Vec::new();
    let mut writer = LogWriter::new(&mut log);
    run(&fault).iter().for_each(|event| writer.append(event).unwrap());
    if let End::Cut(part) = end {
        log.truncate((log.len() as f64 * part) as usize);
        assert_ne!(log.last(), Some(&b'\n'), "the cut must be in mid-line");
    }
    let result = RunResult::read(&plan(), log.as_slice()).unwrap();
    let summary = Summary::from(&result);
    let json = summary.to_json().unwrap();
    assert_eq!(Summary::from_json(json.as_bytes()).unwrap().to_json().unwrap(), json);
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, verdict(&result)));
}

/// What a pipeline sees, one line each.
fn verdict(result: &RunResult) -> String {
    let mut text = format!("{} (exit code {})\n", result.verdict, result.exit_code);
    for (what, lines) in [("reason", &result.reasons), ("warning", &result.warnings)] {
        lines.iter().for_each(|line| writeln!(text, "{what}: {line}").unwrap());
    }
    for it in &result.expectations {
        writeln!(text, "{} {}: {} [{}] ({})", it.verdict, it.name, it.observed, it.limit, it.evidence).unwrap();
    }
    for latency in result.latencies.iter().filter(|latency| latency.labels.is_empty()) {
        let stats = &latency.stats;
        writeln!(text, "{}: {} samples, {} censored", latency.name, stats.count, stats.censored).unwrap();
    }
    text
}
