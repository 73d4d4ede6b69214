//! Findings as workflow commands, which GitHub shows beside the lines of a pull request.
//!
//! Source: <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>; the escapes are those of
//! `packages/core/src/command.ts` in actions/toolkit.

use std::fmt::Write;

use harness_tree::{Finding, Severity};

/// One line a finding.
pub fn github(findings: &[Finding]) -> String {
    let mut out = String::new();
    for finding in findings {
        let command = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let mut message = finding.message.clone();
        for more in std::iter::once(&finding.effect).chain(&finding.fix).filter(|text| !text.is_empty()) {
            message.push('\n');
            message.push_str(more);
        }
        let mut places = format!("file={},line={},col={}", property(&finding.file), finding.line, finding.column);
        if finding.end_line == finding.line && finding.end_column > finding.column {
            let _ = write!(places, ",endLine={},endColumn={}", finding.end_line, finding.end_column);
        }
        let title = property(finding.rule);
        let _ = writeln!(out, "::{command} {places},title={title}::{}", data(&message));
    }
    out
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
