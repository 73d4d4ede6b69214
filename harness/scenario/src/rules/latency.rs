//! Limits on latencies: of something that happens, within what the phases allow.

use super::{Context, Story, git};
use crate::model::{ExpectationSpec, LatencySpec, UntilSpec};
use harness_plan::{Action, GroupBy, LatencyName};
use harness_units::Span;
use harness_yaml::Diagnostic;

pub(super) fn limits_can_fail(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for expectation in &context.scenario.expect {
        let ExpectationSpec::Latency(latency) = &expectation.value else { continue };
        if latency.limits().is_empty() && latency.censored.is_none() {
            let hint = "give one of p50, p90, p95, p99, max, censored";
            found.push(context.error(expectation.mark, "this latency has no limit", hint));
        }
        if let Some(samples) = &latency.samples_min
            && samples.value == 0
        {
            let message = "with samplesMin 0 a group without samples would hold its limits";
            found.push(context.error(samples.mark, message, "give at least 1, which is the default"));
        }
        found.extend(group(context, latency));
        found.extend(limits(context, latency));
    }
    found
}

/// Nodes and pushes belong to no workload.
fn group(context: &Context<'_>, latency: &LatencySpec) -> Option<Diagnostic> {
    use LatencyName as L;
    let by = latency.by.as_ref()?;
    let possible = match latency.of.value {
        L::PodReady | L::PodReadyService | L::PodScheduled | L::Capacity => {
            !matches!(by.value, GroupBy::Object | GroupBy::Kustomization)
        }
        L::WorkloadRecovered | L::Autoscaled => by.value == GroupBy::Workload,
        L::DriftCorrected => by.value == GroupBy::Object,
        L::NodeProvisioning
        | L::NodeclaimLaunched
        | L::NodeclaimRegistered
        | L::NodeclaimInitialized
        | L::NodeTermination
        | L::NodeReplaced
        | L::NodeFill
        | L::NodeIdle => !matches!(by.value, GroupBy::Workload | GroupBy::Object | GroupBy::Kustomization),
        L::GitopsApplied | L::GitopsHealthy | L::GitopsRefused | L::GitopsRecovered => {
            by.value == GroupBy::Kustomization
        }
        _ => false,
    };
    (!possible).then(|| {
        let message = format!("{} is not split by {}", latency.of.value, by.value.as_str());
        context.error(
            by.mark,
            message,
            "latencies of pods are split by all keys of pods and nodes, those of nodes by all but workload, drift_corrected by object, \
             those of revisions by kustomization, others by none",
        )
    })
}

/// The longest that a sample of this latency can take before the phases give up, or why there is never one.
fn window(context: &Context<'_>, of: LatencyName) -> Result<Option<Span>, &'static str> {
    use LatencyName as L;
    let story = Story::of(context.scenario);
    let raised = || {
        story
            .window(|scaling| scaling.to > scaling.from, |until| *until == UntilSpec::AllPodsReady)
            .map(Some)
            .ok_or("no phase scales anything up")
    };
    match of {
        L::PodReady | L::PodReadyService | L::PodScheduled | L::Capacity => raised(),
        L::NodeProvisioning | L::NodeclaimLaunched | L::NodeclaimRegistered | L::NodeclaimInitialized => raised(),
        L::NodeTermination => story
            .window(|scaling| scaling.to < scaling.from, |until| *until == UntilSpec::NoNodes)
            .map(Some)
            .or(makes_nodes_go(context).then_some(None))
            .ok_or("no phase scales anything down, and none makes nodes go"),
        // Each run pushes the tree and waits for it with limits of its own.
        L::GitopsFetched | L::GitopsApplied | L::GitopsHealthy => Ok(None),
        L::GitopsRefused if git::pushes(context) => Ok(None),
        L::GitopsRefused => Err("no phase commits anything that Flux could refuse"),
        L::GitopsRecovered if git::repairs(context) => Ok(None),
        L::GitopsRecovered => Err("no phase repairs anything"),
        L::NodeFill => raised(),
        L::NodeIdle => Ok(None),
        // What makes nodes be replaced may be a fault, a commit or the tree's own settings: how long it may take is the phases' affair.
        L::NodeReplaced | L::WorkloadRecovered => {
            if makes_nodes_go(context) {
                Ok(None)
            } else {
                Err("no phase makes nodes be replaced")
            }
        }
        L::Autoscaled => {
            let loads = context.actions().any(|action| matches!(action.variant, Action::Load(_)));
            if loads { Ok(None) } else { Err("no phase sets a load") }
        }
        L::DriftCorrected => {
            let corrected = |action: &Action| matches!(action, Action::Change(change) if !change.stays);
            if context.actions().any(|action| corrected(&action.variant)) {
                Ok(None)
            } else {
                Err("no phase changes anything that is to be put right")
            }
        }
        L::AlertFired => Err("no action of this format causes an alert"),
        // A notification may come for whatever a phase does: how long it may take is the phases' affair.
        L::AlertDelivered => match context.scenario.webhook {
            Some(_) => Ok(None),
            None => Err("nobody listens for notifications (`webhook: {}`)"),
        },
    }
}

/// Whether nodes can go for another reason than having no pods.
fn makes_nodes_go(context: &Context<'_>) -> bool {
    context.actions().any(|action| action.variant.disrupts_nodes()) || !context.scenario.amend.is_empty()
}

fn limits(context: &Context<'_>, latency: &LatencySpec) -> Vec<Diagnostic> {
    let of = latency.of.value;
    let window = match window(context, of) {
        Ok(window) => window,
        Err(why) => {
            let message = format!("there is never a sample of {of}: {why}");
            return vec![context.error(latency.of.mark, message, "expect a latency of what the phases do")];
        }
    };
    // A phase without an end has been reported, and says nothing about how long a sample can take.
    let story = Story::of(context.scenario);
    let window = window.filter(|_| story.phases.iter().all(|phase| phase.length > Span::ZERO));
    let mut found = Vec::new();
    for (_, key, limit) in latency.limits() {
        let value = limit.value;
        if value == Span::ZERO {
            found.push(context.error(limit.mark, format!("`{key}` is no time at all"), "give a duration above 0s"));
        }
        if let Some(window) = window.filter(|window| value > *window) {
            let message = format!(
                "this limit cannot fail: {key} of {of} may be {}, and the phases give up after {window} (profile {})",
                context.value_and_parameter(limit),
                context.profile
            );
            found.push(context.error(
                limit.mark,
                message,
                format!("give at most {window}, or the phase a later deadline"),
            ));
        }
    }
    found
}
