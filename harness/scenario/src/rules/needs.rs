//! A target that lacks what an action needs must be able to say so before anything is done.

use super::Context;
use crate::model::{ExpectationSpec, TriggerSpec};
use harness_plan::Capability;
use harness_yaml::Diagnostic;
use harness_yaml::Mark;

pub(super) fn cover_the_actions(context: &Context<'_>) -> Vec<Diagnostic> {
    let scenario = context.scenario;
    let mut wanted: Vec<(Capability, Mark, String)> = Vec::new();
    for action in scenario.phases.iter().flat_map(|phase| &phase.actions) {
        let (capability, what) = if action.kill_component.is_some() || action.start_component.is_some() {
            (Capability::ComponentControl, "killing and starting components")
        } else if action.azure_fault.is_some() || action.clear_azure_faults.is_some() {
            (Capability::SimulatedAzure, "faults of Azure")
        } else if action.publish_node_image.is_some() || action.upgrade_kubernetes.is_some() {
            (Capability::SimulatedAzure, "new images and versions of Azure")
        } else if action.git_fault.is_some() || action.clear_git_faults.is_some() {
            (Capability::ComponentControl, "faults of the Git server")
        } else if action.commit.is_some() || action.revert.is_some() || action.force_push.is_some() {
            (Capability::Gitops, "commits")
        } else if action.change.is_some() {
            (Capability::Gitops, "changing what Git declares")
        } else if action.reconcile.is_some() {
            (Capability::Gitops, "asking Flux to reconcile")
        } else if action.publish_image.is_some() {
            (Capability::ImageRegistry, "publishing images")
        } else if action.load.is_some() {
            (Capability::MetricsApi, "setting the metrics that the HPA reads")
        } else if action.scale.is_some() || action.replace.is_some() {
            (Capability::NodeAutoProvisioning, "scaling workloads that need nodes")
        } else {
            continue;
        };
        wanted.push((capability, action.mark, what.to_owned()));
    }
    for workload in scenario.workloads.values() {
        if let Some(autoscale) = &workload.autoscale {
            wanted.push((Capability::MetricsApi, autoscale.mark, "an autoscaler".to_owned()));
        }
    }
    if scenario.webhook.is_some() {
        wanted.push((Capability::FluxNotification, context.key_mark(&["webhook"]), "a webhook".to_owned()));
    }
    let commits = scenario.phases.iter().flat_map(|phase| &phase.actions).filter(|action| {
        let trigger = action.commit.as_ref().and_then(|commit| commit.trigger.as_ref());
        matches!(trigger, Some(TriggerSpec::Receiver(_)))
    });
    for action in commits {
        wanted.push((Capability::FluxNotification, action.mark, "calling a Receiver".to_owned()));
    }
    if says(context, "{registry}") {
        let what = "the address of an image registry".to_owned();
        wanted.push((Capability::ImageRegistry, context.key_mark(&["amend"]), what));
    }
    if !scenario.azure.faults.is_empty() {
        wanted.push((Capability::SimulatedAzure, context.key_mark(&["azure", "faults"]), "faults of Azure".to_owned()));
    }
    for expectation in &scenario.expect {
        let ExpectationSpec::Latency(latency) = &expectation.value else { continue };
        let of = latency.of.value;
        if of.as_str().starts_with("gitops_") {
            wanted.push((Capability::Gitops, latency.of.mark, format!("the latency {of}")));
        }
    }
    let mut found = Vec::new();
    for (index, (capability, mark, what)) in wanted.iter().enumerate() {
        let declared = scenario.needs.iter().any(|need| need.value == *capability);
        let said = wanted[..index].iter().any(|(earlier, ..)| earlier == capability);
        if !declared && !said {
            let message = format!("{what} needs `{capability}`, which `needs` does not name");
            found.push(context.error(*mark, message, format!("write `needs: [{capability}, ...]`")));
        }
    }
    for (index, need) in scenario.needs.iter().enumerate() {
        if scenario.needs[..index].contains(need) {
            found.push(context.error(need.mark, format!("`{}` is named twice", need.value), "name it once"));
        }
    }
    found
}

/// A placeholder that stands for something.
pub(super) fn placeholders_have_values(context: &Context<'_>) -> Vec<Diagnostic> {
    if context.scenario.webhook.is_some() || !says(context, "{webhook}") {
        return Vec::new();
    }
    let message = "`{webhook}` stands for nothing: nobody listens for notifications";
    vec![context.error(context.key_mark(&["amend"]), message, "have the run listen: `webhook: {}`")]
}

/// Whether an edit of the tree, before the run or in a commit, has the placeholder anywhere.
fn says(context: &Context<'_>, placeholder: &str) -> bool {
    let commits = context.scenario.phases.iter().flat_map(|phase| &phase.actions);
    let commits = commits.filter_map(|action| action.commit.as_ref()).flat_map(|commit| &commit.edits);
    let mut edits = context.scenario.amend.iter().chain(commits);
    // Of what was read as JSON, nothing is not written as JSON.
    edits.any(|edit| serde_json::to_string(edit).is_ok_and(|text| text.contains(placeholder)))
}
