//! Every phase ends, and within a time that is said.

use super::Context;
use crate::model::{NodesSpec, ReadyPodsSpec, Setting, UntilSpec};
use harness_units::Span;
use harness_yaml::Diagnostic;
use harness_yaml::Mark;

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

pub(super) fn have_time(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for phase in &context.scenario.phases {
        if let Some(until) = &phase.until {
            found.extend(until.0.iter().filter_map(|one| condition(context, one, until.mark)));
        }
        for (key, setting) in [("within", &phase.within), ("for", &phase.hold)] {
            let Some(setting) = setting else { continue };
            if setting.value == Span::ZERO {
                let message = format!("`{key}` of the phase `{}` is no time at all", phase.name.value);
                found.push(context.error(setting.mark, message, "give a duration above 0s"));
            }
        }
    }
    found
}

/// A condition that says something.
fn condition(context: &Context<'_>, until: &UntilSpec, mark: Mark) -> Option<Diagnostic> {
    let both = |least: &Option<Setting<u32>>, most: &Option<Setting<u32>>| least.is_none() && most.is_none();
    let (message, hint) = match until {
        UntilSpec::Nodes(NodesSpec { at_least, at_most, .. })
        | UntilSpec::ReadyPods(ReadyPodsSpec { at_least, at_most, .. })
            if both(at_least, at_most) =>
        {
            ("this condition always holds", "give `atLeast`, `atMost` or both")
        }
        UntilSpec::Happened(spec) if spec.at_most.is_some() => {
            ("a phase cannot wait for something to happen no more than so often", "expect that with `happened`")
        }
        UntilSpec::Notified(spec) if spec.at_most.is_some() || !spec.phases.is_empty() => {
            ("a phase waits for notifications in itself, and for no fewer", "leave out `in` and `atMost`")
        }
        UntilSpec::Happened(spec) if !spec.phases.is_empty() => {
            ("a phase counts what happens in itself", "leave out `in`")
        }
        UntilSpec::Settled(span) if span.value == Span::ZERO => {
            ("settled for no time at all", "give a duration above 0s")
        }
        UntilSpec::Field(spec) if spec.always || !spec.phases.is_empty() => {
            ("a phase waits for what a field is now", "leave out `in` and `always`")
        }
        _ => return None,
    };
    Some(context.error(mark, message, hint))
}
