//! `junit.xml`: what pipelines show as a test report.
//!
//! One suite for the run, with a test case for each expectation and two for the run as such, whose names are always the same,
//! so that a pipeline's history of them has no gaps. A failed expectation is a `failure`, an inconclusive one an
//! `error`: consumers colour both, and neither counts as passed.

use std::time::Duration;

use harness_plan::{Check, LatencyName, PhaseReached, Plan};
use harness_record::RunResult;
use harness_record::event::EndReason;
use harness_record::verdict::{ExpectationResult, Verdict};
use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use crate::outcome::{self, Leftovers};
use crate::text;

/// The report as XML, UTF-8.
///
/// # Errors
///
/// Only where the XML writer fails, which writing to memory does not.
pub fn render(plan: &Plan, result: &RunResult) -> Result<String, SerializeError> {
    let mut report = Report::new(format!("harness {}", result.run.scenario));
    report.set_time(Duration::from_micros(result.run.duration_us));
    let suite = suite(plan, result);
    report.timestamp = suite.timestamp;
    report.add_test_suite(suite);
    report.to_string()
}

/// The suite of one run.
pub(crate) fn suite(plan: &Plan, result: &RunResult) -> TestSuite {
    let run = &result.run;
    let mut suite = TestSuite::new(format!("{} on {}", run.scenario, run.target));
    suite.set_time(Duration::from_micros(run.duration_us));
    // The field's type is another crate's; both speak RFC 3339.
    suite.timestamp = run.started_at.to_string().parse().ok();
    suite.add_properties([
        ("run", run.id.as_str()),
        ("scenario", &run.scenario),
        ("profile", &run.profile),
        ("target", &run.target),
        ("seed", &run.seed.to_string()),
        ("verdict", result.verdict.as_str()),
        ("exit-code", &result.exit_code.to_string()),
        ("command", &run.command),
        ("harness", &run.harness),
        ("node-config", &run.node_config),
        ("node-config-sha256", &run.node_config_sha256),
        ("simulated", &text::joined(&result.simulated)),
    ]);
    for expectation in &result.expectations {
        suite.add_test_case(expectation_case(plan, result, expectation));
    }
    suite.add_test_case(run_case(&run.scenario, "the run ended as planned", ended(result)));
    suite.add_test_case(run_case(&run.scenario, "nothing is left behind", left_behind(result)));
    suite.set_system_out(output(result));
    suite
}

pub(crate) fn non_success(kind: NonSuccessKind, what: &str, message: &str, details: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(what).set_message(text::one_line(message, 500)).set_description(details);
    status
}

fn expectation_case(plan: &Plan, result: &RunResult, expectation: &ExpectationResult) -> TestCase {
    let message = format!("observed {}, limit {}", expectation.observed, expectation.limit);
    let details = format!(
        "observed: {}\nlimit:    {}\nevidence: {}",
        expectation.observed, expectation.limit, expectation.evidence
    );
    let status = match expectation.verdict {
        Verdict::Pass => TestCaseStatus::success(),
        Verdict::Fail => non_success(NonSuccessKind::Failure, "fail", &message, &details),
        Verdict::Inconclusive => non_success(NonSuccessKind::Error, "inconclusive", &message, &details),
    };
    let passed = matches!(status, TestCaseStatus::Success { .. });
    let mut case = TestCase::new(expectation.name.as_str(), status);
    case.set_classname(class(plan, result, &expectation.name));
    case.set_time(phase_duration(plan, result, &expectation.name));
    if passed {
        case.set_system_out(details);
    }
    case
}

/// The scenario, and the group of the expectation where it has one.
fn class(plan: &Plan, result: &RunResult, expectation: &str) -> String {
    let group = plan.expectations.iter().find(|e| e.name == expectation).and_then(|e| e.group.as_ref());
    // Readers of the file take a dot for the start of another level.
    let group = group.map_or(String::new(), |group| format!(".{}", group.replace('.', "-")));
    format!("harness.{}{group}", result.run.scenario)
}

/// How long the phase took that the expectation is about; zero for the others, which take no time of their own.
fn phase_duration(plan: &Plan, result: &RunResult, expectation: &str) -> Duration {
    let check = plan.expectations.iter().find(|e| e.name == expectation).map(|e| &e.check);
    let Some(Check::Phase(PhaseReached { phase })) = check else { return Duration::ZERO };
    let row = result.phases.iter().find(|row| row.name == *phase);
    let span = row.and_then(|row| Some((row.began_us?, row.ended_us?)));
    span.map_or(Duration::ZERO, |(began, ended)| Duration::from_micros(ended.saturating_sub(began)))
}

/// A case about a run as such.
pub(crate) fn run_case(run: &str, name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(format!("harness.{run}.run"));
    case.set_time(Duration::ZERO);
    case
}

fn ended(result: &RunResult) -> TestCaseStatus {
    let what = match result.run.ended {
        Some(EndReason::Completed) => return TestCaseStatus::success(),
        Some(EndReason::NotRun) => "not run",
        Some(EndReason::TargetFailed) => "target failed",
        Some(EndReason::Interrupted) => "interrupted",
        None => "killed",
    };
    let because = if result.run.ended_detail.is_empty() { &result.reason } else { &result.run.ended_detail };
    let message = if because.is_empty() { what.to_owned() } else { format!("{what}: {because}") };
    non_success(NonSuccessKind::Error, what, &message, &outcome::reasons(result).join("\n"))
}

fn left_behind(result: &RunResult) -> TestCaseStatus {
    match outcome::leftovers(result) {
        Leftovers::None => TestCaseStatus::success(),
        Leftovers::NothingDone => {
            let mut status = TestCaseStatus::skipped();
            status.set_message("nothing was done, so nothing was cleaned up");
            status
        }
        Leftovers::Unknown => {
            let message = "cleanup is not known to have ended, so leaks are not known";
            non_success(NonSuccessKind::Error, "not known", message, "")
        }
        Leftovers::Found(_) => {
            let names: Vec<String> = result.leaks.iter().map(|leak| format!("{} {}", leak.kind, leak.name)).collect();
            let message = format!("left behind: {}", names.join(", "));
            non_success(NonSuccessKind::Failure, "left behind", &message, &names.join("\n"))
        }
    }
}

/// A few lines for the reader of the suite.
fn output(result: &RunResult) -> String {
    let headline = outcome::headline(result);
    let mut lines = vec![format!("{} (exit code {})", headline.word, result.exit_code)];
    lines.extend(outcome::reasons(result).iter().map(|reason| (*reason).to_owned()));
    for name in [LatencyName::NodeProvisioning, LatencyName::PodReady] {
        let all = result.latencies.iter().find(|latency| latency.name == name && latency.labels.is_empty());
        lines.extend(all.map(|latency| {
            let stats = &latency.stats;
            let (samples, censored) = (text::counted(stats.count, "sample"), text::count(stats.censored));
            let [p50, p95, p99, max] = [stats.p50, stats.p95, stats.p99, stats.max].map(text::percentile);
            format!("{name}: {samples}, {censored} censored, p50 {p50}, p95 {p95}, p99 {p99}, max {max}")
        }));
    }
    lines.push(format!("run again: {}", result.run.command));
    lines.join("\n")
}
