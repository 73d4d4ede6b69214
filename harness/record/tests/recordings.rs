//! Golden logs: `fixtures/recordings/NAME/{plan.json,events.jsonl}` and the summary that each must give.
//!
//! The recordings are made from `tests/story`. `HARNESS_BLESS=1 cargo test -p harness-record` writes them again after a change of the
//! story; a change of the log's format must leave the old ones readable.

mod story;

use std::io::BufReader;
use std::path::{Path, PathBuf};

use harness_record::log::LogWriter;
use harness_record::{RunResult, Summary};
use harness_scenario::plan::Plan;
use rstest::rstest;
use story::{Fault, plan, run};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/recordings").join(name)
}

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
fn gives_the_same_summary(#[case] name: &str, #[case] fault: Fault, #[case] end: End) {
    let folder = folder(name);
    let mut log = LogWriter::new(Vec::new());
    run(&fault).iter().for_each(|event| log.append(event).unwrap());
    let mut log = log.into_inner();
    if let End::Cut(part) = end {
        log.truncate((log.len() as f64 * part) as usize);
        assert_ne!(log.last(), Some(&b'\n'), "the cut must be in mid-line");
    }
    let plan_json = format!("{}\n", serde_json::to_string_pretty(&plan()).unwrap());
    if std::env::var_os("HARNESS_BLESS").is_some() {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("events.jsonl"), &log).unwrap();
        std::fs::write(folder.join("plan.json"), &plan_json).unwrap();
    }

    let recorded_plan: Plan =
        serde_json::from_str(&std::fs::read_to_string(folder.join("plan.json")).unwrap()).unwrap();
    let file = std::fs::File::open(folder.join("events.jsonl")).unwrap();
    let result = RunResult::read(&recorded_plan, BufReader::new(file)).unwrap();
    let summary = Summary::from(&result);
    let json = summary.to_json().unwrap();
    assert_eq!(Summary::from_json(json.as_bytes()).unwrap(), summary);
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_json_snapshot!(name, summary));

    assert!(
        std::fs::read(folder.join("events.jsonl")).unwrap() == log,
        "{name}: the recording is not what the story tells"
    );
    // A plan may gain keys; what the recording says must still be what the story plans.
    assert_eq!(recorded_plan, plan());
}
