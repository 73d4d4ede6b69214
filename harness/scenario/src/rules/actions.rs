//! Actions: of sense and effect, and inside their phase.

use super::{Context, Schedule, length};
use crate::arrival;
use harness_plan::{Action, Selection};
use harness_units::Span;
use harness_yaml::Diagnostic;

/// What each action can say of itself.
pub(super) fn make_sense(context: &Context<'_>) -> Vec<Diagnostic> {
    let names = context.names();
    let mut found = Vec::new();
    for action in context.actions() {
        found.extend(context.all_placed(action.mark, action.variant.problems(&names)));
    }
    found
}

pub(super) fn are_in_time(context: &Context<'_>) -> Vec<Diagnostic> {
    let schedule = Schedule::of(context.scenario);
    let mut found = Vec::new();
    for (phase, scheduled) in context.scenario.phases.iter().zip(&schedule.phases) {
        let end = length(phase);
        if end == Span::ZERO {
            continue;
        }
        for action in &phase.actions {
            let after = action.beside.after;
            let place = |path: &[&str]| {
                let path: Vec<String> = path.iter().map(|key| (*key).to_owned()).collect();
                context.document.find(action.mark).map_or(action.mark, |node| node.place(&path))
            };
            if after >= end {
                let message = format!("this action is due after {after}, when its phase has ended ({end})");
                let hint = "let it come earlier, or give the phase more time";
                found.push(context.error(place(&["after"]), message, hint));
                continue;
            }
            let (last, what, path) = match &action.variant {
                Action::Scale(scale) if !scale.arrival.is_burst() => {
                    let scalings = scheduled.scalings.iter().filter(|scaling| scaling.mark == action.mark);
                    let Some(last) = scalings.max_by_key(|scaling| scaling.end) else { continue };
                    let count = last.from.abs_diff(last.to);
                    (last.end, format!("the last of {count} pods arrives"), ["scale", "arrival"])
                }
                Action::Commit(commit) => {
                    let (Some(times), Some(spread)) = (commit.times, &commit.arrival) else { continue };
                    let last = after.as_duration().saturating_add(arrival::length(spread, times));
                    (last, "the last commit is due".to_owned(), ["commit", "arrival"])
                }
                _ => continue,
            };
            if last >= end.as_duration() {
                let seconds = last.as_secs();
                let message = format!("{what} {seconds} s after the start of the phase, and the phase ends at {end}");
                found.push(context.error(place(&path), message, "raise the rate, or give the phase more time"));
            }
        }
    }
    found
}

pub(super) fn change_something(context: &Context<'_>) -> Vec<Diagnostic> {
    let schedule = Schedule::of(context.scenario);
    let mut found = Vec::new();
    for action in context.actions() {
        let Action::Scale(scale) = &action.variant else { continue };
        let mut scalings = schedule.scalings().filter(|scaling| scaling.mark == action.mark).peekable();
        if scalings.peek().is_none() {
            if scale.workloads != Selection::All {
                // Unknown names have been reported.
                continue;
            }
            let message = "this scales nothing: the scenario has no workloads";
            let hint = "name workloads, or set `otherClasses: derived`";
            found.push(context.error(action.mark, message, hint));
        } else if scalings.all(|scaling| scaling.from == scaling.to) {
            let mark = context.scale_mark(action.mark);
            let replicas = context.value_and_parameter(&harness_yaml::Located::new(scale.to, mark));
            let message = format!("this changes nothing: there are {replicas} replicas already");
            found.push(context.error(mark, message, "workloads start with 0 replicas: scale to another number"));
        }
    }
    found
}

pub(super) fn follow_each_other(context: &Context<'_>) -> Vec<Diagnostic> {
    let schedule = Schedule::of(context.scenario);
    let mut found = Vec::new();
    for phase in &schedule.phases {
        for (index, scaling) in phase.scalings.iter().enumerate() {
            let earlier = phase.scalings[..index].iter().rev().find(|earlier| earlier.workload == scaling.workload);
            let Some(earlier) = earlier.filter(|earlier| scaling.start <= earlier.end) else { continue };
            let message = format!(
                "this scales workloads that the action in line {} is still scaling, until {} s after the start of the phase",
                earlier.mark.line,
                earlier.end.as_secs(),
            );
            found.push(context.error(scaling.mark, message, "let it come `after` that, or in a phase of its own"));
        }
    }
    found
}
