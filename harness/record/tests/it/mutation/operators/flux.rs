//! Revisions that are applied in another order, or not at all.

use harness_record::EventKind;
use harness_record::event::*;

use super::super::edit::{Edit, Mutation, at};
use super::super::log::Log;

/// The Kustomization that applies the node configuration.
const ROOT: &str = "node-config";

/// A Kustomization applies a revision before the one that it follows is healthy, or never.
pub(super) fn out_of_order(kustomizations: &[String], log: &Log<'_>) -> Vec<Mutation> {
    let mut mutations = Vec::new();
    for pair in kustomizations.windows(2) {
        let [before, after] = pair else { continue };
        for (index, event, _) in of(after, Reached::Applied, log).into_iter().rev() {
            let healthy = of(before, Reached::Healthy, log).into_iter().rfind(|(_, it, _)| it.at_us <= event.at_us);
            if let Some((_, healthy, _)) = healthy {
                let early = at(event, healthy.at_us.saturating_sub(1));
                let what = format!("{after} applies a revision before {before} is healthy");
                mutations.push(Mutation::new(what, vec![Edit::Replace(index, early)]).naming(after));
            }
        }
    }
    for name in kustomizations {
        let edits = of(name, Reached::Applied, log).into_iter().map(|(index, ..)| Edit::Drop(index)).collect();
        mutations.push(Mutation::new(format!("{name} never applies anything"), edits).naming(name));
    }
    mutations
}

/// An earlier revision is applied after a later one, or the last one is never in force.
pub(super) fn out_of_push_order(last: bool, log: &Log<'_>) -> Vec<Mutation> {
    let applied = of(ROOT, Reached::Applied, log);
    let mut mutations = Vec::new();
    for pair in applied.windows(2).rev() {
        let [(first, one, _), (second, two, _)] = pair else { continue };
        let swapped = vec![Edit::Replace(*first, at(one, two.at_us)), Edit::Replace(*second, at(two, one.at_us))];
        mutations.push(Mutation::new("two revisions are applied in the other order", swapped).naming(" after "));
    }
    if last {
        for (index, _, _) in of(ROOT, Reached::Healthy, log).into_iter().rev() {
            let what = "a revision is never healthy";
            mutations.push(Mutation::new(what, vec![Edit::Drop(index)]).naming("is not in force"));
        }
    }
    mutations
}

fn of<'a>(name: &str, reached: Reached, log: &Log<'a>) -> Vec<(usize, &'a harness_record::Event, &'a Milestone)> {
    let told = log.events.iter().enumerate().filter_map(|(index, event)| match &event.kind {
        EventKind::Milestone(it)
            if it.object.kind == ObjectKind::Kustomization && it.object.name == name && it.reached == reached =>
        {
            Some((index, event, it))
        }
        _ => None,
    });
    told.collect()
}
