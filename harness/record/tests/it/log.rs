//! Reading and writing logs.

use crate::story::{Fault, plan, run};
use harness_record::event::LOG_VERSION;
use harness_record::log::{LogError, LogWriter, read_log};
use harness_record::{Event, RunResult};

fn written(events: &[Event]) -> Vec<u8> {
    let mut writer = LogWriter::new(Vec::new());
    events.iter().for_each(|event| writer.append(event).unwrap());
    writer.into_inner()
}

#[test]
fn reads_what_it_writes() {
    let events = run(&Fault::None);
    let log = written(&events);
    let mut reader = read_log(log.as_slice()).unwrap();
    let read: Vec<Event> = reader.by_ref().map(Result::unwrap).collect();
    assert_eq!(read, events);
    assert_eq!((reader.truncated(), reader.lines()), (None, events.len() as u64));
}

/// A kill at any byte of the log: everything before the cut line is there, and it is no error.
#[test]
fn a_cut_at_any_byte_is_no_error() {
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
    assert_eq!(result.exit_code, 4);
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
    assert!(matches!(&error, LogError::Version { found, harness } if *found == 2 && harness == "9.0.0"), "{error}");
    assert!(error.to_string().contains("version 2, this harness reads version 1"));
}

#[test]
fn refuses_what_is_no_log() {
    assert!(matches!(read_log(&b"{\"verdict\":\"pass\"}\n"[..]), Err(LogError::NoHeader { .. })));
    assert!(matches!(read_log(&b""[..]), Err(LogError::Empty)));
    let headless = written(&run(&Fault::None)[1..]);
    assert!(matches!(read_log(headless.as_slice()), Err(LogError::NoHeader { .. })));
}
