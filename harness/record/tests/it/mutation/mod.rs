//! Every expectation is put where it fails.
//!
//! For each recorded run that passed and each of its expectations, a change of the log must make that expectation fail or be
//! inconclusive: a milestone dropped or late, an object given to another pool, zone or hash, a VM, reason or value added, a phase that
//! did not end. The changed log goes the same way as that of a run ([`RunResult::from_log`]), the run must not pass, the finding must
//! name what was changed, and no expectation may fall that is not computed from it by its definition (`signal`).
//!
//! An expectation that nothing kills is toothless: it would pass whatever happens. `cargo test -p harness-record mutation --
//! --nocapture` prints the table, which is also written to `mutations/` in Cargo's folder for files of tests.

mod edit;
mod engine;
mod log;
mod operators;
mod signal;
mod table;

use std::path::PathBuf;

use harness_record::RunResult;
use rstest::rstest;

use crate::recording::Recording;
use log::Log;

#[rstest]
fn every_expectation_can_fail(
    #[files("../../fixtures/recordings/*")]
    #[dirs]
    folder: PathBuf,
) {
    let recording = Recording::read(&folder);
    if !recording.passed() {
        // What failed has shown that it can.
        return;
    }
    let events = recording.events();
    let original = RunResult::from_log(&recording.plan, events.clone());
    let log = Log::of(&recording.plan, &events);
    let rows: Vec<_> = recording
        .plan
        .expectations
        .iter()
        .enumerate()
        .map(|(index, expectation)| (expectation.name.clone(), engine::kill(&log, &original, index)))
        .collect();
    let table = table::markdown(&recording.name, &rows);
    println!("{table}");
    table::write(&recording.name, &table);
    let toothless: Vec<String> = rows
        .iter()
        .filter_map(|(name, row)| Some(format!("{name}\n    tried: {}", row.as_ref().err()?.join("\n           "))))
        .collect();
    assert!(
        toothless.is_empty(),
        "{}: nothing makes these expectations fail; mend or remove them, or give their check an operator in tests/it/mutation:\n{}",
        recording.name,
        toothless.join("\n")
    );
}
