//! Reading and writing logs.

use crate::log_builder::{Fault, plan, run};
use harness_record::event::{LOG_MINOR, LOG_VERSION};
use harness_record::log::{LogError, LogWriter, read_log};
use harness_record::{Event, ExitCode, RunResult};
use rstest::rstest;

fn written(events: &[Event]) -> Vec<u8> {
    let mut log = Vec::new();
    let mut writer = LogWriter::new(&mut log);
    events.iter().for_each(|event| writer.append(event).unwrap());
    log
}

#[test]
fn reads_what_it_writes() {
    let events = run(&Fault::None);
    let log = written(&events);
    let mut reader = read_log(log.as_slice()).unwrap();
    let read: Vec<Event> = reader.by_ref().map(Result::unwrap).collect();
    assert_eq!(read, events);
    assert_eq!(reader.truncated(), None);
}

/// A kill at any byte of the log: everything before the cut line is read, and there is no error.
#[test]
fn a_cut_at_any_byte_is_not_an_error() {
    let events: Vec<Event> = run(&Fault::None).into_iter().take(12).collect();
    let log = written(&events);
    let header = log.iter().position(|byte| *byte == b'\n').unwrap();
    for cut in header..log.len() {
        let part = &log[..cut];
        let mut reader = read_log(part).unwrap();
        let read: Vec<Event> = reader.by_ref().map(Result::unwrap).collect();
        let whole = part.split_inclusive(|byte| *byte == b'\n').count();
        assert_eq!(read.as_slice(), &events[..read.len()]);
        assert_eq!(read.len() + usize::from(reader.truncated().is_some()), whole, "cut at {cut}");
    }
    for cut in 0..header {
        assert!(matches!(read_log(&log[..cut]), Err(LogError::Empty)), "cut at {cut}");
    }
}

#[test]
fn a_cut_log_is_a_warning_of_the_result() {
    let mut log = written(&run(&Fault::None));
    log.truncate(log.len() - 9);
    let result = RunResult::read(&plan(), log.as_slice()).unwrap();
    assert_eq!(result.exit_code, ExitCode::Inconclusive);
    assert!(result.warnings[0].contains("is cut after"), "{:?}", result.warnings);
    assert!(result.reason.starts_with("killed"), "{}", result.reason);
}

#[test]
fn names_the_corrupt_line() {
    let mut log = written(&run(&Fault::None));
    let third = log.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(1).unwrap().0 + 1;
    log[third] = b'#';
    let errors: Vec<LogError> = read_log(log.as_slice()).unwrap().filter_map(Result::err).collect();
    assert!(matches!(errors.as_slice(), [LogError::Corrupt { line: 3, .. }]), "{errors:?}");
    assert!(errors[0].to_string().starts_with("line 3 of the event log is corrupt"));
}

#[test]
fn refuses_another_version_even_of_another_shape() {
    let line = format!(
        "{{\"t\":0,\"e\":{{\"run_started\":{{\"version\":{},\"harness\":\"9.0.0\",\"new\":[]}}}}}}\n",
        LOG_VERSION + 1
    );
    let error = read_log(line.as_bytes()).unwrap_err();
    assert!(matches!(&error, LogError::Version { found, harness } if *found == 3 && harness == "9.0.0"), "{error}");
    assert!(error.to_string().contains("version 3, this harness reads version 2 and older"));
}

#[test]
fn refuses_what_is_not_a_log() {
    assert!(matches!(read_log(&b"{\"verdict\":\"pass\"}\n"[..]), Err(LogError::NoHeader { .. })));
    assert!(matches!(read_log(&b""[..]), Err(LogError::Empty)));
    let headless = written(&run(&Fault::None)[1..]);
    assert!(matches!(read_log(headless.as_slice()), Err(LogError::NoHeader { .. })));
}

/// The first line as a harness of another version writes it.
fn header_of(version: u32, minor: u32) -> String {
    let header = written(&run(&Fault::None)[..1]);
    let header = std::str::from_utf8(&header).unwrap();
    let own = format!("\"version\":{LOG_VERSION}");
    assert!(header.contains(&own) && !header.contains("\"minor\""), "{header}");
    header.replacen(&own, &format!("\"version\":{version},\"minor\":{minor}"), 1)
}

