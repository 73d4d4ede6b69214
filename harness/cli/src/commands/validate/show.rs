//! Findings, in the format that was asked for.

use std::collections::BTreeMap;

use harness_report::findings;
use harness_tree::validate::Validation;
use harness_tree::{SCENARIO_RULE, Severity};
use harness_yaml::Diagnostic;

use super::Outcome;
use super::files::ManifestTree;
use crate::args::Format;
use crate::console::{Console, StdoutError};
use crate::diagnostics;

/// Writes one line about a scenario without errors to stderr.
pub(super) fn valid(shown: &str, notes: usize, console: &Console) {
    let noted = if notes == 0 { String::new() } else { format!(", {}", counted(notes, "note")) };
    console.say(&format!("{shown}: valid{noted}"));
}

fn counted(count: usize, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}

/// Writes one line about a tree to stderr.
pub(super) fn summary(shown: &str, validation: &Validation, fixed: usize, asked: bool, console: &Console) {
    let count = |severity, one: &str| {
        Some(validation.count(severity)).filter(|count| *count > 0).map(|count| counted(count, one))
    };
    let mut parts: Vec<String> =
        [count(Severity::Error, "error"), count(Severity::Warning, "warning"), count(Severity::Note, "note")]
            .into_iter()
            .flatten()
            .collect();
    if validation.count(Severity::Error) == 0 {
        parts.insert(0, "valid".to_owned());
    }
    if fixed > 0 {
        parts.push(format!("{fixed} fixed"));
    }
    let built = match validation.folders.len() {
        0 => counted(validation.objects.len(), "object"),
        folders => format!("{} from {}", counted(validation.objects.len(), "object"), counted(folders, "folder")),
    };
    let left = match unchecked_kinds(&validation.unchecked) {
        Some(kinds) if !asked => format!("; the fields of {kinds} are not checked without --server"),
        _ => String::new(),
    };
    console.say(&format!("{shown}: {}; {built}{left}", parts.join(", ")));
}

/// The kinds of which most objects are not checked, and how many others there are; `None` where there is none.
fn unchecked_kinds(unchecked: &BTreeMap<String, usize>) -> Option<String> {
    const NAMED_MAX: usize = 5;
    let mut kinds: Vec<(&String, usize)> = unchecked.iter().map(|(kind, count)| (kind, *count)).collect();
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let named: Vec<String> = kinds.iter().take(NAMED_MAX).map(|(kind, count)| format!("{count} {kind}")).collect();
    let more = match kinds.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {}", counted(more, "more kind")),
    };
    (!named.is_empty()).then(|| format!("{}{more}", named.join(", ")))
}

/// Writes what Flux would apply of a tree to stdout.
pub(super) fn print(tree: &ManifestTree, validation: &Validation, console: &Console) -> Result<(), StdoutError> {
    for object in &validation.objects {
        let by = object.applied_by.as_ref().map(|by| format!(", applied by {by}")).unwrap_or_default();
        console.data(&format!("---\n# from {}{by}\n{}", tree.shown_file(&object.file), object.to_yaml().trim_end()))?;
    }
    Ok(())
}

/// Writes the findings: as text to stderr, in every other format to stdout.
pub(super) fn show(outcome: &Outcome, console: &Console) -> Result<(), StdoutError> {
    let failed = |error: serde_json::Error| StdoutError::from(std::io::Error::from(error));
    match console.format {
        Format::Text => show_text(outcome, console),
        Format::Json => {
            console.data(&findings::json(&outcome.findings, &outcome.changes, &outcome.undone).map_err(failed)?)?
        }
        Format::Sarif => {
            console.data(&findings::sarif(&outcome.findings, env!("CARGO_PKG_VERSION")).map_err(failed)?)?;
        }
        Format::Github => {
            let text = findings::github(&outcome.findings);
            if !text.is_empty() {
                console.data(&text)?;
            }
        }
    }
    Ok(())
}

fn show_text(outcome: &Outcome, console: &Console) {
    for finding in &outcome.findings {
        let mut problem = Diagnostic::from(finding.clone());
        if finding.rule != SCENARIO_RULE {
            problem.message = format!("{} [{}]", problem.message, finding.rule);
        }
        if finding.fixable {
            problem.hint = Some(format!("{} (--fix does it)", problem.hint.unwrap_or_default()));
        }
        match finding.severity {
            Severity::Error => console.error(&diagnostics::render(&problem, &outcome.texts, console)),
            Severity::Warning => console.warning(&diagnostics::render(&problem, &outcome.texts, console)),
            Severity::Note => console.say(&finding.to_string()),
        }
    }
    for undone in &outcome.undone {
        let tried = undone.tried.iter().map(|change| format!("\n  line {}: {}", change.line, change.fix));
        console.say(&format!(
            "{}: {} undone, since the file was no better: {} before, {} after{}",
            undone.file,
            counted(undone.tried.len(), "change"),
            undone.before,
            undone.after,
            tried.collect::<String>()
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_kinds_the_most_frequent_are_named() {
        // Before, a repository with charts and controllers had a line with forty kinds.
        let kinds = |names: &[(&str, usize)]| names.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect();
        let many = [("A", 1), ("B", 9), ("C", 2), ("D", 1), ("E", 1), ("F", 1), ("G", 1)];
        assert_eq!(unchecked_kinds(&kinds(&many)).unwrap(), "9 B, 2 C, 1 A, 1 D, 1 E and 2 more kinds");
        assert_eq!(unchecked_kinds(&kinds(&many[..1])).unwrap(), "1 A");
        assert_eq!(unchecked_kinds(&kinds(&[])), None);
    }
}
