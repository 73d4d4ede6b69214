//! Findings as SARIF 2.1.0, which code scanning and editors read.
//!
//! Source: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/sarif-v2.1.0-errata01-os-complete.html>. Only the part that such a
//! result needs.

use std::collections::BTreeMap;

use harness_tree::{Edit, Finding, Severity};
use serde_json::{Value, json};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// One run with all findings. `version` is that of the harness.
///
/// # Errors
/// Never for this document; the error is that of the writer.
pub fn sarif(findings: &[Finding], version: &str) -> Result<String, serde_json::Error> {
    // Worst first: a rule's default level is the worst that it was found with.
    let mut levels: BTreeMap<&str, Severity> = BTreeMap::new();
    for finding in findings {
        let level = levels.entry(finding.rule).or_insert(finding.severity);
        *level = finding.severity.max(*level);
    }
    let rule = |(rule, severity): (&&str, &Severity)| {
        json!({
            "id": rule,
            "shortDescription": {"text": rule.replace('-', " ")},
            "defaultConfiguration": {"level": level(*severity)},
        })
    };
    let rules: Vec<Value> = levels.iter().map(rule).collect();
    let index = |finding: &Finding| levels.keys().position(|rule| *rule == finding.rule);
    let results: Vec<Value> = findings.iter().map(|finding| result(finding, index(finding))).collect();
    serde_json::to_string_pretty(&json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "harness", "semanticVersion": version, "rules": rules}},
            // Columns are counted in characters, not in UTF-16 units.
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    }))
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn result(finding: &Finding, rule_index: Option<usize>) -> Value {
    let mut text = finding.message.clone();
    if !finding.effect.is_empty() {
        text = format!("{text}. Effect: {}", finding.effect);
    }
    if let Some(fix) = &finding.fix {
        text = format!("{text}. Fix: {fix}");
    }
    let region = json!({
        "startLine": finding.line.max(1),
        "startColumn": finding.column.max(1),
        "endLine": finding.end_line.max(finding.line).max(1),
        "endColumn": finding.end_column.max(1),
    });
    let mut result = json!({
        "ruleId": finding.rule,
        "ruleIndex": rule_index,
        "level": level(finding.severity),
        "message": {"text": text},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri(&finding.file)}, "region": region}}],
    });
    if !finding.edits.is_empty() {
        result["fixes"] = json!([fix(finding)]);
    }
    result
}

fn fix(finding: &Finding) -> Value {
    let mut files: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for Edit { file, edit } in &finding.edits {
        files.entry(file).or_default().push(json!({
            "deletedRegion": {"byteOffset": edit.offset, "byteLength": edit.length},
            "insertedContent": {"text": edit.text},
        }));
    }
    let change = |(file, replacements): (&str, Vec<Value>)| json!({"artifactLocation": {"uri": uri(file)}, "replacements": replacements});
    let changes: Vec<Value> = files.into_iter().map(change).collect();
    json!({"description": {"text": finding.fix.as_ref().unwrap_or(&finding.message)}, "artifactChanges": changes})
}

/// A path as a relative URI: characters that a URI cannot have are percent-encoded.
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