const CORDONED: &str =
    r#"{"t":7,"e":{"milestone":{"object":{"kind":"node","name":"n","uid":"u"},"reached":"cordoned"}}}"#;

#[test]
fn what_a_newer_minor_version_adds_is_skipped_and_counted() {
    let last = written(&run(&Fault::None)[1..2]);
    let last = std::str::from_utf8(&last).unwrap();
    let log = header_of(LOG_VERSION, LOG_MINOR + 1)
        + &format!("{CORDONED}\n{{\"t\":8,\"e\":\"rested\"}}\n{CORDONED}\n{last}");
    let mut reader = read_log(log.as_bytes()).unwrap();
    let read: Vec<Event> = reader.by_ref().map(Result::unwrap).collect();
    assert_eq!(read[1..], run(&Fault::None)[1..2], "the events after it are read");
    let skipped = reader.skipped();
    assert_eq!(skipped.newer_minor, Some(u64::from(LOG_MINOR) + 1));
    let counted: Vec<(&str, u64)> = skipped.events.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!(counted, [("cordoned", 2), ("rested", 1)]);
}

/// Names come from the log: there may be any number of them.
#[test]
fn unknown_names_are_kept_up_to_a_limit() {
    let lines: String = (0..1_000).map(|index| format!("{{\"t\":1,\"e\":{{\"new_{index:03}\":{{}}}}}}\n")).collect();
    let log = header_of(LOG_VERSION, LOG_MINOR + 1) + &lines;
    let mut reader = read_log(log.as_bytes()).unwrap();
    assert_eq!(reader.by_ref().map(Result::unwrap).count(), 1);
    let skipped = reader.skipped();
    assert_eq!((skipped.events.len(), skipped.events.values().sum::<u64>()), (21, 1_000));
    assert_eq!(skipped.events[""], 980);
}

/// In a log of a known version, an unknown name is damage.
#[rstest]
#[case::of_this_version(LOG_MINOR, CORDONED, "unknown variant")]
#[case::not_whole(LOG_MINOR + 1, &CORDONED[..CORDONED.len() - 1], "unknown variant")]
#[case::no_time(LOG_MINOR + 1, r#"{"e":{"scanned":{}}}"#, "unknown variant")]
#[case::a_known_kind_without_what_it_always_had(LOG_MINOR + 1, r#"{"t":1,"e":{"phase_began":{}}}"#, "missing field")]
#[case::no_event(LOG_MINOR + 1, "[]", "")]
fn what_is_not_an_addition_is_corrupt(#[case] minor: u32, #[case] line: &str, #[case] says: &str) {
    let log = header_of(LOG_VERSION, minor) + &format!("{line}\n{CORDONED}\n");
    let error = read_log(log.as_bytes()).unwrap().find_map(Result::err).expect("an error");
    let LogError::Corrupt { line: 2, reason } = &error else { panic!("{error}") };
    assert!(reason.contains(says), "{reason}");
}

/// A kill in the middle of a line of an unknown kind.
#[test]
fn a_cut_unknown_line_is_cut() {
    let log = header_of(LOG_VERSION, LOG_MINOR + 1) + &CORDONED[..40];
    let mut reader = read_log(log.as_bytes()).unwrap();
    assert_eq!(reader.by_ref().map(Result::unwrap).count(), 1);
    assert!(reader.truncated().is_some_and(|cut| (cut.line, cut.bytes) == (2, 40)));
    assert!(reader.skipped().events.is_empty());
}

#[test]
fn a_log_of_this_minor_version_has_no_warning_about_versions() {
    let result = RunResult::read(&plan(), written(&run(&Fault::None)).as_slice()).unwrap();
    assert!(result.warnings.is_empty(), "{:?}", result.warnings);
    let newer = header_of(LOG_VERSION, LOG_MINOR + 1);
    let result = RunResult::read(&plan(), newer.as_bytes()).unwrap();
    assert!(result.warnings[0].contains("new fields and attributes are not read"), "{:?}", result.warnings);
}
