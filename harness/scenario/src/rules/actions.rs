//! Actions: of sense and effect, and inside their phase.

use std::collections::{BTreeMap, BTreeSet};

use super::estimate::slow;
use super::{Context, Schedule, length};
use crate::arrival;
use harness_plan::{Action, ClearAzureFaults, Selection};
use harness_simulation::Fault;
use harness_units::Span;
use harness_yaml::{Diagnostic, Problem};

/// What to do where arrivals take too long.
const FASTER: &str = "raise the rate, or give the phase more time";

/// What each action can say of itself.
pub(super) fn make_sense(context: &Context<'_>) -> Vec<Diagnostic> {
    let names = context.names();
    let mut found = Vec::new();
    for action in context.scenario.actions() {
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
            let (last, what, path, hint) = match &action.variant {
                Action::Scale(scale) if !scale.arrival.is_burst() => {
                    let scalings = scheduled.scalings.iter().filter(|scaling| scaling.mark == action.mark);
                    let Some(last) = scalings.max_by_key(|scaling| scaling.end) else { continue };
                    let count = last.from.abs_diff(last.to);
                    (last.end, format!("the last of {count} pods arrives"), &["scale", "arrival"][..], FASTER)
                }
                Action::Commit(commit) => {
                    let (Some(times), Some(spread)) = (commit.times, &commit.arrival) else { continue };
                    let last = after.as_duration().saturating_add(arrival::length(spread, times));
                    (last, "the last commit is due".to_owned(), &["commit", "arrival"][..], FASTER)
                }
                Action::UpgradeKubernetes(_) => {
                    let takes = slow(&context.scenario.azure.operations.upgrade());
                    let hint = "give `azure.operations.upgrade` a shorter time, or the phase more";
                    (
                        after.as_duration() + takes,
                        "the upgrade may end only".to_owned(),
                        &["upgradeKubernetes"][..],
                        hint,
                    )
                }
                _ => continue,
            };
            if last >= end.as_duration() {
                let seconds = last.as_secs();
                let message = format!("{what} {seconds} s after the start of the phase, and the phase ends at {end}");
                found.push(context.error(place(path), message, hint));
            }
        }
    }
    found
}

pub(super) fn change_something(context: &Context<'_>) -> Vec<Diagnostic> {
    let schedule = Schedule::of(context.scenario);
    let mut found = Vec::new();
    for action in context.scenario.actions() {
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
            let line = earlier.mark.line;
            let message = if earlier.end == scaling.start {
                format!("this scales workloads at the moment at which the action in line {line} scales them")
            } else {
                let seconds = earlier.end.as_secs();
                format!(
                    "this scales workloads that the action in line {line} is still scaling, until {seconds} s after the start of the phase"
                )
            };
            found.push(context.error(scaling.mark, message, "let it come `after` that, or in a phase of its own"));
        }
    }
    found
}

/// A fault is cleared while it is in force, a component is killed while it runs, and started while it does not.
pub(super) fn undo_what_is_there(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut in_force: BTreeSet<String> = context.scenario.azure.faults.iter().filter_map(Fault::name).collect();
    // In which line.
    let mut cleared: BTreeMap<String, u32> = BTreeMap::new();
    let mut killed: BTreeMap<String, u32> = BTreeMap::new();
    for phase in &context.scenario.phases {
        let mut actions: Vec<_> = phase.actions.iter().collect();
        actions.sort_by_key(|action| action.beside.after);
        for action in actions {
            let line = action.mark.line;
            let mut wrong = |path: &[&str], message: String, hint: &str| {
                found.extend(context.all_placed(action.mark, vec![Problem::new(path, message, hint)]));
            };
            match &action.variant {
                Action::AzureFault(asked) => in_force.extend(asked.fault.name()),
                Action::ClearAzureFaults(ClearAzureFaults { id: None }) => {
                    cleared.extend(std::mem::take(&mut in_force).into_iter().map(|id| (id, line)));
                }
                Action::ClearAzureFaults(ClearAzureFaults { id: Some(id) }) => {
                    let path = ["clearAzureFaults", "id"];
                    if in_force.remove(id) {
                        cleared.insert(id.clone(), line);
                    } else if let Some(line) = cleared.get(id) {
                        let message = format!("the fault `{id}` has been cleared already, in line {line}");
                        wrong(&path, message, "leave this out, or set the fault again before");
                    } else if context.names().faults.contains(id) {
                        wrong(&path, format!("the fault `{id}` has not been set yet"), "clear it after it is set");
                    }
                }
                Action::KillComponent(component) => {
                    if let Some(line) = killed.insert(component.to_string(), line) {
                        let message = format!("{component} has been killed already, in line {line}");
                        wrong(&["killComponent"], message, "leave this out, or start it in between: `startComponent`");
                    }
                }
                Action::StartComponent(component) if killed.remove(&component.to_string()).is_none() => {
                    let hint = "leave this out, or kill it before: `killComponent`";
                    wrong(&["startComponent"], format!("{component} runs already"), hint);
                }
                _ => {}
            }
        }
    }
    found
}
