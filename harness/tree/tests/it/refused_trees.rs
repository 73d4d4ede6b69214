//! Trees that must be refused: `fixtures/refused/NAME`, each with `expected.json`: why, what is found where, and what remains
//! after `--fix`.

use std::path::Path;

use crate::common::{lines, skus};
use harness_tree::validate::{Validation, ValidationInputs, fix, validate};
use harness_tree::{Files, Finding, Severity, SourceFile};
use rstest::rstest;
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Expected {
    /// Why the tree cannot work, for people.
    reason: String,
    /// The document that shows such a manifest, where one does.
    source: String,
    findings: Vec<Expectation>,
    /// What remains after `--fix`, as `rule at file:line:column`.
    after_fix: Vec<String>,
}

#[derive(Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Expectation {
    rule: String,
    severity: String,
    at: String,
    message: String,
    fixable: bool,
}

fn files(folder: &Path) -> Vec<SourceFile> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(current) = folders.pop() {
        for entry in std::fs::read_dir(current).expect("a folder of a fixture") {
            let path = entry.expect("an entry of a fixture").path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("expected.json") {
                let relative = path.strip_prefix(folder).expect("it is below").to_string_lossy().into_owned();
                found.push(SourceFile::new(relative, std::fs::read_to_string(&path).expect("a text")));
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn at(finding: &Finding) -> String {
    format!("{}:{}:{}", finding.file, finding.line, finding.column)
}

fn serious(validation: &Validation) -> Vec<&Finding> {
    validation.findings.iter().filter(|finding| finding.severity > Severity::Note).collect()
}

#[rstest]
fn refused(#[files("../../fixtures/refused/*/expected.json")] path: std::path::PathBuf) {
    let expected: Expected = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let files = files(path.parent().unwrap());
    let skus = skus();
    let tree = Files::from(files.as_slice());
    let inputs = ValidationInputs { files: &tree, folder: "", skus: &skus, aks_defaults: false };
    let validation = validate(&inputs, None);
    let found: Vec<Expectation> = serious(&validation)
        .into_iter()
        .map(|finding| Expectation {
            rule: finding.rule.to_owned(),
            severity: finding.severity.to_string(),
            at: at(finding),
            message: finding.message.clone(),
            fixable: finding.fixable,
        })
        .collect();
    let fixed = fix(&inputs);
    let left: Vec<String> =
        serious(&fixed.validation).into_iter().map(|finding| format!("{} at {}", finding.rule, at(finding))).collect();
    // `HARNESS_BLESS=1` writes what is found; read the difference before it is committed.
    if std::env::var_os("HARNESS_BLESS").is_some() {
        let blessed = Expected { findings: found, after_fix: left, ..expected };
        std::fs::write(&path, serde_json::to_string_pretty(&blessed).unwrap() + "\n").unwrap();
        return;
    }
    assert!(!expected.reason.is_empty() && !expected.findings.is_empty());
    assert_eq!(found, expected.findings, "found:\n{}", lines(&validation.findings));
    assert_eq!(left, expected.after_fix, "left:\n{}", lines(&fixed.validation.findings));

    // Each finding has its texts, and its places in lines and in bytes agree.
    for finding in serious(&validation) {
        assert!(!finding.effect.is_empty() && finding.fix.is_some(), "{finding}");
        let text = &files.iter().find(|file| file.path == finding.file).unwrap().text;
        assert_eq!(text[..finding.offset].matches('\n').count() + 1, finding.line as usize, "{finding}");
        assert!(finding.end_line >= finding.line, "{finding}");
    }
    // Nothing mechanical remains, and a second `--fix` changes nothing.
    assert!(fixed.validation.findings.iter().all(|finding| !finding.fixable), "{}", lines(&fixed.validation.findings));
    let again = fix(&ValidationInputs { files: &fixed.files, ..inputs });
    assert!(again.changes.is_empty() && again.files.loaded() == fixed.files.loaded(), "{:#?}", again.changes);
    // Comments stay, and so does everything that was not changed.
    for (before, after) in files.iter().zip(&fixed.files.loaded()) {
        let comments = |text: &str| {
            text.matches(" # ").count() + text.lines().filter(|line| line.trim().starts_with("# ")).count()
        };
        assert_eq!(comments(&before.text), comments(&after.text), "{}", after.text);
        let touched = fixed.changes.iter().any(|change| change.file == before.path);
        assert!(touched || before == after, "{}", before.path);
    }
}
