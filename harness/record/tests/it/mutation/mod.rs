//! Every expectation can fail.
//!
//! For each recorded run that passed and each claim of each of its expectations (of each workload, at least and at most, as many and at
//! the end), a change of the log must make that expectation fail or be
//! inconclusive: a milestone dropped or late, an object given to another pool, zone or hash, a VM, reason or value added, a phase that
//! did not end. The changed log is evaluated as that of a run is, the run must not pass, the finding must
//! name what was changed, and no expectation may fail that is not computed from it by its definition (`signal`).
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

use rstest::rstest;

use crate::recording::Recording;
use log::Log;
use table::Row;

#[rstest]
fn every_expectation_can_fail(
    #[files("../../fixtures/recordings/*")]
    #[dirs]
    folder: PathBuf,
) {
    let recording = Recording::read(&folder);
    if !recording.passed() {
        // An expectation that failed has shown that it can.
        return;
    }
    let events = recording.events();
    let original = crate::result_of(&recording.plan, events.clone());
    let log = Log::of(&recording.plan, &events);
    let mut rows = Vec::new();
    for (index, expectation) in recording.plan.expectations.iter().enumerate() {
        let claims = operators::claims(&expectation.check, &log);
        assert!(!claims.is_empty(), "{} claims nothing", expectation.name);
        for claim in claims {
            let killed = engine::kill(&log, &original, index, &claim);
            rows.push(Row { expectation: expectation.name.clone(), claim: claim.what, killed });
        }
    }
    let table = table::markdown(&recording.name, &rows);
    println!("{table}");
    table::write(&recording.name, &table);
    let toothless = rows.iter().filter_map(|row| {
        let tried = row.killed.as_ref().err()?;
        let tried =
            if tried.is_empty() { "nothing of it is in this log".to_owned() } else { tried.join("\n           ") };
        Some(format!("{} [{}]\n    tried: {tried}", row.expectation, row.claim))
    });
    let toothless: Vec<String> = toothless.collect();
    assert!(
        toothless.is_empty(),
        "{}: nothing makes these expectations fail; mend or remove them, or give their check an operator in tests/it/mutation:\n{}",
        recording.name,
        toothless.join("\n")
    );
}
