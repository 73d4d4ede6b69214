//! `--fix`: the edits of findings, applied until no finding has one, and undone in files that they did not make better.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::run::{Validation, ValidationInputs, validate};
use crate::files::Files;
use crate::finding::{Finding, Severity};
use crate::node_config::is_json;
use harness_units::count;
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

/// Changes of a file that were undone: with them it was no better than before.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Undone {
    /// The file's path in the tree.
    pub file: String,
    /// What was tried, in the order in which it was.
    pub tried: Vec<Change>,
    /// What is wrong with the file as it is.
    pub before: Counts,
    /// What was wrong with it after the changes.
    pub after: Counts,
}

/// How many findings there are of each severity. What is greater is worse: one error more counts for more than any number of warnings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Counts {
    /// Errors.
    pub errors: usize,
    /// Warnings.
    pub warnings: usize,
    /// Notes.
    pub notes: usize,
}

impl Counts {
    fn of<'f>(findings: impl Iterator<Item = &'f Finding>) -> Self {
        let mut counts = Self::default();
        for finding in findings {
            match finding.severity {
                Severity::Error => counts.errors += 1,
                Severity::Warning => counts.warnings += 1,
                Severity::Note => counts.notes += 1,
            }
        }
        counts
    }

    fn in_file(validation: &Validation, file: &str) -> Self {
        Self::of(validation.findings.iter().filter(|finding| finding.file == file))
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [(self.errors, "error"), (self.warnings, "warning"), (self.notes, "note")];
        let parts: Vec<String> = parts
            .into_iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, one)| count(number as u64, one))
            .collect();
        f.write_str(if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }.as_str())
    }
}

/// A tree with its mechanical errors fixed.
#[derive(Clone, Debug)]
pub struct Fixed {
    /// All files; those without a change are the same, byte for byte.
    pub files: Files,
    /// In the order in which they were made.
    pub changes: Vec<Change>,
    /// What was tried and undone, by file.
    pub undone: Vec<Undone>,
    /// The check of the tree as it is now.
    pub validation: Validation,
}

/// Fixes whatever has exactly one right form. A file that cannot be read is not touched, and a change after which a file could not be
/// read any more is not made. Changes of a file that is no better for them are undone: they would only move what is wrong with it.
pub fn fix(inputs: &ValidationInputs<'_>) -> Fixed {
    let before = validate(inputs, None);
    let mut kept_out: BTreeSet<String> = BTreeSet::new();
    let mut undone: Vec<Undone> = Vec::new();
    loop {
        let mut fixed = fix_but(inputs, &before, &kept_out);
        let worse = no_better(inputs.files, &before, &fixed);
        if worse.is_empty() {
            for finding in fixed.validation.findings.iter_mut().filter(|finding| kept_out.contains(&finding.file)) {
                *finding = finding.clone().edits(Vec::new());
            }
            undone.retain(|undone| !undone.tried.is_empty());
            return Fixed { undone, ..fixed };
        }
        for file in worse {
            let of_file = |change: &&Change| change.file == file;
            undone.push(Undone {
                tried: fixed.changes.iter().filter(of_file).cloned().collect(),
                before: Counts::in_file(&before, &file),
                after: Counts::in_file(&fixed.validation, &file),
                file: file.clone(),
            });
            kept_out.insert(file);
        }
    }
}

/// The files that have changed and are no better for it; all that have changed, where only the tree as a whole is no better.
fn no_better(files: &Files, before: &Validation, fixed: &Fixed) -> Vec<String> {
    let changed: Vec<&str> = files.paths().filter(|path| files.text_at(path) != fixed.files.text_at(path)).collect();
    let is_worse = |file: &&str| Counts::in_file(&fixed.validation, file) >= Counts::in_file(before, file);
    let worse: Vec<&str> = changed.iter().copied().filter(is_worse).collect();
    let whole = Counts::of(fixed.validation.findings.iter()) >= Counts::of(before.findings.iter());
    let worse = if worse.is_empty() && whole { changed } else { worse };
    worse.into_iter().map(str::to_owned).collect()
}

/// The fixes in all files but some.
fn fix_but(inputs: &ValidationInputs<'_>, before: &Validation, kept_out: &BTreeSet<String>) -> Fixed {
    let mut files = inputs.files.clone();
    let mut changes = Vec::new();
    let mut validation = before.clone();
    for _ in 0..ROUNDS_MAX {
        let (next, mut done) = round(&files, &validation.findings, kept_out);
        if done.is_empty() {
            break;
        }
        files = next;
        changes.append(&mut done);
        validation = validate(&ValidationInputs { files: &files, ..*inputs }, None);
    }
    Fixed { files, changes, undone: Vec::new(), validation }
}

