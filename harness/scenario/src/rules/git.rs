//! Git and Flux: what can be seen when the phases make Flux work.

use super::Context;
use crate::model::ExpectationSpec;
use harness_plan::What;
use harness_yaml::Diagnostic;

/// What says nothing about Flux when the phases never make it work.
pub(super) fn can_be_seen(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for expectation in &context.scenario.expect {
        match &expectation.value {
            ExpectationSpec::AppliedInOrder(_) if !pushes(context) => {
                let hint = "commit something in a phase, or remove this";
                found.push(context.error(expectation.mark, "without a commit nothing can be out of order", hint));
            }
            ExpectationSpec::Happened(spec) if is_waiting(spec.what, spec.code.as_deref()) => {
                let hint = "count `kustomization-waiting`: the revision has not failed, it was not tried";
                let message = "a Kustomization whose dependency is not ready has not failed";
                found.push(context.error(expectation.mark, message, hint));
            }
            _ => {}
        }
    }
    found
}

fn is_waiting(what: What, code: Option<&str>) -> bool {
    what == What::KustomizationFailed && code == Some("DependencyNotReady")
}

/// Whether any phase pushes.
pub(super) fn pushes(context: &Context<'_>) -> bool {
    context.actions().any(|action| action.variant.pushes())
}

/// Whether any phase repairs what Flux can have failed at.
pub(super) fn repairs(context: &Context<'_>) -> bool {
    context.actions().any(|action| action.variant.repairs())
}
