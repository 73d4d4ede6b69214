//! Findings as SARIF 2.1.0, which code scanning and editors read.
//!
//! Source: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/sarif-v2.1.0-errata01-os-complete.html>. Only the part that such a
//! result needs.

use std::collections::BTreeMap;

use harness_tree::{Edit, Finding, Severity};
use serde::Serialize;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool<'a>,
    /// Columns are counted in characters, not in UTF-16 units.
    column_kind: &'static str,
    results: Vec<SarifResult<'a>>,
}

#[derive(Serialize)]
struct Tool<'a> {
    driver: Driver<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver<'a> {
    name: &'static str,
    semantic_version: &'a str,
    rules: Vec<Rule<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule<'a> {
    id: &'a str,
    short_description: Text,
    default_configuration: Configuration,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult<'a> {
    rule_id: &'a str,
    rule_index: usize,
    level: &'static str,
    message: Text,
    locations: [Location<'a>; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fixes: Vec<Fix<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location<'a> {
    physical_location: Physical<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical<'a> {
    artifact_location: Artifact<'a>,
    region: Region,
}

#[derive(Serialize)]
struct Artifact<'a> {
    uri: std::borrow::Cow<'a, str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    start_column: u32,
    end_line: u32,
    end_column: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fix<'a> {
    description: Text,
    artifact_changes: Vec<Changed<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Changed<'a> {
    artifact_location: Artifact<'a>,
    replacements: Vec<Replacement<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Replacement<'a> {
    deleted_region: Bytes,
    inserted_content: Content<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bytes {
    byte_offset: usize,
    byte_length: usize,
}

#[derive(Serialize)]
struct Content<'a> {
    text: &'a str,
}

/// One run with all findings. `version` is that of the harness.
///
/// # Errors
/// Never for these types; the error is that of the writer.
pub fn sarif(findings: &[Finding], version: &str) -> Result<String, serde_json::Error> {
    // Worst first: a rule's default level is the worst that it was found with.
    let mut levels: BTreeMap<&str, Severity> = BTreeMap::new();
    for finding in findings {
        let level = levels.entry(finding.rule).or_insert(finding.severity);
        *level = finding.severity.max(*level);
    }
    let index: BTreeMap<&str, usize> = levels.keys().enumerate().map(|(index, rule)| (*rule, index)).collect();
    let rules = levels
        .iter()
        .map(|(rule, severity)| Rule {
            id: rule,
            short_description: Text { text: rule.replace('-', " ") },
            default_configuration: Configuration { level: level(*severity) },
        })
        .collect();
    let results =
        findings.iter().map(|finding| result(finding, index.get(finding.rule).copied().unwrap_or(0))).collect();
    let driver = Driver { name: "harness", semantic_version: version, rules };
    let run = Run { tool: Tool { driver }, column_kind: "unicodeCodePoints", results };
    serde_json::to_string_pretty(&Log { schema: SCHEMA, version: "2.1.0", runs: [run] })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn result(finding: &Finding, rule_index: usize) -> SarifResult<'_> {
    let mut text = finding.message.clone();
    if !finding.effect.is_empty() {
        text = format!("{text}. Effect: {}", finding.effect);
    }
    if let Some(fix) = &finding.fix {
        text = format!("{text}. Fix: {fix}");
    }
    let region = Region {
        start_line: finding.line.max(1),
        start_column: finding.column.max(1),
        end_line: finding.end_line.max(finding.line).max(1),
        end_column: finding.end_column.max(1),
    };
    let place = Location { physical_location: Physical { artifact_location: uri(&finding.file), region } };
    SarifResult {
        rule_id: finding.rule,
        rule_index,
        level: level(finding.severity),
        message: Text { text },
        locations: [place],
        fixes: fixes(finding),
    }
}

fn fixes(finding: &Finding) -> Vec<Fix<'_>> {
    let mut files: BTreeMap<&str, Vec<Replacement<'_>>> = BTreeMap::new();
    for Edit { file, edit } in &finding.edits {
        files.entry(file).or_default().push(Replacement {
            deleted_region: Bytes { byte_offset: edit.offset, byte_length: edit.length },
            inserted_content: Content { text: &edit.text },
        });
    }
    if files.is_empty() {
        return Vec::new();
    }
    let artifact_changes =
        files.into_iter().map(|(file, replacements)| Changed { artifact_location: uri(file), replacements }).collect();
    let description = Text { text: finding.fix.clone().unwrap_or_else(|| finding.message.clone()) };
    vec![Fix { description, artifact_changes }]
}

/// A path as a relative URI: characters that a URI cannot have are percent-encoded.
fn uri(path: &str) -> Artifact<'_> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    if path.bytes().all(plain) {
        return Artifact { uri: path.into() };
    }
    let encoded: String = path
        .bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    Artifact { uri: encoded.into() }
}
