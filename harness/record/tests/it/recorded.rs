//! Recorded runs: a log has the result that it had when it was written, for ever.
//!
//! One test each for every folder of `fixtures/recordings`. The folders are found when the tests are compiled; `catalogue` notices
//! one that was added later.

use std::path::PathBuf;

use harness_plan::{Bounds, Check};
use harness_record::event::{LOG_MINOR, LOG_VERSION};
use harness_record::log::{LogWriter, Truncated, read_log};
use harness_record::verdict::Verdict;
use harness_record::{EventKind, ExitCode, RunResult, Summary, Timelines};
use rstest::rstest;
use serde_json::Value;

use crate::recording::Recording;

#[rstest]
fn comes_to_the_recorded_verdict(
    #[files("../../fixtures/recordings/*")]
    #[dirs]
    folder: PathBuf,
) {
    let recording = Recording::read(&folder);
    let summary = serde_json::to_value(Summary::from(&recording.result())).unwrap();
    for key in ["verdict", "exitCode", "reasons", "leaks"] {
        assert_eq!(summary[key], recording.verdict[key], "{}: {key}", recording.name);
    }
    // Row by row, so that what differs can be read.
    for key in ["expectations", "latencies"] {
        let rows = |of: &Value| of[key].as_array().cloned().unwrap_or_else(|| panic!("{}: no {key}", recording.name));
        let (mut now, then) = (rows(&summary), rows(&recording.verdict));
        if key == "latencies" {
            // A recording has no row of a latency that was added after it.
            now.retain(|row| then.iter().any(|then| then["name"] == row["name"]));
        }
        for (now, then) in now.iter().zip(&then) {
            assert_eq!(now, then, "{}: {key}", recording.name);
        }
        assert_eq!(now.len(), then.len(), "{}: {key}", recording.name);
    }
}

/// A kill after any event leaves a result that says so, and never a pass. What such a result proves or refutes stays so when the log goes on: "2
/// of at least 1" is no less true because the phase hits its deadline.
#[rstest]
fn every_prefix_has_a_result_and_what_it_proves_stays_proved(
    #[files("../../fixtures/recordings/*")]
    #[dirs]
    folder: PathBuf,
) {
    let recording = Recording::read(&folder);
    let plan = &recording.plan;
    let mut timelines = Timelines::of_plan(plan);
    let events = recording.events();
    let end = events.iter().position(|event| matches!(event.kind, EventKind::RunEnded { .. }));
    let mut known = vec![None; plan.expectations.len()];
    for (index, event) in events.iter().enumerate() {
        timelines.apply(event);
        let result = RunResult::from_timelines(plan, &timelines, None);
        let at = || format!("{} after {} events: {}", recording.name, index + 1, result.reason);
        // Newer logs have one more: what was there before is as it was.
        let added = result.expectations.len().checked_sub(plan.expectations.len());
        assert!(matches!(added, Some(0 | 1)), "{}", at());
        assert_eq!(result.counts.events, index as u64 + 1, "{}", at());
        for ((expectation, planned), known) in result.expectations.iter().zip(&plan.expectations).zip(&mut known) {
            if proves(&planned.check, expectation.verdict) {
                *known = Some(expectation.verdict);
            }
            assert!(known.is_none_or(|known| known == expectation.verdict), "{}: {known:?} {expectation:?}", at());
        }
        if end.is_none_or(|end| index < end) {
            assert_ne!(result.verdict, Verdict::Pass, "{}", at());
            let allowed = [ExitCode::Failed, ExitCode::Inconclusive, ExitCode::LeftBehind];
            assert!(allowed.contains(&result.exit_code), "{}: exit code {}", at(), result.exit_code);
            assert!(result.reason.starts_with("killed"), "{}", at());
        }
    }
}

/// Whether a verdict on a part of the log is final: enough of what must happen, or one of what must not.
fn proves(check: &Check, verdict: Verdict) -> bool {
    let bounds = match check {
        Check::Happened(check) => check.bounds,
        Check::Notified(check) => check.bounds,
        Check::Changes(check) => check.bounds,
        Check::Uninterrupted(_)
        | Check::Available(_)
        | Check::Retained(_)
        | Check::MaxConcurrentDisruptions(_)
        | Check::MaxSurge(_)
        | Check::AppliedInOrder(_) => Bounds { at_least: None, at_most: Some(0) },
        Check::Price(check) if check.always => Bounds { at_least: None, at_most: Some(0) },
        Check::Field(check) if check.always => Bounds { at_least: None, at_most: Some(0) },
        _ => return false,
    };
    match verdict {
        Verdict::Pass => bounds.at_most.is_none(),
        Verdict::Fail => bounds.at_least.is_none(),
        Verdict::Inconclusive => false,
    }
}