fn round(files: &Files, findings: &[Finding], kept_out: &BTreeSet<String>) -> (Files, Vec<Change>) {
    let mut taken: BTreeMap<&str, Vec<&TextEdit>> = BTreeMap::new();
    let mut changes: Vec<(Change, BTreeSet<&str>)> = Vec::new();
    for finding in findings.iter().filter(|finding| !finding.edits.is_empty()) {
        let clashes = finding.edits.iter().any(|edit| {
            taken.get(edit.file.as_str()).is_some_and(|others| others.iter().any(|other| overlap(&edit.edit, other)))
        });
        // What clashes with a fix of this round has its turn in the next one.
        if clashes || finding.edits.iter().any(|edit| kept_out.contains(&edit.file)) {
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
        let readable = harness_yaml::documents_of(&text, 0).is_ok() && (!is_json(before) || is_json(&text));
        if text != before && readable {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source_file::SourceFile;
    use rstest::rstest;

    fn fixed(files: &[(&str, &str)]) -> Fixed {
        let files: Vec<SourceFile> = files.iter().map(|(path, text)| SourceFile::new(*path, *text)).collect();
        fix(&ValidationInputs { files: &files.into(), folder: "", skus: &Vec::new(), aks_defaults: false })
    }

    const CLASS: &str =
        "apiVersion: karpenter.azure.com/v1beta1\nkind: AKSNodeClass\nmetadata: {name: general}\nspec: {}\n";

    fn pool(spec: &str, template: &str) -> String {
        format!(
            "apiVersion: karpenter.sh/v1\nkind: NodePool\nmetadata: {{name: general}}\nspec:\n{spec}  template:\n    metadata: {{labels: {{{template}}}}}\n    spec:\n      nodeClassRef: {{group: karpenter.azure.com, kind: AKSNodeClass, name: general}}\n      requirements: []\n"
        )
    }

    /// Before, the name of v1beta1 was left, with a hint.
    #[test]
    fn a_policy_that_has_another_name_now_is_renamed() {
        let old = pool(
            "  disruption:\n    # keep it cheap\n    consolidationPolicy: WhenUnderutilized\n    consolidateAfter: 1m\n",
            "",
        );
        let fixed = fixed(&[("class.yaml", CLASS), ("pool.yaml", &old)]);
        assert_eq!(
            fixed.files.text_at("pool.yaml").unwrap(),
            old.replace("WhenUnderutilized", "WhenEmptyOrUnderutilized")
        );
        assert!(fixed.undone.is_empty(), "{:?}", fixed.undone);
    }

    /// Before, a file was written in which as much was wrong as before.
    #[test]
    fn a_file_that_is_no_better_stays_as_it_was() {
        let counts = Counts { errors: 1, warnings: 0, notes: 0 };
        assert!(counts > Counts { errors: 0, warnings: 9, notes: 9 });
        assert_eq!(counts.to_string(), "1 error");

        // One of two errors is gone.
        let gone = "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: a, labels: {a: \"b c\"}}\nspec: {}\n";
        let better = fixed(&[("class.yaml", CLASS), ("pool.yaml", &pool("", "")), ("pdb.yaml", gone)]);
        assert!(
            better.files.text_at("pdb.yaml").unwrap().starts_with("apiVersion: policy/v1\n")
                && better.undone.is_empty()
        );

        // The version reveals that the object has never had the fields.
        let alpha = "apiVersion: notification.toolkit.fluxcd.io/v1beta1\nkind: Provider\nmetadata: {name: a, namespace: b}\nspec: {type: none, adress: x}\n";
        let fixed = fixed(&[("class.yaml", CLASS), ("pool.yaml", &pool("", "a: 5")), ("provider.yaml", alpha)]);
        assert_eq!(fixed.files.text_at("provider.yaml").unwrap(), alpha);
        let [undone] = fixed.undone.as_slice() else { panic!("{:?}", fixed.undone) };
        assert_eq!((undone.file.as_str(), undone.tried.len()), ("provider.yaml", 1));
        assert!(undone.after >= undone.before && undone.before.errors == 1);
        let left = fixed.validation.findings.iter().filter(|finding| finding.file == "provider.yaml");
        assert!(left.clone().count() > 0 && left.clone().all(|finding| !finding.fixable));
        assert!(fixed.files.text_at("pool.yaml").unwrap().contains("a: \"5\""), "the other file is fixed all the same");
    }

    #[rstest]
    #[case::crlf(&pool("", "a: 5").replace('\n', "\r\n"), "a: 5", "a: \"5\"")]
    #[case::a_mark(&format!("\u{feff}{}", pool("", "a: 5")), "a: 5", "a: \"5\"")]
    #[case::an_alias(&pool("", "a: &a 5, b: *a"), "", "")]
    #[case::octal(&pool("", "a: 0755"), "", "")]
    #[case::a_date(&pool("", "a: 2026-01-01"), "2026-01-01", "\"2026-01-01\"")]
    #[case::consolidate_after(&pool("  disruption:\r\n    budgets: []\r\n", "").replace("\r\n", "\n").replace('\n', "\r\n"), "    budgets: []\r\n", "    consolidateAfter: 0s\r\n    budgets: []\r\n")]
    fn only_the_bytes_of_the_change_are_touched(#[case] text: &str, #[case] old: &str, #[case] new: &str) {
        let fixed = fixed(&[("class.yaml", CLASS), ("pool.yaml", text)]);
        assert_eq!(fixed.files.text_at("pool.yaml").unwrap(), text.replacen(old, new, 1));
    }

    /// Before, the entry came into JSON as YAML writes it.
    #[test]
    fn json_is_fixed_as_json() {
        let old = r#"{"apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "general"}, "spec": {"disruption": {"budgets": []}, "template": {"spec": {"nodeClassRef": {"group": "karpenter.azure.com", "kind": "AKSNodeClass", "name": "general"}, "requirements": []}}}}"#;
        let fixed = fixed(&[
            ("class.yaml", CLASS),
            ("pool.json", old),
            ("kustomization.yaml", "resources: [class.yaml, pool.json]\n"),
        ]);
        assert_eq!(
            fixed.files.text_at("pool.json").unwrap(),
            old.replace("\"budgets\"", "\"consolidateAfter\": \"0s\", \"budgets\"")
        );
        assert!(is_json(fixed.files.text_at("pool.json").unwrap()));
    }
}
