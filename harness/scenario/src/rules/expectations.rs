//! Expectations that can fail, and are different.

use super::Context;
use harness_yaml::Diagnostic;

/// A gate that cannot fail proves nothing.
pub(super) fn can_fail(context: &Context<'_>) -> Vec<Diagnostic> {
    let facts = context.facts();
    let expect = context.scenario.expect.iter();
    expect.flat_map(|one| context.all_placed(one.mark, one.variant.problems(&facts))).collect()
}

pub(super) fn are_different(context: &Context<'_>) -> Vec<Diagnostic> {
    let expect = &context.scenario.expect;
    let names: Vec<String> = expect.iter().map(|one| one.beside.name(&one.variant)).collect();
    expect
        .iter()
        .enumerate()
        .filter(|(index, _)| names[..*index].contains(&names[*index]))
        .map(|(index, one)| {
            context.error(one.mark, format!("`{}` is expected twice", names[index]), "remove one of them")
        })
        .collect()
}
