//! The tree that the run starts with: what the scenario changes before the first push.

use super::edits::Edits;
use crate::scenario::Scenario;
use harness_tree::{Placeholders, SkuFact, SourceFile, examine};
use harness_yaml::{Diagnostic, in_order};

/// Makes the changes. Nobody can want a tree that Flux refuses from the start: what is wrong because of them is an error.
pub(crate) fn amended(
    scenario: &Scenario,
    source: &str,
    files: &[SourceFile],
    skus: &[SkuFact],
) -> Result<Vec<SourceFile>, Vec<Diagnostic>> {
    let edits = Edits::before_the_run(scenario);
    let read = |files: &[SourceFile]| {
        let filled = Placeholders::fill_for_a_plan(files.to_vec());
        let hint = "correct the placeholder".to_owned();
        filled.map(|files| examine(source, &files)).map_err(|error| vec![edits.error_of_all(error.to_string(), hint)])
    };
    let before = read(files)?;
    let changed = edits.make(files, &before.tree).map_err(|diagnostic| vec![diagnostic])?;
    let after = read(&changed)?;
    let wrong = edits.complaints(&before, &after, skus).into_iter().map(|complaint| complaint.diagnostic);
    let wrong: Vec<Diagnostic> = wrong.collect();
    if wrong.is_empty() { Ok(changed) } else { Err(in_order(wrong)) }
}
