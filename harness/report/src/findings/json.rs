//! Findings as JSON: `harness validate --format json`.

use harness_tree::validate::{Change, Undone};
use harness_tree::{Finding, Severity};
use serde::Serialize;

/// The version of the format: it changes when a field is removed or gets another meaning.
const VERSION: u32 = 1;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    version: u32,
    errors: usize,
    warnings: usize,
    notes: usize,
    findings: &'a [Finding],
    fixed: &'a [Change],
    undone: &'a [Undone],
}

/// The findings, what was fixed before they were made, and what was tried and undone. Paths are as the caller has set them.
///
/// # Errors
/// Never for these types; the error is that of the writer.
pub fn json(findings: &[Finding], fixed: &[Change], undone: &[Undone]) -> Result<String, serde_json::Error> {
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    serde_json::to_string_pretty(&Document {
        version: VERSION,
        errors: count(Severity::Error),
        warnings: count(Severity::Warning),
        notes: count(Severity::Note),
        findings,
        fixed,
        undone,
    })
}
