//! Commits, force-pushes and faults of the Git server: of some effect, in bounds, and inside their phase.

use std::time::Duration;

use super::{Context, length};
use crate::expand::arrival;
use crate::model::Setting;
use crate::model::{ActionSpec, CommitSpec, ExpectationSpec};
use harness_plan::{TreeEdit, What};
use harness_units::Span;
use harness_yaml::Diagnostic;

/// More commits of one action than this are a slip of the keyboard: each is a push of its own.
const COMMITS_MAX: u32 = 1_000;

/// More objects of one commit than this do not fit into the file that a pull request shows, and etcd holds them for nothing.
const OBJECTS_MAX: u32 = 10_000;

fn actions<'a>(context: &'a Context<'_>) -> impl Iterator<Item = &'a harness_yaml::Located<ActionSpec>> {
    context.scenario.phases.iter().flat_map(|phase| &phase.actions)
}

pub(super) fn of_some_effect(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for action in actions(context) {
        if let Some(commit) = &action.commit {
            if commit.edits.is_empty() && commit.add_many.is_empty() {
                let hint = "give `edits` or `addMany`";
                found.push(context.error(action.mark, "this commit changes nothing", hint));
            }
            found.extend(commit.times.as_ref().and_then(|times| number(context, times, COMMITS_MAX, "commits")));
            found
                .extend(commit.add_many.iter().filter_map(|many| number(context, &many.count, OBJECTS_MAX, "objects")));
            if let (Some(arrival), None) = (&commit.arrival, &commit.times) {
                let hint = "say how many commits: `times: 50`";
                found.push(context.error(arrival.mark, "one commit has no arrival", hint));
            }
            found.extend(same_again(context, commit, action));
        }
        if let Some(back) = action.force_push.as_ref().and_then(|spec| spec.back.as_ref())
            && back.value == 0
        {
            let hint = "drop at least one commit, or use `commit`";
            found.push(context.error(back.mark, "this rewrites no history", hint));
        }
    }
    found
}

fn number(context: &Context<'_>, setting: &Setting<u32>, most: u32, what: &str) -> Option<Diagnostic> {
    let value = setting.value;
    let message = match value {
        0 => format!("no {what} at all"),
        value if value > most => format!("{value} {what} are more than this is made for"),
        _ => return None,
    };
    Some(context.error(setting.mark, message, format!("give 1 to {most}")))
}

/// Commits that are all the same add the same object twice, or change nothing after the first.
fn same_again(
    context: &Context<'_>,
    commit: &CommitSpec,
    action: &harness_yaml::Located<ActionSpec>,
) -> Option<Diagnostic> {
    let times = commit.times.as_ref()?.value;
    let differ = commit.edits.iter().any(|edit: &TreeEdit| edit.numbered(1) != edit.numbered(2));
    (times > 1 && (!differ || !commit.add_many.is_empty())).then(|| {
        let hint = "write `{n}` where the number of the commit belongs";
        context.error(action.mark, "all of these commits make the same change", hint)
    })
}

pub(super) fn in_time(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for phase in &context.scenario.phases {
        let end = length(phase).as_duration();
        for action in &phase.actions {
            let Some(commit) = &action.commit else { continue };
            let (Some(times), Some(arrival)) = (&commit.times, &commit.arrival) else { continue };
            let after = action.after.as_ref().map_or(Span::ZERO, |after| after.value).as_duration();
            let lasts = arrival::length(&arrival.value, times.value);
            let last = after.saturating_add(lasts);
            if end > Duration::ZERO && last >= end {
                let message = format!(
                    "the last commit is due {} s after the phase's begin, and the phase ends after {} s",
                    last.as_secs(),
                    end.as_secs()
                );
                found.push(context.error(arrival.mark, message, "raise the rate, or give the phase more time"));
            }
        }
    }
    found
}

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
    actions(context).any(|action| action.commit.is_some() || action.revert.is_some() || action.force_push.is_some())
}

/// Whether any phase repairs what Flux can have failed at.
pub(super) fn repairs(context: &Context<'_>) -> bool {
    let starts = |action: &ActionSpec| {
        let component = action.start_component.as_ref().map(|name| name.value.as_str());
        component.is_some_and(|name| harness_plan::FLUX_CONTROLLERS.contains(&name))
    };
    pushes(context) || actions(context).any(|action| action.clear_git_faults.is_some() || starts(action))
}
