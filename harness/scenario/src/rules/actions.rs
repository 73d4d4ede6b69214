//! Actions: one thing each, inside their phase, and of some effect.

use super::{Context, Story, length};
use crate::model::{ActionSpec, ArrivalSpec, Selection};
use harness_units::Span;
use harness_yaml::Diagnostic;
use harness_yaml::suggest;

/// The components of a local cluster that a scenario may kill.
pub(super) const COMPONENTS: [&str; 13] = [
    "docker-registry",
    "etcd",
    "image-automation-controller",
    "image-reflector-controller",
    "karpenter",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kustomize-controller",
    "kwok",
    "kwok-leases",
    "notification-controller",
    "source-controller",
];

fn said(action: &ActionSpec) -> usize {
    [
        action.scale.is_some(),
        action.replace.is_some(),
        action.commit.is_some(),
        action.revert.is_some(),
        action.load.is_some(),
        action.publish_node_image.is_some(),
        action.upgrade_kubernetes.is_some(),
        action.azure_fault.is_some(),
        action.clear_azure_faults.is_some(),
        action.kill_component.is_some(),
        action.start_component.is_some(),
        action.change.is_some(),
        action.reconcile.is_some(),
        action.publish_image.is_some(),
        action.git_fault.is_some(),
        action.clear_git_faults.is_some(),
        action.force_push.is_some(),
    ]
    .into_iter()
    .filter(|said| *said)
    .count()
}

pub(super) fn are_one_each(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for action in context.scenario.phases.iter().flat_map(|phase| &phase.actions) {
        let keys = "scale, replace, commit, revert, load, publishNodeImage, upgradeKubernetes, azureFault, \
                    clearAzureFaults, killComponent, startComponent, change, reconcile, \
                    publishImage, gitFault, clearGitFaults, forcePush";
        match said(action) {
            0 => found.push(context.error(action.mark, "this action does nothing", format!("give one of {keys}"))),
            1 => {}
            _ => found.push(context.error(
                action.mark,
                "this is more than one action",
                "make each an item of its own: `- scale: ...`, `- azureFault: ...`",
            )),
        }
        for name in [&action.kill_component, &action.start_component].into_iter().flatten() {
            if !COMPONENTS.contains(&name.as_str()) {
                let message = format!("no component is named `{}`", name.value);
                found.push(context.error(name.mark, message, suggest::hint(name, COMPONENTS)));
            }
        }
    }
    found
}

pub(super) fn are_in_time(context: &Context<'_>) -> Vec<Diagnostic> {
    let story = Story::of(context.scenario);
    let mut found = Vec::new();
    for (phase, told) in context.scenario.phases.iter().zip(&story.phases) {
        let end = length(phase);
        if end == Span::ZERO {
            continue;
        }
        for action in &phase.actions {
            let after = action.after.as_ref().map_or(Span::ZERO, |after| after.value);
            if after >= end {
                let mark = action.after.as_ref().map_or(action.mark, |after| after.mark);
                let message = format!("this action is due after {after}, when its phase has ended ({end})");
                found.push(context.error(mark, message, "let it come earlier, or give the phase more time"));
                continue;
            }
            let Some(arrival) = action.scale.as_ref().and_then(|scale| scale.arrival.as_ref()) else { continue };
            let scalings = told.scalings.iter().filter(|scaling| scaling.mark == action.mark);
            let Some(last) = scalings.max_by_key(|scaling| scaling.end) else { continue };
            if last.end >= end.as_duration() {
                let message = format!(
                    "the last of {} pods arrives {} s after the phase's begin, and the phase ends at {end}",
                    last.from.abs_diff(last.to),
                    last.end.as_secs(),
                );
                found.push(context.error(arrival.mark, message, "raise the rate, or give the phase more time"));
            }
        }
    }
    found
}

pub(super) fn change_something(context: &Context<'_>) -> Vec<Diagnostic> {
    let story = Story::of(context.scenario);
    let mut found = Vec::new();
    for action in context.scenario.phases.iter().flat_map(|phase| &phase.actions) {
        let Some(scale) = &action.scale else { continue };
        let mut scalings = story.scalings().filter(|scaling| scaling.mark == action.mark).peekable();
        if scalings.peek().is_none() {
            if scale.workloads.value != Selection::All {
                // Names that nobody knows have been reported.
                continue;
            }
            let message = "this scales nothing: the scenario has no workloads";
            let hint = "name workloads, or set `otherClasses: derived`";
            found.push(context.error(action.mark, message, hint));
        } else if scalings.all(|scaling| scaling.from == scaling.to) {
            let message =
                format!("this changes nothing: there are {} replicas already", context.value_and_parameter(&scale.to));
            found.push(context.error(
                scale.to.mark,
                message,
                "workloads begin with 0 replicas: scale to another number",
            ));
        }
    }
    found
}

pub(super) fn follow_each_other(context: &Context<'_>) -> Vec<Diagnostic> {
    let story = Story::of(context.scenario);
    let mut found = Vec::new();
    for phase in &story.phases {
        for (index, scaling) in phase.scalings.iter().enumerate() {
            let earlier = phase.scalings[..index].iter().rev().find(|earlier| earlier.workload == scaling.workload);
            let Some(earlier) = earlier.filter(|earlier| scaling.begin <= earlier.end) else { continue };
            let message = format!(
                "this scales workloads that the action in line {} is still scaling, until {} s after the phase's begin",
                earlier.mark.line,
                earlier.end.as_secs(),
            );
            found.push(context.error(scaling.mark, message, "let it come `after` that, or in a phase of its own"));
        }
    }
    found
}

/// More replicas than Kubernetes supports pods in a cluster are a slip of the keyboard, and a plan has an action for each.
/// Source: kubernetes.io, "Considerations for large clusters".
const REPLICAS_MAX: u32 = 150_000;

pub(super) fn are_bounded(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for scale in
        context.scenario.phases.iter().flat_map(|phase| &phase.actions).filter_map(|action| action.scale.as_ref())
    {
        if scale.to.value > REPLICAS_MAX {
            let message =
                format!("{} replicas are more pods than a cluster can have", context.value_and_parameter(&scale.to));
            found.push(context.error(scale.to.mark, message, format!("ask for at most {REPLICAS_MAX}")));
        }
        let Some(ArrivalSpec::Steps(steps)) = scale.arrival.as_ref().map(|arrival| &arrival.value) else { continue };
        if let (true, Some(arrival)) = (steps.is_empty(), &scale.arrival) {
            found.push(context.error(
                arrival.mark,
                "there are no steps",
                "give at least one: `{perSecond: 5, for: 10s}`",
            ));
        }
        for step in steps.iter().filter(|step| step.duration.value == Span::ZERO) {
            found.push(context.error(step.duration.mark, "a step of no time at all", "give a duration above 0s"));
        }
    }
    found
}
