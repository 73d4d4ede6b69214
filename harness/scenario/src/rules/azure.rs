//! The simulated Azure: distributions that exist, faults that happen.

use super::Context;
use harness_yaml::Diagnostic;

pub(super) fn behaviour(context: &Context<'_>) -> Vec<Diagnostic> {
    let Some(node) = context.document.get("azure") else { return Vec::new() };
    context.scenario.azure.problems().into_iter().map(|problem| context.placed(node, problem)).collect()
}