/// A kill in the middle of a line loses that line alone.
#[rstest]
fn a_cut_line_is_a_warning(
    #[files("../../fixtures/recordings/*")]
    #[dirs]
    folder: PathBuf,
) {
    const CUTS: usize = 12;
    let recording = Recording::read(&folder);
    let first = recording.log.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for cut in (1..=CUTS).map(|part| first + (recording.log.len() - first) * part / (CUTS + 1)) {
        // Not behind a newline, and not behind the last character of a line: nothing of that line would be lost.
        let cut = (cut..).find(|cut| recording.log[*cut] != b'\n' && recording.log[cut - 1] != b'\n').unwrap();
        let part = &recording.log[..cut];
        let lines = part.iter().filter(|byte| **byte == b'\n').count();
        let mut log = read_log(part).unwrap();
        assert_eq!(log.by_ref().map(Result::unwrap).count(), lines, "{} at {cut}", recording.name);
        assert!(matches!(log.truncated(), Some(Truncated { line, .. }) if line == lines as u64 + 1));
        let result = RunResult::read(&recording.plan, part).unwrap();
        assert_ne!(result.verdict, Verdict::Pass, "{} at {cut}", recording.name);
        assert!(result.warnings.iter().any(|warning| warning.contains("is cut after")), "{:?}", result.warnings);
    }
}

/// A newer harness of the same major version adds kinds, milestones, facts, fields and attributes: what is known is read as before.
#[rstest]
fn a_newer_minor_version_is_read(
    #[files("../../fixtures/recordings/*")]
    #[dirs]
    folder: PathBuf,
) {
    let recording = Recording::read(&folder);
    let minor = LOG_MINOR + 1;
    let mut log = Vec::new();
    let mut writer = LogWriter::new(&mut log);
    for mut event in recording.events() {
        if let EventKind::RunStarted(header) = &mut event.kind {
            (header.version, header.minor) = (LOG_VERSION, minor);
        }
        writer.append(&event).unwrap();
    }
    let text = String::from_utf8(log).unwrap();
    let mut lines: Vec<String> = text
        .lines()
        .map(|line| {
            // New keys in every object that the log's own types describe.
            let line = line.replacen("{\"t\":", "{\"added\":[{\"x\":1}],\"t\":", 1);
            line.replace("\"attributes\":{", "\"attributes\":{\"added\":\"x\",")
        })
        .collect();
    let unknown = [
        r#"{"t":1,"e":{"scanned":{"object":"x","nested":{"reached":"created"}}}}"#,
        r#"{"t":1,"e":"rested"}"#,
        r#"{"t":1,"e":{"milestone":{"object":{"kind":"node","name":"n","uid":"u"},"reached":"cordoned"}}}"#,
        r#"{"t":1,"e":{"azure":{"what":"vm_resized","occurred_us":1}}}"#,
    ];
    for (index, line) in unknown.iter().enumerate() {
        lines.insert(1 + index * (lines.len() - 1) / unknown.len(), (*line).to_owned());
    }
    let log = lines.join("\n") + "\n";
    let (read, original) = (RunResult::read(&recording.plan, log.as_bytes()).unwrap(), recording.result());
    assert_eq!((read.verdict, read.exit_code), (original.verdict, original.exit_code));
    assert_eq!(read.reasons, original.reasons);
    assert_eq!(read.expectations, original.expectations);
    assert_eq!(read.latencies, original.latencies);
    let warning = format!(
        "the log is of version {LOG_VERSION}.{minor}, this harness reads {LOG_VERSION}.{LOG_MINOR}: 4 events skipped that this \
         harness does not know (cordoned 1, rested 1, scanned 1, vm_resized 1)"
    );
    assert!(read.warnings.contains(&warning), "{:?}", read.warnings);
}
