//! Were the revisions applied in the order in which they were pushed?

use std::collections::BTreeMap;

use harness_plan::{Action, AppliedInOrder};

use super::outcome::{CheckOutcome, Evidence, Verdict};
use super::window::{Windows, named_or_all};
use crate::event::Reached;
use crate::text;
use crate::timeline::{FluxStep, Push, ROOT, pushes};

pub(super) fn check(check: &AppliedInOrder, evidence: &Evidence<'_>) -> CheckOutcome {
    let AppliedInOrder { last, phases } = check;
    let source = evidence.source;
    let names = named_or_all(phases, evidence);
    let windows = Windows::of(names.iter().copied(), evidence);
    let all = pushes(&source.timelines.actions);
    let place: BTreeMap<&str, usize> = all.iter().enumerate().map(|(index, push)| (push.commit, index)).collect();
    let asked: Vec<&Push<'_>> = all.iter().filter(|push| names.contains(&push.phase)).collect();
    let span = windows.all.first().zip(windows.all.last()).map(|(first, last)| (first.from_us, last.to_us));
    let (from_us, to_us) = span.unwrap_or_default();
    // Revisions pushed by others have no place in the order.
    let reported: Vec<(&FluxStep, usize)> = source
        .timelines
        .gitops
        .steps_of(ROOT)
        .filter(|step| matches!(step.reached, Reached::Applied | Reached::Healthy))
        .filter(|step| (from_us..=to_us).contains(&step.at.at_us()))
        .filter_map(|step| Some((step, *place.get(&*step.commit)?)))
        .collect();

    let mut verdict = windows.judge_always(true);
    let mut observed = Vec::new();
    let applied = asked.iter().filter(|push| reported.iter().any(|(step, _)| *step.commit == *push.commit)).count();
    observed.push(format!("{applied} of {} applied", text::count(asked.len(), "revision")));
    let planned = planned(&names, evidence);
    if asked.is_empty() || asked.len() < planned {
        verdict = verdict.and(Verdict::Inconclusive);
        observed.push(format!("{} of {} pushed", asked.len(), text::count(planned, "commit")));
    }
    if let Some([(earlier, _), (later, _)]) = reported.windows(2).find(|pair| matches!(pair, [a, b] if b.1 < a.1)) {
        verdict = Verdict::Fail;
        observed.push(format!(
            "{} at {} after {} at {}",
            named(&later.commit, &place),
            text::duration(later.at.at_us()),
            named(&earlier.commit, &place),
            text::duration(earlier.at.at_us()),
        ));
    }
    if let (true, Some(newest)) = (*last, asked.last()) {
        let in_force =
            reported.last().filter(|(step, _)| step.reached == Reached::Healthy).map(|(step, _)| &*step.commit);
        if in_force != Some(newest.commit) {
            verdict = verdict.and(windows.judge_once(false));
            observed.push(format!(
                "{} was pushed last and is not in force{}",
                named(newest.commit, &place),
                refusal(newest, evidence)
            ));
        }
    }
    let limit = if *last { "in the order of the pushes, the last one in force" } else { "in the order of the pushes" };
    let shown = reported.iter().filter(|(step, _)| step.reached == Reached::Applied);
    let shown: Vec<String> = shown.map(|(step, _)| named(&step.commit, &place)).collect();
    let shown = if shown.is_empty() { "none".to_owned() } else { text::first_few(&shown, SHOWN) };
    CheckOutcome {
        verdict,
        observed: windows.observed(observed, verdict == Verdict::Fail),
        limit: limit.to_owned(),
        evidence: format!("applied: {shown}; in {}", windows.described()),
    }
}

/// Revisions that are shown.
const SHOWN: usize = 60;

/// `#7 0123abcd`: its place among the pushes and the start of its SHA.
fn named(commit: &str, place: &BTreeMap<&str, usize>) -> String {
    let number = place.get(commit).map_or_else(String::new, |place| format!("#{} ", place + 1));
    format!("{number}{}", commit.get(..8).unwrap_or(commit))
}

/// How many pushes the plan has in these phases.
fn planned(phases: &[&str], evidence: &Evidence<'_>) -> usize {
    let pushes = Action::pushes;
    let phases = evidence.source.plan.phases.iter().filter(|phase| phases.contains(&phase.name.as_str()));
    phases.flat_map(|phase| &phase.actions).filter(|planned| pushes(&planned.action)).count()
}

/// `: BuildFailed`, where Flux said so of this revision.
fn refusal(push: &Push<'_>, evidence: &Evidence<'_>) -> String {
    let mut steps = evidence.source.timelines.gitops.steps_of(ROOT);
    let failed = steps.find(|step| step.reached == Reached::Failed && *step.commit == *push.commit);
    failed.map_or_else(String::new, |step| format!(": {}", step.reason))
}
