//! The simulated Azure and the Git server: distributions that exist, faults that happen.

use super::Context;
use harness_simulation::Problem;
use harness_yaml::{Diagnostic, Node};

pub(super) fn behaviour(context: &Context<'_>) -> Vec<Diagnostic> {
    let Some(node) = context.document.get("azure") else { return Vec::new() };
    context.scenario.azure.problems().into_iter().map(|problem| placed(context, node, problem)).collect()
}

pub(super) fn faults(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for action in context.scenario.phases.iter().flat_map(|phase| &phase.actions) {
        let Some(node) = context.document.find(action.mark) else { continue };
        let azure = action.azure_fault.iter().flat_map(|fault| fault.problems()).map(|it| it.under("azureFault"));
        let git = action.git_fault.iter().flat_map(|fault| fault.problems()).map(|it| it.under("gitFault"));
        found.extend(azure.chain(git).map(|problem| placed(context, node, problem)));
    }
    found
}

fn placed(context: &Context<'_>, node: &Node, problem: Problem) -> Diagnostic {
    let place = if problem.is_key { node.key_place(&problem.path) } else { node.place(&problem.path) };
    context.error(place, problem.message, problem.hint)
}
