//! Expectations that can fail, and are different; limits on latencies are of something that happens, within what the phases allow.

use super::{Context, Schedule, quoted};
use harness_plan::{Action, Check, Condition, LatencyLimits, LatencyName, PhaseReached};
use harness_units::Span;
use harness_yaml::{Diagnostic, Problem};

/// A gate that cannot fail proves nothing.
pub(super) fn can_fail(context: &Context<'_>) -> Vec<Diagnostic> {
    let facts = context.facts();
    let expect = context.scenario.expect.iter();
    expect.flat_map(|one| context.all_placed(one.mark, one.variant.problems(&facts))).collect()
}

pub(super) fn are_different(context: &Context<'_>) -> Vec<Diagnostic> {
    let scenario = context.scenario;
    // That a phase reaches its conditions is expected of itself.
    let of_phases = scenario.phases.iter().filter(|phase| !phase.deadline_may_pass).filter_map(|phase| {
        let (until, within) = (phase.until.as_ref()?, phase.within.as_ref()?);
        Some(until.expected_as(&PhaseReached { phase: phase.name.value.clone() }, within.value))
    });
    let mut known: Vec<(String, Option<&Check>)> = of_phases.map(|name| (name, None)).collect();
    let mut found = Vec::new();
    for one in &scenario.expect {
        let name = one.beside.name(&one.variant);
        if let Some((_, check)) = known.iter().find(|(known, _)| *known == name) {
            let (message, hint) = match *check == Some(&one.variant) {
                true => (format!("{} is expected twice", quoted(&name)), "remove one of them"),
                false => {
                    (format!("another expectation is named {}", quoted(&name)), "give this one a `title` of its own")
                }
            };
            found.push(context.error(one.mark, message, hint));
        }
        known.push((name, Some(&one.variant)));
    }
    found
}

pub(super) fn limits_can_fail(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for expectation in &context.scenario.expect {
        let Check::Latency(latency) = &expectation.variant else { continue };
        let problems = problems(context, latency).into_iter().map(|problem| problem.under("latency"));
        found.extend(context.all_placed(expectation.mark, problems.collect()));
    }
    found
}

fn problems(context: &Context<'_>, latency: &LatencyLimits) -> Vec<Problem> {
    let of = latency.of;
    let window = match window(context, of) {
        Ok(window) => window,
        Err(why) => {
            let message = format!("there is never a sample of {of}: {why}");
            return vec![Problem::new(&["of"], message, "expect a latency of what the phases do")];
        }
    };
    // A phase without an end has been reported, and says nothing about how long a sample can take.
    let schedule = Schedule::of(context.scenario);
    let Some(window) = window.filter(|_| schedule.phases.iter().all(|phase| phase.length > Span::ZERO)) else {
        return Vec::new();
    };
    let too_long = latency.percentiles().filter(|(.., limit)| *limit > window);
    too_long
        .map(|(_, key, limit)| {
            let message =
                format!("this limit cannot fail: {key} of {of} may be {limit}, and the phases give up after {window}");
            Problem::new(&[key], message, format!("give at most {window}, or the phase a later deadline"))
        })
        .collect()
}

/// The longest that a sample of this latency can take before the phases give up, or why there is never one.
fn window(context: &Context<'_>, of: LatencyName) -> Result<Option<Span>, &'static str> {
    use LatencyName as L;
    let schedule = Schedule::of(context.scenario);
    let raised = || {
        schedule
            .window(|scaling| scaling.to > scaling.from, |until| *until == Condition::AllPodsReady)
            .map(Some)
            .ok_or("no phase scales anything up")
    };
    match of {
        L::PodReady | L::PodReadyService | L::PodScheduled | L::Capacity => raised(),
        L::NodeProvisioning | L::NodeclaimLaunched | L::NodeclaimRegistered | L::NodeclaimInitialized => raised(),
        L::NodeTermination => schedule
            .window(|scaling| scaling.to < scaling.from, |until| *until == Condition::NoNodes)
            .map(Some)
            .or(makes_nodes_go(context).then_some(None))
            .ok_or("no phase scales anything down, and none makes nodes go"),
        // Each run pushes the tree and waits for it with limits of its own.
        L::GitopsFetched | L::GitopsApplied | L::GitopsHealthy => Ok(None),
        L::GitopsRefused if context.any_action(Action::pushes) => Ok(None),
        L::GitopsRefused => Err("no phase commits anything that Flux could refuse"),
        L::GitopsRecovered if context.any_action(Action::repairs) => Ok(None),
        L::GitopsRecovered => Err("no phase repairs anything"),
        L::NodeFill => raised(),
        L::NodeIdle => Ok(None),
        // What makes nodes be replaced may be a fault, a commit or the tree's own settings: how long it may take is the phases' affair.
        L::NodeReplaced | L::NodeDrained | L::WorkloadRecovered => {
            if makes_nodes_go(context) {
                Ok(None)
            } else {
                Err("no phase makes nodes be replaced")
            }
        }
        L::Autoscaled => {
            if context.any_action(|action| matches!(action, Action::Load(_))) {
                Ok(None)
            } else {
                Err("no phase sets a load")
            }
        }
        L::DriftCorrected => {
            if context.any_action(|action| matches!(action, Action::Change(change) if !change.stays)) {
                Ok(None)
            } else {
                Err("no phase changes anything that is to be put right")
            }
        }
        L::AlertFired => Err("no action of this format causes an alert"),
        // Anything that a phase does can cause a notification: the phases limit how long it may take.
        L::AlertDelivered => match context.scenario.webhook {
            Some(_) => Ok(None),
            None => Err("nobody listens for notifications (`webhook: {}`)"),
        },
    }
}

/// Whether nodes can go for another reason than having no pods.
fn makes_nodes_go(context: &Context<'_>) -> bool {
    context.any_action(Action::disrupts_nodes) || !context.scenario.amend.is_empty()
}
