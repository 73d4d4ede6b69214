//! A target that lacks what an action needs must be able to say so before anything is done.

use super::Context;
use harness_plan::{Action, Capability, Check, Trigger};
use harness_yaml::Diagnostic;
use harness_yaml::Mark;

pub(super) fn cover_the_actions(context: &Context<'_>) -> Vec<Diagnostic> {
    let scenario = context.scenario;
    let mut wanted: Vec<(Capability, Mark, String)> = Vec::new();
    for action in context.scenario.actions() {
        wanted.push((action.variant.needs(), action.mark, format!("`{}`", action.variant.as_str())));
    }
    for (name, workload) in &scenario.workloads {
        if workload.autoscale.is_some() {
            let mark = context.key_mark(&["workloads", name, "autoscale"]);
            wanted.push((Capability::MetricsApi, mark, "an autoscaler".to_owned()));
        }
        if workload.containers.is_some() {
            let mark = context.key_mark(&["workloads", name, "containers"]);
            wanted.push((Capability::SimulatedAzure, mark, "what containers do".to_owned()));
        }
    }
    if scenario.webhook.is_some() {
        wanted.push((Capability::FluxNotification, context.key_mark(&["webhook"]), "a webhook".to_owned()));
    }
    for action in context.scenario.actions() {
        if let Action::Commit(commit) = &action.variant
            && matches!(commit.trigger, Trigger::Receiver(_))
        {
            wanted.push((Capability::FluxNotification, action.mark, "calling a Receiver".to_owned()));
        }
    }
    if says(context, "{registry}") {
        let what = "the address of an image registry".to_owned();
        wanted.push((Capability::ImageRegistry, context.key_mark(&["amend"]), what));
    }
    if says(context, "{subnets}") {
        let what = "a subnet of the simulated Azure".to_owned();
        wanted.push((Capability::SimulatedAzure, context.key_mark(&["amend"]), what));
    }
    if !scenario.azure.faults.is_empty() {
        wanted.push((Capability::SimulatedAzure, context.key_mark(&["azure", "faults"]), "faults of Azure".to_owned()));
    }
    for expectation in &scenario.expect {
        let Check::Latency(latency) = &expectation.variant else { continue };
        if latency.of.is_of_gitops() {
            wanted.push((Capability::Gitops, expectation.mark, format!("the latency {}", latency.of)));
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
    let commits = context.scenario.actions().flat_map(|action| action.variant.edits());
    context.scenario.amend.iter().chain(commits).any(|edit| edit.mentions(placeholder))
}
