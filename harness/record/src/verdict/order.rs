//! Were the Kustomizations applied one after the other?

use harness_plan::Order;

use super::outcome::{CheckOutcome, Evidence, Verdict};
use super::window::Windows;
use crate::event::{ActionKind, Reached};
use crate::text;

/// Commits and steps that are shown.
const SHOWN: usize = 6;

pub(super) fn check(check: &Order, evidence: &Evidence<'_>) -> CheckOutcome {
    let Order { kustomizations, phases } = check;
    let source = evidence.source;
    let timelines = source.timelines;
    let windows = Windows::of(phases, evidence);
    let limit = format!("{}: each applied after the one before it is healthy", kustomizations.join(", "));
    let pushes = timelines.actions.all.iter().filter_map(|action| match &action.what {
        ActionKind::Push { revision, .. } if action.acked_us.is_some() && phases.contains(&action.phase) => {
            Some((action.phase.as_str(), revision.as_str()))
        }
        _ => None,
    });
    let pushes: Vec<(&str, &str)> = pushes.collect();
    let mut verdict = if pushes.is_empty() { Verdict::Inconclusive } else { windows.judge_always(true) };
    let mut observed: Vec<String> = Vec::new();
    for phase in phases.iter().filter(|phase| !pushes.iter().any(|(pushed, _)| pushed == phase)) {
        verdict = verdict.and(Verdict::Inconclusive);
        observed.push(format!("no commit was pushed in {phase}"));
    }
    let mut steps = Vec::new();
    for (index, (phase, revision)) in pushes.iter().enumerate() {
        // A commit that the next one overtook need not have been applied by every Kustomization.
        let newest = pushes.get(index + 1).is_none_or(|(next, _)| next != phase);
        let mut times = Vec::new();
        for (position, name) in kustomizations.iter().enumerate() {
            let reached = |reached| timelines.gitops.first(name, reached, revision);
            let (applied, healthy) = (reached(Reached::Applied), reached(Reached::Healthy));
            let at = |stamp: Option<crate::timeline::Stamp>| {
                stamp.map_or("never".to_owned(), |stamp| text::duration(stamp.at_us()))
            };
            times.push(format!("{name} applied {}, healthy {}", at(applied), at(healthy)));
            let Some(applied) = applied else {
                if newest {
                    // It may still be applied after its phase.
                    verdict = verdict.and(Windows::of_run(evidence).judge_once(false));
                    observed.push(format!("{name} never applied {}", short(revision)));
                }
                break;
            };
            let Some(before) = position.checked_sub(1).and_then(|before| kustomizations.get(before)) else { continue };
            match timelines.gitops.first(before, Reached::Healthy, revision) {
                Some(stamp) if !stamp.is_live() || !applied.is_live() => {
                    verdict = verdict.and(Verdict::Inconclusive);
                    observed.push(format!("when {before} or {name} came to {} was not seen", short(revision)));
                }
                Some(stamp) if stamp.at_us() <= applied.at_us() => {}
                _ => {
                    verdict = Verdict::Fail;
                    observed.push(format!("{name} applied {} before {before} was healthy", short(revision)));
                }
            }
        }
        steps.push(format!("{}: {}", short(revision), times.join(", ")));
    }
    if observed.is_empty() {
        observed.push(format!("in order for {}", text::count(pushes.len(), "commit")));
    }
    let evidence = if steps.is_empty() { "no commit".to_owned() } else { text::first_few(&steps, SHOWN) };
    CheckOutcome { verdict, observed: windows.observed(observed, verdict == Verdict::Fail), limit, evidence }
}

fn short(revision: &str) -> &str {
    revision.get(..12).unwrap_or(revision)
}
