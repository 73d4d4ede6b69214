//! Findings as JSON: `harness validate --format json`.

use harness_tree::validate::Change;
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
    fixed: Vec<Fixed<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fixed<'a> {
    rule: &'a str,
    file: &'a str,
    line: u32,
    message: &'a str,
    fix: &'a str,
}

/// The findings, and what was fixed before they were made. Paths are as the caller has set them.
///
/// # Errors
/// Never for these types; the error is that of the writer.
pub fn json(findings: &[Finding], changes: &[Change]) -> Result<String, serde_json::Error> {
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let fixed = changes
        .iter()
        .map(|change| Fixed {
            rule: change.rule,
            file: &change.file,
            line: change.line,
            message: &change.message,
            fix: &change.fix,
        })
        .collect();
    serde_json::to_string_pretty(&Document {
        version: VERSION,
        errors: count(Severity::Error),
        warnings: count(Severity::Warning),
        notes: count(Severity::Note),
        findings,
        fixed,
    })
}
