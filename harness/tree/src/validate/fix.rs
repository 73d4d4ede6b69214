//! `--fix`: the edits of findings, applied until no finding has one.

use std::collections::{BTreeMap, BTreeSet};

use super::run::{Validation, ValidationInputs, validate};
use crate::files::Files;
use crate::finding::Finding;
use harness_yaml::edit::{TextEdit, apply};

/// A fix can make the next one possible: a NodePool's fields are checked once its version is right. More rounds than this are not needed
/// by any tree; the limit keeps two fixes that undo each other from running for ever.
const ROUNDS_MAX: usize = 8;

/// What was changed in one file, a finding at a time.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Change {
    /// The rule that was followed.
    pub rule: &'static str,
    /// The file's path in the tree.
    pub file: String,
    /// Where it was, from 1, in the text as it was before this round.
    pub line: u32,
    /// What was wrong.
    pub message: String,
    /// What was done about it.
    pub fix: String,
}

/// A tree with its mechanical errors fixed.
#[derive(Clone, Debug)]
pub struct Fixed {
    /// All files; those without a change are the same, byte for byte.
    pub files: Files,
    /// In the order in which they were made.
    pub changes: Vec<Change>,
    /// The check of the tree as it is now.
    pub validation: Validation,
}

/// Fixes whatever has exactly one right form. A file that cannot be read is not touched, and a change after which a file could not be
/// read any more is not made.
pub fn fix(inputs: &ValidationInputs<'_>) -> Fixed {
    let mut files = inputs.files.clone();
    let mut changes = Vec::new();
    let mut validation = validate(inputs, None);
    for _ in 0..ROUNDS_MAX {
        let (next, mut done) = round(&files, &validation.findings);
        if done.is_empty() {
            break;
        }
        files = next;
        changes.append(&mut done);
        validation = validate(&ValidationInputs { files: &files, ..*inputs }, None);
    }
    Fixed { files, changes, validation }
}

fn round(files: &Files, findings: &[Finding]) -> (Files, Vec<Change>) {
    let mut taken: BTreeMap<&str, Vec<&TextEdit>> = BTreeMap::new();
    let mut changes: Vec<(Change, BTreeSet<&str>)> = Vec::new();
    for finding in findings.iter().filter(|finding| !finding.edits.is_empty()) {
        let clashes = finding.edits.iter().any(|edit| {
            taken.get(edit.file.as_str()).is_some_and(|others| others.iter().any(|other| overlap(&edit.edit, other)))
        });
        // What clashes with a fix of this round has its turn in the next one.
        if clashes {
            continue;
        }
        for edit in &finding.edits {
            taken.entry(&edit.file).or_default().push(&edit.edit);
        }
        let change = Change {
            rule: finding.rule,
            file: finding.file.clone(),
            line: finding.line,
            message: finding.message.clone(),
            fix: finding.fix.clone().unwrap_or_default(),
        };
        changes.push((change, finding.edits.iter().map(|edit| edit.file.as_str()).collect()));
    }
    let mut next = files.clone();
    let mut kept: BTreeSet<&str> = BTreeSet::new();
    for (path, edits) in taken {
        let Some(index) = files.find(path).filter(|index| files.documents(*index).is_ok()) else { continue };
        let Ok(before) = files.text(index) else { continue };
        let text = apply(before, edits.into_iter().cloned().collect());
        if text != before && harness_yaml::documents(&text).is_ok() {
            next = next.replacing(index, text);
            kept.insert(path);
        }
    }
    let done =
        changes.into_iter().filter(|(_, files)| files.iter().all(|file| kept.contains(file))).map(|(change, _)| change);
    (next, done.collect())
}

/// Two insertions at one place clash too: their order would be a matter of chance.
fn overlap(a: &TextEdit, b: &TextEdit) -> bool {
    a.offset == b.offset || (a.offset < b.end() && b.offset < a.end())
}
