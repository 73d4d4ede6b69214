//! Every phase ends, and within a time that is said.

use super::Context;
use crate::model::PhaseSpec;
use harness_plan::Condition;
use harness_units::Span;
use harness_yaml::Diagnostic;

pub(super) fn end(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for phase in &context.scenario.phases {
        let name = &phase.name.value;
        match (&phase.until, &phase.within, &phase.hold) {
            (None, None, None) => found.push(context.error(
                phase.name.mark,
                format!("the phase `{name}` has no end"),
                "give it `until` and `within`, or `for`",
            )),
            (Some(until), None, None) => found.push(context.error(
                until.mark,
                format!("the phase `{name}` waits for {} without a limit", until.names()),
                "say for how long: `within: 5m`",
            )),
            (None, Some(within), None) => found.push(context.error(
                within.mark,
                format!("the phase `{name}` has a deadline for nothing"),
                "name the condition (`until: all-pods-ready`), or hold the phase with `for`",
            )),
            (until, within, Some(hold)) if until.is_some() || within.is_some() => found.push(context.error(
                hold.mark,
                format!("the phase `{name}` both waits and is held"),
                "use `until` with `within`, or `for`; split the phase where both are meant",
            )),
            _ => {}
        }
    }
    found
}

/// A wait that counts from the start of a phase names an earlier one.
pub(super) fn count_from_earlier_ones(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let phases = &context.scenario.phases;
    for (index, phase) in phases.iter().enumerate() {
        if phase.deadline_may_pass && phase.within.is_none() {
            let message = format!("the phase `{}` has no deadline that may pass", phase.name.value);
            found.push(context.error(phase.name.mark, message, "give it `until` and `within`"));
        }
        let Some(until) = &phase.until else { continue };
        for since in until.0.iter().flat_map(Condition::parts).filter_map(Condition::since) {
            // Unknown names have been reported.
            if phases[index..].iter().any(|later| later.name.value == since) {
                let message = format!("the phase `{since}` has not ended when `{}` waits", phase.name.value);
                found.push(context.error(until.mark, message, "name an earlier phase, or leave out `since`"));
            }
        }
    }
    found
}

pub(super) fn have_time(context: &Context<'_>) -> Vec<Diagnostic> {
    let facts = context.facts();
    let mut found = Vec::new();
    for phase in &context.scenario.phases {
        if let Some(until) = &phase.until {
            found.extend(context.all_placed(until.mark, until.problems(&facts)));
        }
        found.extend(settles_too_late(context, phase));
        for (key, setting) in [("within", &phase.within), ("for", &phase.hold)] {
            let Some(setting) = setting else { continue };
            if setting.value == Span::ZERO {
                let message = format!("`{key}` of the phase `{}` must be longer than 0s", phase.name.value);
                found.push(context.error(setting.mark, message, "give a duration above 0s"));
            }
        }
    }
    found
}

/// Quiet is counted from the last action of the phase at the earliest, so that it may last longer than there is until the deadline.
fn settles_too_late(context: &Context<'_>, phase: &PhaseSpec) -> Option<Diagnostic> {
    let (until, within) = (phase.until.as_ref()?, phase.within.as_ref()?);
    let quiet = until.0.iter().flat_map(Condition::parts).filter_map(|condition| match condition {
        Condition::Settled(span) => Some(*span),
        _ => None,
    });
    let acted = phase.actions.iter().map(|action| action.beside.after.as_duration()).max().unwrap_or_default();
    let quiet = quiet.max().filter(|quiet| acted.saturating_add(quiet.as_duration()) > within.value.as_duration())?;
    let name = &phase.name.value;
    let message = match acted.is_zero() {
        true => format!("the phase `{name}` is over before anything can be quiet for {quiet}"),
        false => format!("the phase `{name}` is over before anything can be quiet for {quiet} after its last action"),
    };
    Some(context.error(within.mark, message, "give it a later deadline, or wait for less quiet"))
}
